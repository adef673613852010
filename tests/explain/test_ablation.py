"""What is switched off is gone while it is, and only that."""

from collections.abc import Callable

import pytest
import torch

from src.explain.ablation import ablations, rerouted, right, silent, without_head
from src.explain.recording import logits_of, record
from src.generation import generate_answers
from src.layers import MoELayer

from ..conftest import ARCHITECTURES
from .conftest import Learned, random_model, space


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_right_is_what_greedy_decoding_gets_right(
    name: str, learned: Callable[[str], Learned]
) -> None:
    found = learned(name)
    shares = []
    for sums in (*found.known, *found.others):
        prompts = [f"{a}+{b}=" for a, b in sums.operands.tolist()]
        answers = generate_answers(found.model, prompts)
        by_greedy = [
            said == str(sum(pair)) for said, pair in zip(answers, sums.operands, strict=True)
        ]
        hits = right(found.model, sums)
        assert hits.tolist() == by_greedy
        shares.append(hits.mean())
    assert min(shares[:2]) > 0.8
    assert max(shares[2:]) < 0.8


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_switching_off_nothing_changes_nothing(
    name: str, learned: Callable[[str], Learned]
) -> None:
    model, sums = learned(name).model, learned(name).known[1]
    plain = logits_of(model, sums.tokens)
    # The mean over one sum is what the head says of that sum.
    one = sums[:1]
    with without_head(model, 1, 0)(record(model, one.tokens)):
        torch.testing.assert_close(logits_of(model, one.tokens), plain[:1])
    parts = [(each, record(model, each.tokens)) for each in learned(name).known]
    table = ablations(model, parts)
    assert logits_of(model, sums.tokens).equal(plain)
    nothing = table[table["part"] == "nothing"]
    hits = [right(model, each) for each in learned(name).known]
    assert (nothing["exact_match"] * nothing["problems"]).sum() == pytest.approx(
        sum(map(sum, hits))
    )
    assert nothing["carries"].tolist() == [0, 1, 1, 2]
    assert nothing["answer_digits"].tolist() == [2, 2, 3, 3]
    heads = table[table["part"] == "head"]
    assert len(heads) == 2 * 2 * 4
    assert heads["exact_match"].min() < nothing["exact_match"].min()
    experts = table[table["part"] == "expert"]
    assert len(experts) == (2 * 4 * 2 * 4 if name == "mixtral" else 0)
    each = table.groupby(["layer", "part", "number", "how"], dropna=False)["problems"].sum()
    assert set(each) == {60}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_head_says_its_mean_and_the_others_what_they_said(name: str) -> None:
    model = random_model(name)
    sums = space().draw(200, 0)[1]
    seen = record(model, sums.tokens)
    with without_head(model, 0, 1)(seen):
        changed = record(model, sums.tokens)
    assert changed.heads[0][..., :16].equal(seen.heads[0][..., :16])
    mean = seen.heads[0][..., 16:].mean(0)
    torch.testing.assert_close(changed.heads[0][..., 16:], mean.expand(100, -1, -1))
    assert not torch.allclose(changed.logits, seen.logits)


def moe_layer(top_k: int = 2, **changes: object) -> tuple[MoELayer, torch.Tensor]:
    model = random_model("mixtral", top_k=top_k, **changes)
    moe = model.blocks[0].mlp
    assert isinstance(moe, MoELayer)
    return moe, torch.randn(6, 5, 32, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def by_hand(moe: MoELayer, x: torch.Tensor, off: int, reroute: bool) -> torch.Tensor:
    """The layer's formula, expert by expert."""
    probabilities = moe.router(x).softmax(-1)
    if reroute:
        probabilities[..., off] = 0
    weights, chosen = probabilities.topk(moe.top_k)
    weights = weights / weights.sum(-1, keepdim=True)
    y = torch.zeros_like(x)
    for number, expert in enumerate(moe.experts):
        if number != off:
            y += (weights * (chosen == number)).sum(-1, keepdim=True) * expert(x)
    return y


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_an_expert_is_silent_or_passed_over(top_k: int) -> None:
    moe, x = moe_layer(top_k)
    with torch.inference_mode():
        plain = moe(x)
        for off in range(4):
            for reroute, switch in ((False, silent(moe.experts[off])), (True, rerouted(moe, off))):
                with switch:
                    found = moe(x)
                torch.testing.assert_close(found, by_hand(moe, x, off, reroute))
                assert not torch.allclose(found, plain)
                assert moe(x).equal(plain)


def test_an_expert_speaks_again_after_a_failure() -> None:
    moe, x = moe_layer()
    plain = moe(x)
    with pytest.raises(RuntimeError, match="mine"), silent(moe.experts[0]):
        raise RuntimeError("mine")
    assert moe(x).equal(plain)


def test_a_single_expert_has_nobody_in_its_place() -> None:
    model = random_model("mixtral", n_experts=1, top_k=1)
    sums = space().draw(200, 0)[0]
    table = ablations(model, [(sums, record(model, sums.tokens))])
    assert set(table[table["part"] == "expert"]["how"]) == {"silent"}
