"""The logit lens: what the model would say if it stopped after each layer.

nostalgebraist 2020, "interpreting GPT: the logit lens": the last norm and the head read the
residual stream of every level.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch

from ..models import TransformerLM
from .recording import Recording
from .sums import Sums


@torch.inference_mode()
def lens_by_place(model: TransformerLM, parts: Sequence[tuple[Sums, Recording]]) -> pd.DataFrame:
    """How far each level knows the answer's digits, where they are said.

    Args:
        parts: sums of one length of the answer each, and a pass over them.

    Returns:
        Columns answer_digits, place, after_layers (0: the embeddings), accuracy (share of sums
        whose right digit is the most likely token) and probability (mean of the right digit's).
    """
    rows = []
    for sums, recording in parts:
        for place in sums.answer_places:
            right = sums.tokens[:, sums.column(f"s{place}")]
            for level, residual in enumerate(recording.residual):
                logits = model.lm_head(model.norm(residual[:, sums.says(place)]))
                probability = logits.softmax(-1).gather(1, right[:, None])
                rows.append(
                    {
                        "answer_digits": sums.answer_digits,
                        "place": place,
                        "after_layers": level,
                        "accuracy": (logits.argmax(-1) == right).float().mean().item(),
                        "probability": probability.mean().item(),
                    }
                )
    return pd.DataFrame(rows)
