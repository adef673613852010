"""The training benchmark runs every architecture's real training and its rivals by turns."""

import pytest
import torch

from benchmarks.products import products_of
from benchmarks.training import main
from src.grouped import grouped_linear

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


def test_grouped_products_are_noted_backward_too() -> None:
    x, weight = torch.randn(3, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    again = products_of(lambda: grouped_linear(x, [weight], torch.tensor([3])).sum().backward())
    with torch.profiler.profile() as profile:
        again()
    names = {event.key.rpartition("::")[2]: event.count for event in profile.key_averages()}
    assert names["grouped_linear"] == names["grouped_linear_backward"] == 1
