"""The training benchmark alternates each architecture's real training with the other loops."""

import pytest
import torch

from benchmarks.peers import x_transformer
from benchmarks.products import products_of
from benchmarks.training import main
from src.config import TrainingConfig
from src.models import build_model
from src.ops.grouped_linear import grouped_linear
from src.params import load_params
from src.training.optimizer import make_optimizer

from ..conftest import ARCHITECTURES


def test_each_has_its_turn(capsys: pytest.CaptureFixture[str]) -> None:
    threads = str(torch.get_num_threads())
    main(["--rounds", "1", "--steps", "1", "--threads", threads, "--no-compile"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = {row[0]: row[1:] for row in rows if row[0] in ARCHITECTURES}
    assert list(table) == list(ARCHITECTURES)
    for name, figures in table.items():
        # Five times, and four ratios with smallest, median and largest.
        assert len(figures) == 5 + 4 * 3
        measured = [float(x) for x in figures if x != "-"]
        assert min(measured) > 0
        # x-transformers has no mixture of experts.
        assert len(measured) == len(figures) - (4 if name == "mixtral" else 0)


@pytest.mark.parametrize("name", ["gpt2", "llama2"])
def test_x_transformers_has_a_model_of_the_same_shape(name: str) -> None:
    params = load_params()
    config = params.models[name]
    theirs = sum(p.numel() for p in x_transformer(config).parameters())
    assert theirs == pytest.approx(build_model(config).num_parameters(), rel=0.005)


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
