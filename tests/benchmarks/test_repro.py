"""The time of a whole run is divided by that of the matrix products of all its steps."""

import pytest

from benchmarks import repro
from benchmarks.machine import machine

from ..conftest import tiny_params


def test_products_grow_with_the_steps() -> None:
    data = {"n_samples": 2000}
    few = repro.products(tiny_params(data=data, training={"max_steps": 10}))
    many = repro.products(tiny_params(data=data, training={"max_steps": 1000}))
    assert 0 < 10 * few < many


def test_it_says_on_what_it_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(repro, "repro", lambda: 150.0)
    monkeypatch.setattr(repro, "products", lambda params: 100.0)
    repro.main([])
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == machine()
    assert last == "dvc repro / products: 1.50"
