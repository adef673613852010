"""What pydantic found wrong with content from outside, in one line."""

from __future__ import annotations

import reprlib

from pydantic import ValidationError

# A value may be of any size.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


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
    key = ".".join(map(str, first["loc"])) or "the content"
    if first["type"] == "missing":
        return f"{key}: missing"
    rule = first["msg"].replace("Input should be", "must be", 1)
    context = first.get("ctx", {})
    if "key" in context:
        # A rule of several keys, see `config`.
        return f"{key}.{context['key']} = {_SHORT.repr(context['value'])}: {rule}"
    return f"{key} = {_SHORT.repr(first['input'])}: {rule}"
