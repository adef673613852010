"""Linear probes for the carry: where, and after how many layers, it can be read off a token.

Alain and Bengio 2016 (arXiv 1610.01644). Hewitt and Liang 2019 (arXiv 1909.03368) say why a probe
needs a control: a linear map finds much in any vectors, so the same probe reads an untrained model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
import torch
from torch import Tensor

from .recording import Recording
from .sums import Sums

# Share of the sums that the probes are fitted to; the others are held out.
_FITTED = 2 / 3
# Ridge, for each sum that is fitted to: some dimensions hardly vary.
_RIDGE = 1e-3


def predict(x: Tensor, y: Tensor, asked: Tensor) -> Tensor:
    """Ridge regression on marks of -1 and 1, in closed form, and the signs that it predicts.

    Args:
        x: (n, C), what is fitted to.
        y: bool (n, K), K marks of each row, one probe each.
        asked: (m, C).

    Returns:
        bool (m, K).
    """
    x, asked, marks = x.double(), asked.double(), 2 * y.double() - 1
    # A dimension that is the same in all rows tells nothing, and is divided by no 0.
    mean, scale = x.mean(0), x.std(0, correction=0).clamp(min=1e-6)
    x, asked, level = (x - mean) / scale, (asked - mean) / scale, marks.mean(0)
    gram = x.T @ x + _RIDGE * len(x) * torch.eye(x.size(1), dtype=x.dtype)
    weights = torch.linalg.solve(gram, x.T @ (marks - level))
    return asked @ weights + level > 0


def carry_probes(
    short: Sums, long: Sums, trained: Sequence[Recording], untrained: Sequence[Recording]
) -> pd.DataFrame:
    """How well the carry into each place can be read off each token at each level.

    Tokens from the second operand on. Of the prompt's tokens, sums of both lengths are read; of the
    answer's, the long ones alone, as there places are other tokens in the short ones.

    Args:
        trained: passes over both kinds of sums.
        untrained: the same of a model with random weights.

    Returns:
        Columns place (that is carried into), token (its name in `Sums`), after_layers, accuracy and
        untrained (shares of held-out sums), majority (the share that the more frequent case has
        there, as the fitted ones say) and held_out (their number).
    """
    rows = []
    highest = max(long.answer_places)
    for column in range(long.column("+") + 1, len(long.names) - 1):
        kinds = (0, 1) if column <= long.column("=") else (1,)
        # Whether something is carried into the highest place is what makes a sum long.
        places = range(2, highest + (len(kinds) == 2))
        y, right = _split([_carries((short, long)[kind], places) for kind in kinds])
        majority = ((y.double().mean(0) > 0.5) == right).double().mean(0)
        for level in range(len(trained[0].residual)):
            found = []
            for passes in (trained, untrained):
                x, asked = _split([passes[kind].residual[level][:, column] for kind in kinds])
                found.append((predict(x, y, asked) == right).double().mean(0))
            for i, place in enumerate(places):
                rows.append(
                    {
                        "place": place,
                        "token": long.names[column],
                        "after_layers": level,
                        "accuracy": found[0][i].item(),
                        "untrained": found[1][i].item(),
                        "majority": majority[i].item(),
                        "held_out": len(right),
                    }
                )
    return pd.DataFrame(rows)


def _carries(sums: Sums, places: Iterable[int]) -> Tensor:
    """bool (n, places)."""
    return torch.stack([torch.from_numpy(sums.carry_into(place)) for place in places], dim=1)


def _split(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """What is fitted to, and what is held out, of parts of (n, ...) each."""
    ends = [round(_FITTED * len(part)) for part in parts]
    pairs = list(zip(parts, ends, strict=True))
    return torch.cat([part[:end] for part, end in pairs]), torch.cat([p[end:] for p, end in pairs])
