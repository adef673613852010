"""The optimizers: AdamW, and Muon for matrices with AdamW for all else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..config import TrainingConfig
from ..ops.hardware import coarse_dtype

# a, b, c of a x + b x^3 + c x^5 for each round: the odd quintics that, one after the other, bring
# all of [0.01, 1] as near to 1 as three can, to 0.73 .. 1.27 (Amsel et al. 2025, arXiv 2505.16932).
# One quintic five times, as in Jordan's Muon, comes to 0.7 .. 1.2 and takes half as long again.
_QUINTICS = (
    (8.0934, -23.6205, 17.4462),
    (3.6366, -2.7219, 0.5365),
    (2.6613, -1.9772, 0.4526),
)
# The first one rises steeply at 1, where rounding must not put a singular value above it.
_MARGIN = 1.01
# Matrices that are so many times longer than wide are multiplied once, see `_product_of_factors`.
_LONG = 1.5
# Root mean square of AdamW's usual update, as a share of the learning rate.
_ADAMW_RMS = 0.2


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer that `training.optimizer` names; it decays matrices only."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for parameter in model.parameters():
        is_matrix = parameter.ndim == 2 and id(parameter) not in embeddings
        (matrices if is_matrix else others).append(parameter)
    return OPTIMIZERS[config.optimizer](matrices, others, config)


def _adamw(
    matrices: list[Tensor], others: list[Tensor], config: TrainingConfig
) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        # One kernel for all weights; Lightning does not clip for it in mixed precision.
        fused=config.precision == "32-true",
    )


def _muon(
    matrices: list[Tensor], others: list[Tensor], config: TrainingConfig
) -> torch.optim.Optimizer:
    return Muon(
        matrices,
        others,
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        momentum=config.momentum,
    )


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adamw": _adamw, "muon": _muon}


class Muon(torch.optim.Optimizer):
    """Matrices are updated by their orthogonalised momentum, all other weights by Adam.

    A few directions dominate a gradient; the orthogonalised momentum has all of them at the same
    size. Jordan et al. 2024 (kellerjordan.github.io/posts/muon); scaled to
    the size of AdamW's updates by Liu et al. 2025 (arXiv 2502.16982), so that learning rate and
    weight decay mean the same. `torch.optim.Muon` computes the same one matrix after the other,
    which takes longer, and no other weights, for which Lightning would want a second optimizer.

    Args:
        matrices: 2-D weights.
        others: biases, norms and embeddings, which are not decayed.
        lr: learning rate of both.
        betas: of Adam, for the others.
        weight_decay: decoupled, of the matrices.
        momentum: of the matrices, Nesterov's.
        eps: added to Adam's denominator.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        others: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        eps: float = 1e-8,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": list(matrices), "weight_decay": weight_decay, "momentum": momentum},
            {"params": list(others), "betas": betas, "eps": eps, "steps": 0},
        ]
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all weights that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        matrices, others = self.param_groups
        self._move_matrices(matrices)
        self._move_others(others)
        return loss

    def _move_matrices(self, group: dict[str, Any]) -> None:
        lr, momentum = group["lr"], group["momentum"]
        weights, grads, (means,) = self._tensors(group, "mean")
        if not weights:
            return
        torch._foreach_lerp_(means, grads, 1 - momentum)
        ahead = torch._foreach_lerp(grads, means, momentum)
        torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])
        # Matrices of one shape together: a few large products instead of hundreds of small ones.
        for R, C in sorted({(x.size(0), x.size(1)) for x in ahead}):
            alike = [i for i, x in enumerate(ahead) if x.shape == (R, C)]
            updates = orthogonalise(torch.stack([ahead[i] for i in alike])).unbind()
            scale = -lr * _ADAMW_RMS * math.sqrt(max(R, C))
            for i, update in zip(alike, updates, strict=True):
                weights[i].add_(update, alpha=scale)

    def _move_others(self, group: dict[str, Any]) -> None:
        weights, grads, (means, squares) = self._tensors(group, "mean", "square")
        if not weights:
            return
        beta1, beta2 = group["betas"]
        group["steps"] += 1
        torch._foreach_lerp_(means, grads, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, math.sqrt(1 - beta2 ** group["steps"]))
        torch._foreach_add_(roots, group["eps"])
        rate = group["lr"] / (1 - beta1 ** group["steps"])
        torch._foreach_addcdiv_(weights, means, roots, -rate)

    def _tensors(
        self, group: dict[str, Any], *names: str
    ) -> tuple[list[Tensor], list[Tensor], list[list[Tensor]]]:
        """Weights that have a gradient, the gradients, and the state under each name."""
        weights = [p for p in group["params"] if p.grad is not None]
        for weight in weights:
            for name in names:
                if name not in self.state[weight]:
                    self.state[weight][name] = torch.zeros_like(weight)
        remembered = [[self.state[weight][name] for weight in weights] for name in names]
        return weights, [weight.grad for weight in weights], remembered


def orthogonalise(matrices: Tensor) -> Tensor:
    """Nearly the orthogonal factor of each matrix's polar decomposition, by Newton-Schulz.

    Singular values become 0.7 to 1.3 instead of 1, which serves as well. In bfloat16, as published,
    where the hardware multiplies it: the rounds mend each other's rounding.

    Args:
        matrices: (n, R, C).

    Returns:
        (n, R, C), in the precision of the rounds.
    """
    x = matrices.to(coarse_dtype(matrices.device))
    gram = _gram(x)
    # Its norm bounds the square of the largest singular value, more closely than that of x does.
    size = _MARGIN * gram.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-30)
    x, gram = x * size.rsqrt(), gram / size
    if x.dtype == torch.float32 and max(x.shape[1:]) > _LONG * min(x.shape[1:]):
        factor = _product_of_factors(gram)
        return x @ factor if _is_tall(x) else factor @ x
    for i, quintic in enumerate(_QUINTICS):
        factor = _factor(gram if i == 0 else _gram(x), *quintic)
        x = x @ factor if _is_tall(x) else factor @ x
    return x


def _factor(gram: Tensor, a: float, b: float, c: float) -> Tensor:
    """``a + b gram + c gram^2``, by which a round multiplies the matrix."""
    factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal(dim1=-2, dim2=-1).add_(a)
    return factor


def _product_of_factors(gram: Tensor) -> Tensor:
    """The factors of all rounds multiplied: they commute, and the next gram is theirs times this.

    For long matrices fewer operations, as only gram is multiplied in between. Not in bfloat16: what
    one round's rounding does, the next cannot mend.
    """
    product = factor = _factor(gram, *_QUINTICS[0])
    for quintic in _QUINTICS[1:]:
        gram = gram @ factor @ factor
        factor = _factor(gram, *quintic)
        product = product @ factor
    return product


def _gram(x: Tensor) -> Tensor:
    """``x^T x`` or ``x x^T``, whichever is smaller."""
    return x.mT @ x if _is_tall(x) else x @ x.mT


def _is_tall(x: Tensor) -> bool:
    """Whether matrices have more rows than columns."""
    return x.size(-2) > x.size(-1)
