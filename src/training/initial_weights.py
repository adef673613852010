"""The weights that a training begins with, where `training.init_from` names some."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..checkpoint import load_checkpoint, weights_hash
from ..common.errors import UserError
from ..config import ModelConfig, Params

# Keys that matter in training only: weights can be used with any value of them.
_OF_TRAINING = {"dropout", "init_std", "zero_init_residual", "aux_loss_coef"}
# Keys that only some models read: the key and the value that says which.
_READ_WHERE = {
    "max_seq_len": ("pos_encoding", "learned"),
    "rope_theta": ("pos_encoding", "rope"),
    "n_experts": ("mlp", "moe"),
    "top_k": ("mlp", "moe"),
    "router_bias_rate": ("mlp", "moe"),
}


@dataclass(frozen=True)
class Start:
    """Weights of a checkpoint that a training begins with.

    Attributes:
        weights: state dict of the model.
        sha256: see `weights_hash`.
        story: what the new checkpoints record of this one, see `lineage.Origin`.
    """

    weights: dict[str, Tensor]
    sha256: str
    story: dict[str, Any]


def load_start(params: Params, outputs: Iterable[Path]) -> Start | None:
    """Read what `training.init_from` names; None where it is null.

    Args:
        outputs: files that the training will write.

    Raises:
        UserError: if there is no such checkpoint, if its model differs from the configured one, and
            if the training would overwrite it.
    """
    if params.training.init_from is None:
        return None
    try:
        loaded = load_checkpoint(Path(params.training.init_from))
        if any(output.exists() and output.samefile(loaded.path) for output in outputs):
            raise UserError(
                f"{loaded.path}: this training would overwrite it; begin with a copy, "
                "or write elsewhere"
            )
        _check_alike(loaded.path, loaded.config, params.model_config_in_use)
    except UserError as error:
        raise UserError(f"training.init_from: {error}") from None
    weights = loaded.model.state_dict()
    sha256 = weights_hash(weights)
    story = {
        # Of the path only the name: it is another one on another machine.
        "file": loaded.path.name,
        "sha256": sha256,
        "metrics": loaded.metrics,
        "story": loaded.story,
    }
    return Start(weights, sha256, story)


def _check_alike(path: Path, theirs: ModelConfig, ours: ModelConfig) -> None:
    """Check that the weights of one configuration fit another and compute the same."""
    for key, value in theirs.model_dump().items():
        word, choice = _READ_WHERE.get(key, ("name", ours.name))
        if key in _OF_TRAINING or getattr(ours, word) != choice:
            continue
        if value != (wanted := getattr(ours, key)):
            raise UserError(f"{path}: has {key} = {value}, the configuration {key} = {wanted}")
