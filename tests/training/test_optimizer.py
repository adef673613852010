"""Muon: what it does to matrices, to other weights, and to a state that is saved."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim._muon import _zeropower_via_newtonschulz

from src.models import build_model
from src.training.optimizer import Muon, make_optimizer, orthogonalise

from ..conftest import tiny_model, tiny_params

SHAPES = [(8, 24), (24, 8), (8, 8), (8, 24), (24, 8)]


def weights(shapes: Sequence[tuple[int, ...]]) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def steps(
    optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], seed: int = 1, n: int = 5
) -> None:
    """n steps on random gradients."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()


def test_matrices_move_as_with_pytorchs_muon(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for how they are orthogonalised, which is PyTorch's here."""

    def theirs_each(matrices: Tensor) -> Tensor:
        quintic = (3.4445, -4.775, 2.0315)
        return torch.stack([_zeropower_via_newtonschulz(x, quintic, 5, 1e-7) for x in matrices])

    monkeypatch.setattr("src.training.optimizer.orthogonalise", theirs_each)
    ours, theirs = weights(SHAPES), weights(SHAPES)
    steps(Muon(ours, [], lr=0.02, weight_decay=0.3, momentum=0.9), ours)
    reference = torch.optim.Muon(
        theirs, lr=0.02, weight_decay=0.3, momentum=0.9, adjust_lr_fn="match_rms_adamw"
    )
    steps(reference, theirs)
    for a, b in zip(ours, theirs, strict=True):
        # bfloat16 rounds alike wherever a product sums in the same order.
        torch.testing.assert_close(a, b, rtol=0, atol=2e-3)


def test_all_else_moves_as_with_adamw() -> None:
    shapes: list[tuple[int, ...]] = [(8,), (19, 8), (3,)]
    ours, theirs = weights(shapes), weights(shapes)
    steps(Muon([], ours, lr=0.02, betas=(0.8, 0.95)), ours)
    steps(torch.optim.AdamW(theirs, lr=0.02, betas=(0.8, 0.95), weight_decay=0.0), theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.fixture(params=[torch.bfloat16, torch.float32], ids=str)
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of Muon's rounds, whatever this machine would take."""
    monkeypatch.setattr("src.training.optimizer.coarse_dtype", lambda device: request.param)
    return request.param


@pytest.mark.usefixtures("precision")
def test_directions_come_out_equally_strong() -> None:
    """A matrix whose singular values span four orders becomes one where they are near 1."""
    generator = torch.Generator().manual_seed(0)
    u, v = (
        torch.linalg.qr(torch.randn(3, n, 16, generator=generator)).Q for n in (16, 40)
    )  # (3, 16, 16), (3, 40, 16)
    values = torch.logspace(0, -2, 16)
    singular = torch.linalg.svdvals(orthogonalise(u * values @ v.mT).float())
    assert singular.max() < 1.3
    assert singular.min() > 0.3
    assert singular[:, 0].div(singular[:, -1]).max() < 4


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_matrix_of_any_size_becomes_nearly_orthogonal(size: float) -> None:
    """Along its own singular vectors, even where a single one is all that it has."""
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(3, 24, 8, generator=generator)
    single = matrices[:, :, :1] * matrices[:, :1, :]
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    inner = u.mT @ orthogonalise(size * matrices).float() @ vh.mT
    torch.testing.assert_close(inner, torch.eye(8).expand(3, -1, -1), rtol=0, atol=0.5)
    values = torch.linalg.svdvals(orthogonalise(size * single).float())
    assert values[:, 0].min() > 0.7
    assert values[:, 0].max() < 1.3
    assert values[:, 1].max() < 0.2


@pytest.mark.parametrize("shape", [(40, 16), (16, 40)])
def test_long_matrices_become_what_the_rounds_make_of_them(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.training.optimizer.coarse_dtype", lambda device: torch.float32)
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    # Some directions are a hundred times as weak as others.
    matrices[:, : shape[0] // 2] *= 0.01
    at_once = orthogonalise(matrices)
    monkeypatch.setattr("src.training.optimizer._LONG", 9)
    in_rounds = orthogonalise(matrices)
    assert not torch.equal(at_once, in_rounds)
    torch.testing.assert_close(at_once, in_rounds, rtol=0, atol=1e-4)


def test_a_matrix_without_a_gradient_to_speak_of_stays_finite(precision: Any) -> None:
    zeros = torch.zeros(1, 4, 8)
    assert torch.equal(orthogonalise(zeros), zeros.to(precision))


def test_a_saved_state_goes_on_as_if_nothing_had_been() -> None:
    def fresh() -> tuple[list[nn.Parameter], Muon]:
        parameters = weights([(8, 24), (8,)])
        return parameters, Muon(parameters[:1], parameters[1:], lr=0.02)

    straight, optimizer = fresh()
    steps(optimizer, straight, seed=1)
    saved = copy.deepcopy(([p.data for p in straight], optimizer.state_dict()))
    steps(optimizer, straight, seed=2)

    resumed, optimizer = fresh()
    for parameter, data in zip(resumed, saved[0], strict=True):
        parameter.data.copy_(data)
    optimizer.load_state_dict(saved[1])
    steps(optimizer, resumed, seed=2)
    for a, b in zip(straight, resumed, strict=True):
        assert torch.equal(a, b)


def test_weights_without_a_gradient_stay() -> None:
    still, moving = weights([(8, 24), (8, 24)])
    before = still.detach().clone()
    optimizer = Muon([still, moving], [], lr=0.02)
    moving.grad = torch.ones_like(moving)
    optimizer.step()
    assert torch.equal(still, before)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("model", ["gpt2", "mixtral"])
def test_norms_biases_and_embeddings_do_not_decay(model: str, optimizer: str) -> None:
    built = build_model(tiny_model(model))
    config = tiny_params(training={"weight_decay": 0.3, "optimizer": optimizer}).training
    decayed, others = make_optimizer(built, config).param_groups
    assert decayed["weight_decay"] == 0.3
    assert others.get("weight_decay", 0.0) == 0.0
    names: dict[int, str] = {id(p): name for name, p in built.named_parameters()}

    def kinds(group: list[Tensor]) -> set[str]:
        return {names[id(p)].split(".", 2)[-1] for p in group}

    matrices = {n for n in kinds(decayed["params"]) if not n.startswith("mlp.experts")}
    expected = {"attention.qkv.weight", "attention.out.weight"}
    expected |= {"mlp.up.weight", "mlp.down.weight"} if model == "gpt2" else {"mlp.router.weight"}
    assert matrices == expected
    assert len(decayed["params"]) + len(others["params"]) == len(names)
