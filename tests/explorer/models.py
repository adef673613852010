"""Checkpoints with random weights, large enough that answers and attention differ clearly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from src.checkpoint import save_checkpoint
from src.models import build_model

from ..conftest import tiny_params


def checkpoint(
    path: Path, name: str, seed: int = 0, data: Mapping[str, Any] | None = None, **changes: Any
) -> Path:
    """A checkpoint of an architecture, its tiny configuration changed; returns the path.

    Args:
        data: changes of the `data:` section that it says it was trained on; None: it says nothing.
    """
    params = tiny_params(name, models=changes, data=data or {})
    torch.manual_seed(seed)
    model = build_model(params.model_config_in_use)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.add_(0.2 * torch.randn(tensor.shape))
    told = {"data": params.data.to_plain(), "sha256": {}} if data is not None else None
    save_checkpoint(
        path,
        {f"model.{key}": tensor for key, tensor in model.state_dict().items()},
        params,
        {"step": 30},
        {"data": told, "init_from": None},
    )
    return path
