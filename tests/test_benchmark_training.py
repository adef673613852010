"""The training benchmark runs every architecture's real training and its rivals by turns."""

import pytest
import torch

from benchmarks.products import products_of
from benchmarks.training import main
from src.config import TrainingConfig
from src.grouped import grouped_linear
from src.optimizer import make_optimizer

from .conftest import ARCHITECTURES


def test_each_has_its_turn(capsys: pytest.CaptureFixture[str]) -> None:
    threads = str(torch.get_num_threads())
    main(["--rounds", "1", "--steps", "1", "--threads", threads, "--no-compile"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = {row[0]: [float(x) for x in row[1:]] for row in rows if row[0] in ARCHITECTURES}
    assert list(table) == list(ARCHITECTURES)
    for figures in table.values():
        # Four times, three ratios with their spread.
        assert len(figures) == 4 + 9
        assert min(figures[:4]) > 0


def test_ours_has_the_optimizer_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def noting(model: torch.nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
        steps.append(config.optimizer)
        return make_optimizer(model, config)

    monkeypatch.setattr("src.lightning_module.make_optimizer", noting)
    rest = ["--models", "gpt2", "--rounds", "1", "--steps", "1", "--no-compile"]
    main(["--optimizer", "adamw", "--threads", str(torch.get_num_threads()), *rest])
    main(["--threads", str(torch.get_num_threads()), *rest])
    assert steps == ["adamw", "muon"]


def test_grouped_products_are_noted_backward_too() -> None:
    x, weight = torch.randn(3, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    again = products_of(lambda: grouped_linear(x, [weight], torch.tensor([3])).sum().backward())
    with torch.profiler.profile() as profile:
        again()
    names = {event.key.rpartition("::")[2]: event.count for event in profile.key_averages()}
    assert names["grouped_linear"] == names["grouped_linear_backward"] == 1
