"""Who serves a token is counted apart with a carry and without."""

import pytest
import torch

from src.explain.routing import routing_by_carry
from src.layers import MoELayer

from .conftest import random_model, space


def test_shares_are_those_of_the_routers_choice() -> None:
    model = random_model("mixtral")
    kinds = space().draw(800, 0)
    table = routing_by_carry(model, kinds)
    assert len(table) == 2 * 4 * (2 + 2 + 1)  # of long answers the last place always has a carry
    keys = ["answer_digits", "place", "carry", "layer"]
    # Two experts serve each token.
    assert table.groupby(keys)["share"].sum().to_numpy() == pytest.approx(2)
    counts = table.drop_duplicates(keys).groupby(["answer_digits", "place", "layer"])["problems"]
    assert set(counts.sum()) == {400}
    long = kinds[1]
    with torch.inference_mode():
        model(long.tokens)
    layer = model.blocks[1].mlp
    assert isinstance(layer, MoELayer)
    assert layer.routing is not None
    rows = torch.from_numpy(long.carry_into(2))
    served = (layer.routing.chosen[rows][:, long.says(2)] == 3).any(-1).double().mean().item()
    asked = "answer_digits == 3 and place == 2 and carry == 1 and layer == 1 and expert == 3"
    assert table.query(asked)["share"].tolist() == pytest.approx([served])
    assert len({round(share, 3) for share in table["share"]}) > 10


def test_a_dense_model_has_no_rows() -> None:
    assert not len(routing_by_carry(random_model("llama2"), space().draw(200, 0)))
