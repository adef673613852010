"""Attention is added up by what a token is to the digit that is said."""

import pytest
import torch

from src.explain.lens import lens_by_place
from src.explain.recording import Recording, record
from src.explain.roles import ROLES, attention_by_role

from ..conftest import ARCHITECTURES
from .conftest import random_model, space


@pytest.mark.parametrize("format_name", ["plain", "reverse", "padded"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rows_sum_to_1(name: str, format_name: str) -> None:
    model = random_model(name)
    kinds = space(format=format_name).draw(200, 0)
    table = attention_by_role([(sums, record(model, sums.tokens)) for sums in kinds])
    assert table[list(ROLES)].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    assert (table[list(ROLES)] >= 0).to_numpy().all()
    places = sum(len(sums.answer_places) for sums in kinds)
    assert len(table) == 2 * 2 * places
    assert not table.duplicated(["answer_digits", "layer", "head", "place"]).any()


def test_each_look_is_counted_for_its_role() -> None:
    sums = space(B=999, n_samples=5000).draw(200, 0)[1]
    # At the token that says the hundreds, s4, a head with eyes for one token at a time.
    for token, role in {
        **{"a3": "a_same", "a2": "a_before", "a1": "a_other", "+": "operator", "=": "equals"},
        **{"b3": "b_same", "b2": "b_before", "b1": "b_other", "s4": "answer", "<bos>": "bos"},
    }.items():
        attention = torch.zeros(1, 1, len(sums.names), len(sums.names))
        attention[0, 0, sums.column("s4"), sums.column(token)] = 1
        seen = Recording(torch.empty(0), torch.empty(0), attention, torch.empty(0))
        table = attention_by_role([(sums, seen)])
        (found,) = table[table["place"] == 3][list(ROLES)].to_dict("records")
        assert found == {each: float(each == role) for each in ROLES}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_behind_the_last_layer_the_lens_shows_what_the_model_says(name: str) -> None:
    model = random_model(name)
    sums = space().draw(200, 0)[1]
    seen = record(model, sums.tokens)
    table = lens_by_place(model, [(sums, seen)])
    for place in (1, 2, 3):
        right = sums.tokens[:, sums.column(f"s{place}")]
        logits = seen.logits[:, sums.says(place)]
        likely = logits.softmax(-1).gather(1, right[:, None]).mean().item()
        last = table[(table["place"] == place) & (table["after_layers"] == 2)]
        assert last["probability"].tolist() == pytest.approx([likely], abs=1e-6)
        hits = (logits.argmax(-1) == right).float().mean().item()
        assert last["accuracy"].tolist() == pytest.approx([hits])
    assert len(table) == 9
