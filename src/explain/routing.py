"""Which experts serve the tokens that say a digit, where there is a carry into it and where not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

from ..layers import MoELayer
from ..models import TransformerLM
from .recording import logits_of
from .sums import Sums

COLUMNS = ["answer_digits", "place", "carry", "layer", "expert", "share", "problems"]


def routing_by_carry(model: TransformerLM, parts: Sequence[Sums]) -> pd.DataFrame:
    """The share of sums in which an expert is among those chosen.

    Args:
        parts: sums of one length of the answer each.

    Returns:
        Columns answer_digits, place (that is said, from 2 on), carry (into it: 0 or 1), layer,
        expert, share and problems (sums of that kind); no rows for a dense model.
    """
    rows = []
    for sums in parts:
        for layer, (n_experts, chosen) in _chosen(model, sums.tokens).items():
            for place in sums.answer_places[1:]:
                carried = torch.from_numpy(sums.carry_into(place))
                for carry in (0, 1):
                    served = chosen[:, sums.says(place)][carried == bool(carry)]  # (n, K)
                    kind = {"answer_digits": sums.answer_digits, "place": place, "carry": carry}
                    for expert in range(n_experts if len(served) else 0):
                        share = (served == expert).any(-1).double().mean().item()
                        found = {"layer": layer, "expert": expert, "share": share}
                        rows.append({**kind, **found, "problems": len(served)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _chosen(model: TransformerLM, tokens: Tensor) -> dict[int, tuple[int, Tensor]]:
    """For each layer that has experts their number, and those that serve each token, (n, T, K)."""
    found: dict[int, list[Tensor]] = {}
    sizes: dict[int, int] = {}

    def look(layer: int, module: nn.Module, inputs: object, output: object) -> None:
        assert isinstance(module, MoELayer)
        assert module.routing is not None
        sizes[layer] = len(module.experts)
        found.setdefault(layer, []).append(module.routing.chosen)

    with ExitStack() as stack:
        for layer, block in enumerate(model.blocks):
            if isinstance(block.mlp, MoELayer):
                stack.callback(block.mlp.register_forward_hook(partial(look, layer)).remove)
        logits_of(model, tokens)
    return {layer: (sizes[layer], torch.cat(parts)) for layer, parts in found.items()}
