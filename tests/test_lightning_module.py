"""The module's loss, optimizer and schedule."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from src.batches import BatchOrder
from src.data.reading import read_records
from src.data.records import Record
from src.dataset import ArithmeticDataset, TrainLoader, collate_fn
from src.lightning_module import LitLM, learning_rate_factor

from .conftest import ARCHITECTURES, tiny_params


def lit_of(name: str = "llama2", **sections: Any) -> LitLM:
    params = tiny_params(name, **sections)
    torch.manual_seed(0)
    return LitLM(params.model_config_in_use.to_plain(), params.training.to_plain())


def batch_of(records: list[Record]) -> dict[str, torch.Tensor]:
    return collate_fn(ArithmeticDataset(records).tokens)


@pytest.mark.parametrize("name", ["gpt2", "llama2"])
def test_loss_is_the_cross_entropy_of_the_answer_tokens(name: str, data_dir: Path) -> None:
    lit, batch = lit_of(name).eval(), batch_of(read_records(data_dir / "val.jsonl")[:8])
    logits = lit(batch["input_ids"], batch["attention_mask"])[:, :-1]
    targets = batch["input_ids"][:, 1:].clone()
    targets[batch["loss_mask"][:, 1:] == 0] = -100
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    loss, aux_loss = lit.losses(batch)
    torch.testing.assert_close(loss, expected)
    assert aux_loss is None


def test_auxiliary_loss_is_the_mean_over_layers_without_padding(data_dir: Path) -> None:
    batch = batch_of(read_records(data_dir / "val.jsonl")[:8])
    lit = lit_of("mixtral")
    _, aux_loss = lit.losses(batch)
    # The last layer serves the answers only.
    masks = batch["attention_mask"][:, 1:].bool(), batch["answer_mask"]
    assert not all(mask.all() for mask in masks)
    first, second = (
        routing.load_balancing_loss(mask)
        for routing, mask in zip(lit.model.routings(), masks, strict=True)
    )
    assert aux_loss is not None
    torch.testing.assert_close(aux_loss, (first + second) / 2)


def test_learning_rate_warms_up_linearly_then_falls_as_a_cosine() -> None:
    config = tiny_params(training={"warmup_steps": 10, "max_steps": 110}).training
    factors = [learning_rate_factor(step, config) for step in range(111)]
    assert factors[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert factors[10] == 1.0
    assert factors[60] == pytest.approx(0.5)
    assert factors[110] == pytest.approx(0.0)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_no_warm_up() -> None:
    config = tiny_params(training={"warmup_steps": 0}).training
    assert learning_rate_factor(0, config) == 1.0


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_batch_of_8_can_be_learned_by_heart(name: str, data_dir: Path) -> None:
    lit = lit_of(name, models={"init_std": 0.1}, training={"learning_rate": 3e-3})
    optimizer = lit.configure_optimizers()["optimizer"]
    for group in optimizer.param_groups:
        group["lr"] = 3e-3
    batch = batch_of(read_records(data_dir / "train.jsonl")[:8])
    for _ in range(150):
        optimizer.zero_grad()
        loss, _ = lit.losses(batch)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def gradients(
    lit: LitLM, data_dir: Path, batch_size: int, accumulate: int
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Losses and gradients of one optimizer step, accumulated as Lightning does."""
    dataset = ArithmeticDataset(read_records(data_dir / "train.jsonl"))
    order = BatchOrder(len(dataset), batch_size, accumulate, seed=1)
    batches = list(TrainLoader(dataset, order, accumulate=accumulate))
    assert len(batches) == accumulate
    lit.training_config = lit.training_config.model_copy(
        update={"accumulate_grad_batches": accumulate}
    )
    lit.zero_grad()
    means: dict[str, float] = {}
    for i, batch in enumerate(batches):
        step = lit.training_step(batch, i)
        (step["loss"] / accumulate).backward()
        for name, value in step.items():
            means[name] = means.get(name, 0.0) + float(value.detach()) / accumulate
    return means, {name: p.grad.clone() for name, p in lit.named_parameters() if p.grad is not None}


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Norm of the difference, as a share of the other's norm."""
    flat, whole = (torch.cat([g.flatten() for g in x.values()]) for x in (one, other))
    return float((flat - whole).norm() / whole.norm())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_accumulated_gradients_are_those_of_one_large_batch(name: str, data_dir: Path) -> None:
    # The auxiliary loss is another test's.
    lit = lit_of(name, models={"init_std": 0.2, "aux_loss_coef": 0.0})
    loss, whole = gradients(lit, data_dir, 24, 1)
    losses, parts = gradients(lit, data_dir, 3, 8)
    assert losses["train_loss"] == pytest.approx(loss["train_loss"], rel=1e-5)
    assert apart(parts, whole) < 1e-5


