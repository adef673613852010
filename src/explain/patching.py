"""The counterfactual: where the carry travels, found by exchanging one activation for another's.

Two sums differ in one digit, so that into one place something is carried in one of them and nothing
in the other, and all higher digits are alike. One activation of the second sum's pass is put into
the first one's; where the answer's digit becomes the second sum's, the carry went through there.
Meng et al. 2022 (arXiv 2202.05262) and Heimersheim and Nanda 2024 (arXiv 2404.15255).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from ..models import TransformerLM
from .recording import attentions, heads_reader, logits_of, part_of, reader, record, replaced
from .sums import SumSpace

COLUMNS = ["place", "changed", "part", "after_layers", "token", "layer", "head", "flips", "pairs"]
# Drawn for each pair that is kept, at most.
_TRIES = 64


@dataclass(frozen=True)
class Pairs:
    """Beginnings of sums with a digit changed, up to the token that says the digit in question.

    Attributes:
        names: of the columns, see `Sums`.
        into, of: (n, T), what is patched, and what the activations are of.
        said_into, said_of: (n,), the right next tokens, which differ.
    """

    names: list[str]
    into: Tensor
    of: Tensor
    said_into: Tensor
    said_of: Tensor

    @property
    def first(self) -> int:
        """The first column in which they differ; activations before it are alike."""
        return int((self.into != self.of).any(0).nonzero()[0])

    def __getitem__(self, rows: Tensor) -> Pairs:
        columns = (self.into, self.of, self.said_into, self.said_of)
        return Pairs(self.names, *(column[rows] for column in columns))


def draw_pairs(space: SumSpace, place: int, changed: str, n: int, seed: int) -> Pairs | None:
    """Random pairs for the carry into a place.

    Args:
        place: from 2 on; both answers have one digit more than the operands, but for the highest
            place, where the carry makes it.
        changed: the operand, ``a`` or ``b``, whose digit before that place differs.
        n: of pairs; fewer where not as many are found.

    Returns:
        None where none is found.
    """
    rng = np.random.default_rng([seed, place, "ab".index(changed)])
    before = rng.integers(space.low, space.high + 1, (_TRIES * n, 2))
    digits = rng.integers(0, 10, len(before))
    unit, side = 10 ** (place - 2), "ab".index(changed)
    after = before.copy()
    after[:, side] += (digits - before[:, side] // unit % 10) * unit
    low = 10 ** (place - 1)
    carried = [(pair % low).sum(1) >= low for pair in (before, after)]
    totals = before.sum(1), after.sum(1)
    kept = (carried[0] != carried[1]) & (after >= space.low).all(1) & (after <= space.high).all(1)
    if place <= space.digits:
        # Beyond the place all is alike, and the answers are long.
        kept &= totals[0] // 10**place == totals[1] // 10**place
        kept &= totals[0] >= 10**space.digits
    pairs = np.stack([before, after])[:, kept][:, :n]
    if not pairs.size:
        return None
    is_long = pairs[:, 0].sum(1) >= 10**space.digits
    sums = space.write(pairs[is_long.argmax(), :1])
    end = sums.says(place) + 1
    # Behind the token that says the digit, answers may have other lengths.
    rows = [space.tokens(operands) for operands in pairs]
    return Pairs(
        sums.names[:end],
        *(each[:, :end] for each in rows),
        *(each[:, end] for each in rows),
    )


def patched(model: TransformerLM, space: SumSpace, n: int, seed: int) -> pd.DataFrame:
    """How often the answer's digit flips to that of the sum whose activation is put in.

    Pairs count of which the model says both digits right.

    Args:
        n: pairs for each place and operand.

    Returns:
        Columns place, changed (the operand with another digit), part (residual or head),
        after_layers and token, or layer and head (a head's output is replaced at all tokens), flips
        (a share) and pairs (their number).
    """
    rows = []
    for place in range(2, space.digits + 2):
        for changed in "ab":
            pairs = draw_pairs(space, place, changed, n, seed)
            found = flips(model, pairs) if pairs else []
            rows += [{"place": place, "changed": changed, **each} for each in found]
    whole = dict.fromkeys(("after_layers", "layer", "head"), "Int64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(whole)


def flips(model: TransformerLM, pairs: Pairs) -> list[dict[str, object]]:
    """A row for each patch: part, its place, flips and pairs, see `patched`."""
    said_into, said_of = (
        logits_of(model, rows)[:, -1].argmax(-1) for rows in (pairs.into, pairs.of)
    )
    pairs = pairs[(said_into == pairs.said_into) & (said_of == pairs.said_of)]
    if not len(pairs.into):
        return []
    source = record(model, pairs.of)
    rows = []

    def share(patch: AbstractContextManager[None]) -> float:
        with patch:
            said = logits_of(model, pairs.into)[:, -1].argmax(-1)
        return (said == pairs.said_of).double().mean().item()

    for level, residual in enumerate(source.residual):
        for column in range(pairs.first, len(pairs.names)):
            patch = replaced(reader(model, level), put(residual, (slice(None), column)))
            where = {"part": "residual", "after_layers": level, "token": pairs.names[column]}
            rows.append({**where, "flips": share(patch), "pairs": len(pairs.into)})
    for layer, outputs in enumerate(source.heads):
        for head in range(attentions(model)[layer].n_heads):
            patch = replaced(heads_reader(model, layer), put(outputs, (..., part_of(model, head))))
            where = {"part": "head", "layer": layer, "head": head}
            rows.append({**where, "flips": share(patch), "pairs": len(pairs.into)})
    return rows


def put(value: Tensor, place: tuple[Any, ...]) -> Callable[[Tensor], Tensor]:
    """A change for `replaced`: at a place, such as a column, what another tensor has there."""

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[place] = value[place]
        return x

    return change
