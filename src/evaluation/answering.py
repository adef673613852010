"""What a model says to problems, and whether the answer in it is right.

Where a format has no steps, a target is its answer, and one forward pass knows whether greedy
decoding gives it (see `loss`). Behind steps, a right answer may follow wrong ones: there a problem
whose whole target is not given has to be decoded. What is drawn instead of decoded greedily is
known by doing it alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ..config import EvaluationConfig
from ..data.formats import Format
from ..data.records import Tokens, to_records
from ..generation import generate_answers
from ..models import TransformerLM
from ..ops.sampling import Pick, greedy, sampled
from .batching import asked_by_length
from .screening import QuickLeads, exact


def pick_of(config: EvaluationConfig) -> Pick:
    """How the next token of an answer is chosen."""
    return sampled(config.temperature, config.top_k) if config.temperature else greedy


def answers_to(
    model: TransformerLM,
    prompts: Sequence[str],
    written: Format,
    batch_size: int,
    progress: bool = False,
    pick: Pick = greedy,
) -> list[str]:
    """What the model says to each prompt, steps included.

    Prompts of one length are asked together, as `generate_answers` leaves all that it is given
    together as little room as the longest of them.

    Args:
        written: how the problems are written; where they have steps, and where tokens are drawn,
            `CUT` stands behind an answer that does not end.
        batch_size: prompts asked at once.
        progress: show a bar, where there is a terminal.
        pick: how each next token is chosen.
    """
    mark_cut = written.traced or pick is not greedy
    return asked_by_length(
        prompts,
        lambda some: generate_answers(model, some, mark_cut, pick),
        batch_size,
        "answers",
        progress,
    )


def hear(
    model: TransformerLM,
    missed: pd.DataFrame,
    written: Format,
    batch_size: int,
    progress: bool = False,
    pick: Pick = greedy,
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """What the model says to problems of which greedy decoding does not give the whole target.

    Args:
        missed: with columns prompt and target in front; where tokens are drawn, any problems.
        written, batch_size, progress, pick: see `answers_to`.

    Returns:
        The problems with a third column said; and which of the answers are right, bool (n,): none
        of greedy decoding where a format has no steps that could be wrong instead.
    """
    said = answers_to(model, missed["prompt"].tolist(), written, batch_size, progress, pick)
    heard = missed.copy()
    heard.insert(2, "said", said)
    right = np.zeros(len(missed), np.bool_)
    if written.traced or pick is not greedy:
        right[:] = list(map(written.is_right, said, missed["target"]))
    return heard, right


def answered_right(
    model: TransformerLM,
    tokens: Tokens,
    written: Format,
    batch_size: int,
    quick: QuickLeads | None = None,
    pick: Pick = greedy,
) -> NDArray[np.bool_]:
    """Which of many problems a model answers right, whatever the steps: bool (n,).

    Args:
        tokens: problems with their right targets, see `Format.tokens`; none longer than the
            model's max_seq_len.
        written, batch_size, pick: see `answers_to`.
        quick: see `screening.exact`.
    """
    if pick is not greedy:
        return hear(model, pd.DataFrame(to_records(tokens)), written, batch_size, pick=pick)[1]
    device = next(model.parameters()).device
    right: NDArray[np.bool_] = (
        exact(model, torch.from_numpy(tokens).to(device), quick).cpu().numpy()
    )
    if written.traced and not right.all():
        missed = pd.DataFrame(to_records(tokens[~right]))
        right[~right] = hear(model, missed, written, batch_size)[1]
    return right
