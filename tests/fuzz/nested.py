"""Contents of dictionaries and lists changed at any place."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Odd = Callable[[Any, random.Random], Any]

TEXTS = (
    "",
    "x",
    "1",
    "1e5",
    "true",
    "float32",
    "../../x",
    "\x1b[31m\x1b[2J",
    "\x00",
    "\r\n",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "\N{LINE SEPARATOR}",
    "\ud800",
    "```\n# Heading\n<script>alert(1)</script>\n```",
    "`<b>`` # x",
    "\n---\na: b\n---\n",
    "| a | b |",
    "](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "=1+1",
    "{prompt}",
    "%s%n",
    "long " * 2000,
    "x" * 10_000,
    "\x1b[2J" * 1000,
)
NUMBERS = (
    *(0, -1, 1, 2, 3, 7, 16, 24, 1023, 1024, 65_536, 2**20, 2**31, 2**32, 2**53 + 1, 2**63, 2**64),
    *(10**12, 10**30, -(2**63), 10**400),
    *(0.0, -0.0, 0.5, 1.0, 1.5, 1e-320, 1e-30, 1e30, 1e308, -1e308),
    *(float("nan"), float("inf"), float("-inf")),
)


def plain(value: Any, chance: random.Random) -> Any:
    """A value that JSON has too, in place of another."""
    match chance.randrange(6):
        case 0 | 1:
            return chance.choice(NUMBERS)
        case 2 | 3:
            return chance.choice(TEXTS)
        case 4:
            return chance.choice((None, True, False, [], {}))
        case _:
            nested = chance.choice((chance.choice(NUMBERS), chance.choice(TEXTS), _copied(value)))
            for _ in range(chance.choice((1, 1, 2, 100))):
                nested = [nested] if chance.random() < 0.5 else {chance.choice(TEXTS): nested}
            return nested


def mutate(valid: Any, chance: random.Random, odd: Odd = plain) -> Any:
    """A copy in which a few entries were replaced, removed, nested, retyped, renamed or copied.

    Args:
        odd: makes another value for an entry's own.
    """
    # In a list of its own, so that the whole can be replaced too.
    whole = [_copied(valid)]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if whole:
            _change(*_place(whole, chance), whole, chance, odd)
    return whole[0] if whole else None


def _change(container: Any, key: Any, whole: Any, chance: random.Random, odd: Odd) -> None:
    value = container[key]
    match chance.randrange(9):
        case 0 | 1 | 2:
            container[key] = odd(value, chance)
        case 3:
            del container[key]
        case 4:
            container[key] = chance.choice(([value], {str(key): value}, {"": value}))
        case 5:
            container[key] = _retyped(value, chance)
        case 6 if isinstance(container, dict):
            container[_renamed(key, odd, chance)] = container.pop(key)
        case 7:
            source, other = _place(whole, chance)
            container[key] = _copied(source[other])
        case _ if isinstance(value, dict):
            value[_renamed("x", odd, chance)] = odd(value, chance)
        case _ if isinstance(value, list):
            value.insert(chance.randrange(len(value) + 1), odd(value, chance))
        case _ if isinstance(value, int | float):
            # A half of an integer that is too large for a float is none.
            factors = (-1, 2) if abs(value) > 2**1000 else (-1, 2, 1.5)
            container[key] = value * chance.choice(factors) + chance.choice((-1, 0, 1))
        case _ if isinstance(value, str):
            at = chance.randrange(len(value) + 1)
            container[key] = value[:at] + chance.choice(TEXTS) + value[at:]
        case _:
            container[key] = odd(value, chance)


def _renamed(key: Any, odd: Odd, chance: random.Random) -> Any:
    name = chance.choice((f"{key}x", chance.choice(TEXTS), odd(key, chance)))
    try:
        hash(name)
    except TypeError:
        return str(name)
    return name


def _retyped(value: Any, chance: random.Random) -> Any:
    match value:
        case bool():
            return chance.choice((int(value), str(value)))
        case int():
            return chance.choice((str(value), bool(value), [value]))
        case float():
            return chance.choice((str(value), bool(value), 0))
        case str():
            return chance.choice(
                (list(value), {value: value}, value.encode("utf-8", "replace").hex())
            )
        case dict():
            return chance.choice((list(value.items()), list(value), list(value.values())))
        case list():
            return chance.choice((dict(enumerate(value)), str(value), len(value)))
    return str(value)


def _place(whole: list[Any], chance: random.Random) -> tuple[Any, Any]:
    """A container and one of its keys, at any depth; seldom the list of the whole."""
    container: Any = whole
    deeper = 0.98
    while True:
        keys = list(container) if isinstance(container, dict) else range(len(container))
        key = chance.choice(keys)
        child = container[key]
        if not (isinstance(child, dict | list) and child and chance.random() < deeper):
            return container, key
        container, deeper = child, 0.85


def _copied(value: Any) -> Any:
    """Containers anew; what they hold, as it is."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
