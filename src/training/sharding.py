"""Fully sharded data parallelism: each process holds a part of every weight."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor


def shard(blocks: Iterable[nn.Module], model: nn.Module, mesh: DeviceMesh) -> None:
    """Shard each weight over the processes; a block's weights are gathered while it computes.

    Zhao et al. 2023 (arXiv 2304.11277).
    """
    if not is_sharded(model):
        for module in (*blocks, model):
            fully_shard(module, mesh=mesh)


def is_sharded(model: nn.Module) -> bool:
    """Whether the weights are sharded, so that every forward pass needs all processes."""
    return isinstance(model, FSDPModule)


def whole_weights(module: nn.Module) -> dict[str, Tensor]:
    """A module's state dict; of sharded weights, in the first process only."""
    if not any(is_sharded(part) for part in module.modules()):
        return module.state_dict()
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return dict(get_model_state_dict(module, options=options))  # type: ignore[arg-type]


def full(value: Tensor) -> Tensor:
    """A tensor of which each process may hold a part, gathered in all of them."""
    return value.full_tensor() if isinstance(value, DTensor) else value
