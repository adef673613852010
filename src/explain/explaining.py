"""All questions to one model, and their tables."""

from __future__ import annotations

import pandas as pd
import torch

from ..models import build_model
from .ablation import ablations
from .lens import lens_by_place
from .patching import patched
from .probe import carry_probes
from .recording import record
from .roles import attention_by_role
from .routing import routing_by_carry
from .subjects import Opened

# Sums that are recorded, half of them with a digit more in the answer; those that are asked again
# without each head and each expert; and pairs for each place and operand. A default model takes
# about a minute of one thread.
PROBLEMS, ABLATED, PAIRS = 2000, 1000, 100


def explained(
    opened: Opened, seed: int, problems: int = PROBLEMS, ablated: int = ABLATED, pairs: int = PAIRS
) -> dict[str, pd.DataFrame]:
    """The tables of one model, by the names of `tables.TABLES`.

    Args:
        seed: of the sums, and of the untrained model's weights.
        problems, ablated, pairs: see `PROBLEMS`.

    Raises:
        UserError: where there are too few sums.
    """
    model, space, config = opened.loaded.model, opened.space, opened.loaded.config
    kinds = space.draw(problems, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**32)
        # Blocks that are the identity at first would mix nothing, a control for no probe.
        mixing = config.model_copy(update={"zero_init_residual": False})
        fresh = build_model(mixing).eval()
    trained, untrained = ([record(m, sums.tokens) for sums in kinds] for m in (model, fresh))
    parts = list(zip(kinds, trained, strict=True))
    some = [(sums[: ablated // 2], recording) for sums, recording in parts]
    about = {
        "architecture": config.name,
        "format": space.format.name,
        "digits": space.digits,
        "problems": sum(len(sums.tokens) for sums in kinds),
        "seed": seed,
        "sha256": opened.sha256,
        "weights": opened.subject.weights,
    }
    tables = {
        "roles": attention_by_role(parts),
        "probes": carry_probes(*kinds, trained, untrained),
        "patches": patched(model, space, pairs, seed),
        "lens": lens_by_place(model, parts),
        "ablations": ablations(model, some),
        "routing": routing_by_carry(model, kinds),
        "models": pd.DataFrame([about]),
    }
    for table in tables.values():
        table.insert(0, "model", opened.subject.name)
    return tables
