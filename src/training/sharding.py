"""Weights that several processes share out between them, where a model is too large for one."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor


def share_out(blocks: Iterable[nn.Module], model: nn.Module, mesh: DeviceMesh) -> None:
    """Leave each process a part of each weight; a block's are put together while it computes.

    Zhao et al. 2023 (arXiv 2304.11277).
    """
    if not is_shared_out(model):
        for module in (*blocks, model):
            fully_shard(module, mesh=mesh)


def is_shared_out(model: nn.Module) -> bool:
    """Whether all processes must compute together."""
    return isinstance(model, FSDPModule)


def whole_weights(module: nn.Module) -> dict[str, Tensor]:
    """A module's state dict; of weights that are shared out, in the first process only."""
    if not any(is_shared_out(part) for part in module.modules()):
        return module.state_dict()
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return dict(get_model_state_dict(module, options=options))  # type: ignore[arg-type]


def whole(value: Tensor) -> Tensor:
    """A number that each process has a part of, in all of them."""
    return value.full_tensor() if isinstance(value, DTensor) else value
