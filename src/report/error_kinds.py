"""The kind of each wrong answer: what went wrong, as far as the digits tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ..data.problems import PRECEDENCES, evaluate

# A wrong answer is of the first kind that fits it.
KINDS = {
    "no number": "nothing at all, or an operator inside",
    "zeros in front": "the right number, not written as it should be",
    "wrong sign": "below 0 instead of above or the reverse, whatever the digits",
    "carry dropped": "what comes out without some of the carries (of a difference: borrows)",
    "carry added": "what comes out with a carry (or borrow) where there is none",
    "another problem": "the answer if one operator were another of the data's, one of several "
    "operands were left out, the operators took another order, or the data's modulus were left out",
    "too short": "fewer digits than the right answer",
    "too long": "more digits than the right answer",
    "one digit off": "as many digits, one of them wrong",
    "several digits off": "as many digits, more than one of them wrong",
}


def error_kind(
    operands: Sequence[int],
    operators: str,
    right: int,
    said: int | None,
    ops: str,
    precedence: str,
    modulus: int = 0,
) -> str:
    """The kind of a wrong answer, of `KINDS`.

    >>> for said in (None, -65, 55, 165, 6, 650, 66, 76):
    ...     print(said, error_kind([48, 17], "+", 65, said, "+", "left_to_right"), sep=": ")
    None: no number
    -65: wrong sign
    55: carry dropped
    165: carry added
    6: too short
    650: too long
    66: one digit off
    76: several digits off

    Args:
        operands, operators: of the problem.
        right: the answer.
        said: what the model answered, as a number; None if it is none.
        ops: the operators that the data has.
        precedence: how the data reads several operators.
        modulus: what the data takes answers modulo; 0: nothing. With one, no carry is looked for.
    """
    if said is None:
        return "no number"
    if said == right:
        return "zeros in front"
    if (said < 0) != (right < 0):
        return "wrong sign"
    # Carries are tens: most wrong answers need no look at the columns.
    if (missing := abs(right) - abs(said)) % 10 == 0 and not modulus:
        columns: list[int] = []
        if set(operators) == {"+"}:
            columns = _carries(operands)
        elif operators == "-":
            # Without a borrow the result is too large.
            columns, missing = _borrows(max(operands), min(operands)), -missing
        if _adds_up(missing, columns):
            return "carry dropped"
        if _adds_up(-missing, [int(not column) for column in columns]):
            return "carry added"
    if said in _other_problems(operands, operators, ops, precedence, modulus):
        return "another problem"
    expected, found = str(abs(right)), str(abs(said))
    if len(found) != len(expected):
        return "too short" if len(found) < len(expected) else "too long"
    off = sum(x != y for x, y in zip(expected, found, strict=True))
    return "one digit off" if off == 1 else "several digits off"


def _carries(operands: Sequence[int]) -> list[int]:
    """What each column carries into the next when numbers are added by hand, units first.

    >>> _carries([48, 17]), _carries([99, 99, 99])
    ([1, 0], [2, 2])
    """
    carries = [0]
    for digits in zip_longest(*(map(int, str(x)[::-1]) for x in operands), fillvalue=0):
        carries.append((sum(digits) + carries[-1]) // 10)
    return carries[1:]


def _borrows(larger: int, smaller: int) -> list[int]:
    """What each column borrows from the next when the smaller number is subtracted by hand.

    >>> _borrows(503, 78)
    [1, 1, 0]
    """
    borrows = [0]
    pairs = zip_longest(map(int, str(larger)[::-1]), map(int, str(smaller)[::-1]), fillvalue=0)
    for above, below in pairs:
        borrows.append(int(above - below - borrows[-1] < 0))
    return borrows[1:]


def _adds_up(amount: int, columns: Sequence[int]) -> bool:
    """Whether an amount is what some of the columns hand on to their next, all or nothing.

    >>> [_adds_up(amount, [1, 0, 2]) for amount in (10, 2010, 100, 1000, 0, -10, 1)]
    [True, True, False, False, False, False, False]
    """
    if amount <= 0:
        return False
    digits = [int(digit) for digit in reversed(str(amount))]
    pairs = zip_longest(digits, [0, *columns], fillvalue=0)
    return all(digit in (0, column) for digit, column in pairs)


def _other_problems(
    operands: Sequence[int], operators: str, ops: str, precedence: str, modulus: int = 0
) -> Iterator[int]:
    """Answers to problems that a model may take this one for.

    >>> sorted(_other_problems([2, 3, 4], "+*", "+*", "standard"))
    [5, 8, 9, 12, 20, 24]
    """
    others = PRECEDENCES if len(operators) > 1 else ()
    problems = [(operands, operators, other) for other in others if other != precedence]
    for i, mine in enumerate(operators):
        swapped = [operators[:i] + op + operators[i + 1 :] for op in ops if op != mine]
        problems += [(operands, each, precedence) for each in swapped]
    for i in range(len(operands) if len(operands) > 2 else 0):
        rest = [*operands[:i], *operands[i + 1 :]]
        # The first operand goes with the operator behind it, each other with that before it.
        j = max(i - 1, 0)
        problems.append((rest, operators[:j] + operators[j + 1 :], precedence))
    if modulus:
        yield evaluate(operands, operators, precedence)
    for problem in problems:
        try:
            yield evaluate(*problem, modulus)
        except ValueError:  # no whole result
            continue
