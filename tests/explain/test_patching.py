"""Pairs differ in one carry, and a patch moves what it should."""

from dataclasses import replace

import pytest

from src.explain.patching import Pairs, draw_pairs, flips, patched
from src.explain.recording import logits_of
from src.tokenizer import CharTokenizer

from ..conftest import ARCHITECTURES
from .conftest import random_model, space
from .test_sums import EXPLAINED


@pytest.mark.parametrize("changed", ["a", "b"])
@pytest.mark.parametrize("place", [2, 3, 4])
@pytest.mark.parametrize("name", EXPLAINED)
def test_only_the_carry_into_a_place_differs(name: str, place: int, changed: str) -> None:
    asked = space(B=999, n_samples=5000, format=name)
    pairs = draw_pairs(asked, place, changed, 50, seed=0)
    assert pairs is not None
    assert len(pairs.into) == 50
    decode, written = CharTokenizer().decode, asked.format
    directions = set()
    for one, other, *said in zip(
        pairs.into.tolist(), pairs.of.tolist(), pairs.said_into, pairs.said_of, strict=True
    ):
        differing = [n for n, x, y in zip(pairs.names, one, other, strict=True) if x != y]
        # The digit, and what stands of its own place in an answer from the units up.
        assert (
            {f"{changed}{place - 1}"}
            <= set(differing)
            <= {f"{changed}{place - 1}", *said_of(place)}
        )
        texts = [decode(ids).removeprefix("<bos>") for ids in (one, other)]
        prompts = [text[: text.index("=") + 1] for text in texts]
        operands = [written.read_prompt(prompt)[0] for prompt in prompts]
        totals = [sum(pair) for pair in operands]
        low = 10 ** (place - 1)
        carries = [sum(x % low for x in pair) // low for pair in operands]
        assert sorted(carries) == [0, 1]
        directions.add(tuple(carries))
        if place < 4:
            assert totals[0] // 10**place == totals[1] // 10**place
            assert min(totals) >= 1000
        for total, begun, prompt, token in zip(totals, texts, prompts, said, strict=True):
            text = prompt + written.answer(total)
            assert text.startswith(begun)
            following = text[len(begun) : len(begun) + 1] or "<eos>"
            assert decode([token]) == following
        assert said[0] != said[1]
    assert len(directions) == 2


def said_of(place: int) -> set[str]:
    return {f"s{place - 1}"}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_flips_where_all_is_exchanged_and_none_before(name: str) -> None:
    model = random_model(name)
    pairs = draw_pairs(space(B=999, n_samples=5000), 3, "a", 100, seed=0)
    assert pairs is not None
    # What the model says, right or wrong, where it says two things.
    said = [logits_of(model, rows)[:, -1].argmax(-1) for rows in (pairs.into, pairs.of)]
    pairs = replace(pairs, said_into=said[0], said_of=said[1])[said[0] != said[1]]
    rows = flips(model, pairs)
    found = {(row["after_layers"], row["token"]): row["flips"] for row in rows if "token" in row}
    # At the embeddings all that differs is one digit; at the end all is where the digit is said.
    assert found[0, "a2"] == found[2, "s4"] == 1
    for token in pairs.names[pairs.first + 1 :]:
        assert found[0, token] == 0
    for token in pairs.names[pairs.first : -1]:
        assert found[2, token] == 0
    assert {row["pairs"] for row in rows} == {len(pairs.into)}
    assert len([row for row in rows if row["part"] == "head"]) == 4


def test_pairs_that_are_answered_wrong_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("llama2")
    table = patched(model, space(), 20, seed=0)
    assert (table["pairs"] < 20).all()
    pairs = draw_pairs(space(), 2, "a", 20, seed=0)
    assert pairs is not None
    never = replace(pairs, said_into=pairs.said_into * 0)
    assert flips(model, never) == []


def test_the_same_seed_draws_the_same_pairs() -> None:
    def tokens(seed: int) -> Pairs:
        found = draw_pairs(space(), 2, "b", 20, seed)
        assert found is not None
        return found

    assert tokens(0).into.equal(tokens(0).into)
    assert not tokens(0).into.equal(tokens(1).into)
