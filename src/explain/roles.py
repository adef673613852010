"""What each head looks at while an answer's digit is said: the mean attention on each role."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .recording import Recording
from .sums import Sums

# What a token is to the digit of a place p that is said: the digits of the operands' place p, of
# the place before it (p - 1, from where the carry comes) and the others; earlier digits of the
# answer, the one that says it included.
ROLES = (
    *("a_same", "a_before", "a_other", "b_same", "b_before", "b_other"),
    *("operator", "equals", "answer", "bos"),
)
_SIGNS = {"<bos>": "bos", "+": "operator", "=": "equals", "<eos>": "answer"}


def role(name: str, place: int) -> str:
    """The role of a token while the digit of a place is said.

    >>> [role(name, 2) for name in ("a2", "b1", "b3", "=", "s3")]
    ['a_same', 'b_before', 'b_other', 'equals', 'answer']

    Args:
        name: of the token's column, see `Sums`.
    """
    if name in _SIGNS:
        return _SIGNS[name]
    letter, distance = name[0], place - int(name[1:])
    if letter == "s":
        return "answer"
    return f"{letter}_{ {0: 'same', 1: 'before'}.get(distance, 'other') }"


def attention_by_role(parts: Sequence[tuple[Sums, Recording]]) -> pd.DataFrame:
    """A row for each layer, head and place of answers of each length.

    Args:
        parts: sums of one length of the answer each, and a pass over them.

    Returns:
        Columns answer_digits, layer, head, place and those of `ROLES`, whose sum is 1.
    """
    rows = []
    for sums, recording in parts:
        layers, heads = recording.attention.shape[:2]
        for place in sums.answer_places:
            columns = [ROLES.index(role(name, place)) for name in sums.names]
            looks = recording.attention[:, :, sums.says(place)]  # (layers, H, T)
            shares = looks.new_zeros(layers, heads, len(ROLES), dtype=looks.dtype)
            for column, number in enumerate(columns):
                shares[:, :, number] += looks[:, :, column]
            for layer in range(layers):
                for head in range(heads):
                    found = dict(zip(ROLES, shares[layer, head].tolist(), strict=True))
                    rows.append(
                        {
                            "answer_digits": sums.answer_digits,
                            "layer": layer,
                            "head": head,
                            "place": place,
                            **found,
                        }
                    )
    return pd.DataFrame(rows)
