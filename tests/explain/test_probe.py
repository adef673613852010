"""A probe finds what is there, on sums it was not fitted to, and nothing in noise."""

import pandas as pd
import pytest
import torch

from src.explain.probe import carry_probes, predict
from src.explain.recording import Recording, record
from src.explain.sums import Sums

from .conftest import random_model, space


def noise(sums: Sums, seed: int) -> Recording:
    """Three levels of vectors that know nothing."""
    generator = torch.Generator().manual_seed(seed)
    residual = torch.randn(3, *sums.tokens.shape, 16, generator=generator)
    return Recording(residual, torch.empty(0), torch.empty(0), torch.empty(0))


def by_place(table: pd.DataFrame) -> dict[tuple[int, str, int], float]:
    """Accuracies by place, token and after_layers."""
    keys = zip(table["place"], table["token"], table["after_layers"], strict=True)
    return dict(zip(keys, table["accuracy"].tolist(), strict=True))


def test_a_probe_reads_a_direction_and_no_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(900, 20, generator=generator)
    planted = x @ torch.randn(20, generator=generator) > 0.3
    random = torch.rand(900, generator=generator) > 0.5
    y = torch.stack([planted, random], dim=1)
    hits = (predict(x[:600], y[:600], x[600:]) == y[600:]).double().mean(0)
    assert hits[0] > 0.95
    assert hits[1] == pytest.approx(0.5, abs=0.1)


def test_dimensions_that_never_vary_do_no_harm() -> None:
    x = torch.cat([torch.linspace(-1, 1, 90)[:, None], torch.full((90, 1), 7.0)], dim=1)
    y = x[:, :1] > 0
    assert (predict(x[::2], y[::2], x[1::2]) == y[1::2]).double().mean() > 0.95


def test_a_carry_is_found_where_it_is_and_nowhere_else() -> None:
    kinds = space(B=999, n_samples=5000).draw(600, 0)
    seen = [noise(sums, 1) for sums in kinds]
    for sums, recording in zip(kinds, seen, strict=True):
        # In one direction of b2 after one layer: the carry into the hundreds.
        carry = torch.from_numpy(sums.carry_into(3)).float()
        recording.residual[1, :, sums.column("b2"), 5] = 8 * carry
    table = carry_probes(*kinds, seen, [noise(sums, 2) for sums in kinds])
    assert set(table["token"]) == {"b3", "b2", "b1", "=", "s4", "s3", "s2", "s1"}
    accuracy = by_place(table)
    assert accuracy.pop((3, "b2", 1)) > 0.99
    # The carries of neighbouring places are related.
    assert max(accuracy.values()) < 0.8
    assert table["untrained"].max() < 0.75
    assert (table["majority"] >= 0.4).all()
    # Into the highest place, only where both lengths of answers are read.
    assert set(table[table["place"] == 4]["token"]) == {"b3", "b2", "b1", "="}
    assert set(table["held_out"]) == {200, 100}


def test_the_embedding_of_a_digit_tells_its_carry_in_part() -> None:
    kinds = space(B=999, n_samples=5000).draw(600, 0)
    model = random_model("llama2")
    seen = [record(model, sums.tokens) for sums in kinds]
    table = carry_probes(*kinds, seen, seen)
    # b2 alone says more on the carry out of the tens than the majority, and less than all.
    assert 0.65 < by_place(table)[3, "b2", 0] < 0.85
    assert table["untrained"].tolist() == table["accuracy"].tolist()