@pytest.mark.parametrize("accumulate", [2, 8])
def test_the_auxiliary_gradient_is_near_that_of_one_large_batch(
    accumulate: int, data_dir: Path
) -> None:
    lit = lit_of("mixtral", models={"init_std": 0.2, "aux_loss_coef": 1.0})
    answers_only = lit_of("mixtral", models={"init_std": 0.2, "aux_loss_coef": 0.0})

    def auxiliary(batch_size: int, accumulate: int) -> dict[str, Tensor]:
        _, both = gradients(lit, data_dir, batch_size, accumulate)
        _, answer = gradients(answers_only, data_dir, batch_size, accumulate)
        return {name: gradient - answer[name] for name, gradient in both.items()}

    # Each batch knows its own load only.
    whole, parts = auxiliary(64, 1), auxiliary(64 // accumulate, accumulate)
    assert apart(parts, whole) < 0.15
    default = lit_of("mixtral", models={"init_std": 0.2})
    _, whole = gradients(default, data_dir, 64, 1)
    _, parts = gradients(default, data_dir, 64 // accumulate, accumulate)
    assert apart(parts, whole) < 1e-3


def test_biases_move_by_the_loads_of_all_batches_of_a_step(data_dir: Path) -> None:
    lit = lit_of("mixtral", models={"init_std": 0.2, "router_bias_rate": 0.5})
    optimizer = torch.optim.SGD(lit.parameters(), 0.0)
    moved, counted = [], []
    biases = [b for name, b in lit.named_buffers() if name.endswith("mlp.bias")]
    for batch_size, accumulate in ((24, 1), (3, 8)):
        for bias in biases:
            bias.zero_()
        gradients(lit, data_dir, batch_size, accumulate)
        counted.append(torch.stack(lit._assignments).sum(0))
        lit.optimizer_step(0, 0, optimizer, lambda: None)
        moved.append([bias.tolist() for bias in biases])
        # Those of the next step begin anew.
        assert not lit._assignments
    assert torch.equal(*counted)
    mean = counted[0].float().mean(1, keepdim=True)
    assert moved[0] == moved[1] == (0.5 * (mean - counted[0]).sign()).tolist()
    assert {-0.5, 0.5} <= {bias for layer in moved[0] for bias in layer}


def test_biases_even_out_the_loads_in_training(data_dir: Path) -> None:
    batch = batch_of(read_records(data_dir / "train.jsonl")[:32])
    worst = []
    for rate in (0.0, 0.01):
        models = {"init_std": 0.3, "router_bias_rate": rate, "aux_loss_coef": 0.0}
        lit = lit_of("mixtral", models=models)
        optimizer = lit.configure_optimizers()["optimizer"]
        for _ in range(100):
            optimizer.zero_grad()
            lit.training_step(batch, 0)["loss"].backward()
            lit.optimizer_step(0, 0, optimizer, lambda: None)
        worst.append(max(float(r.load().max()) for r in lit.model.routings()))
    assert worst[1] < 0.3 < worst[0]


def test_batches_that_are_alike_have_the_auxiliary_gradient_of_one(data_dir: Path) -> None:
    lit = lit_of("mixtral", models={"init_std": 0.2, "aux_loss_coef": 1.0})
    dataset = ArithmeticDataset(read_records(data_dir / "train.jsonl")[:8])
    (batch,) = TrainLoader(dataset, BatchOrder(8, 8, 1, seed=1))
    lit.training_step(batch, 0)["loss"].backward()
    expected = {name: p.grad.clone() for name, p in lit.named_parameters() if p.grad is not None}
    twice = {"step_answers": batch["answer_mask"].sum() * 2}
    twice["step_tokens"] = batch["attention_mask"][:, 1:].sum() * 2
    lit.training_config = lit.training_config.model_copy(update={"accumulate_grad_batches": 2})
    lit.zero_grad()
    for i in range(2):
        (lit.training_step(batch | twice, i)["loss"] / 2).backward()
    found = {name: p.grad for name, p in lit.named_parameters() if p.grad is not None}
    assert apart(found, expected) < 1e-5
