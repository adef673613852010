"""What is wrong with content from outside, found by pydantic or by rules of ours, in one line."""

from __future__ import annotations

import reprlib

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from .visible import visible

# Of a value that is long or deep, its beginning and its end.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 80
_SHORT.maxlevel = 3


def shown(value: object) -> str:
    r"""A value from a file as Python writes it, in one line of no great length.

    >>> shown("a\nb"), shown([[[[[]]]]]), len(shown("x" * 1000))
    ("'a\\nb'", '[[[[...]]]]', 80)
    """
    try:
        return _SHORT.repr(value)
    except ValueError:
        # Python writes no integer of more than 4,300 digits.
        return "a huge number"


def broken(key: str, value: object, rule: str) -> PydanticCustomError:
    """The error of a rule that spans several keys, reported at one of them."""
    # pydantic fails on half a character pair, which YAML's and JSON's escapes can write.
    said = visible(value) if isinstance(value, str) else value
    return PydanticCustomError("rule", "{rule}", {"key": key, "value": said, "rule": rule})


def finding(error: ValidationError) -> str:
    """``key = value: rule`` for the first finding, with the whole key.

    >>> from pydantic import TypeAdapter
    >>> try:
    ...     TypeAdapter(dict[str, int]).validate_python({"a": 1, "b": [2]})
    ... except ValidationError as error:
    ...     finding(error)
    'b = [2]: must be a valid integer'
    """
    first = error.errors()[0]
    key = shown(".".join(map(str, first["loc"])))[1:-1] or "the content"
    if first["type"] == "missing":
        return f"{key}: missing"
    rule = first["msg"].replace("Input should be", "must be", 1)
    context = first.get("ctx", {})
    if "key" in context:
        # A rule of several keys, see `config`.
        place = f"{key}." if first["loc"] else ""
        return f"{place}{context['key']} = {shown(context['value'])}: {rule}"
    return f"{key} = {shown(first['input'])}: {rule}"
