"""Tokens are drawn as often as their probabilities say, and an answer is the same in any batch."""

import math

import pytest
import torch

from src.models import build_model
from src.ops.sampling import greedy, sampled
from src.tokenizer import EOS, CharTokenizer

from ..conftest import ARCHITECTURES, tiny_model

LOGITS = torch.tensor([2.0, -1.0, 0.5, 2.5, -30.0, 1.0])
N = 20_000
# Every row is another beginning.
ROWS = torch.cartesian_prod(torch.arange(200), torch.arange(100))


def shares(temperature: float, top_k: int = 0) -> list[float]:
    drawn = sampled(temperature, top_k)(LOGITS.expand(N, -1), ROWS)
    return (drawn.bincount(minlength=len(LOGITS)) / N).tolist()


@pytest.mark.parametrize("temperature", [0.3, 0.8, 2.0])
@pytest.mark.parametrize("top_k", [0, 2, 3, 200])
def test_tokens_are_drawn_as_often_as_they_are_likely(temperature: float, top_k: int) -> None:
    kept = sorted(LOGITS.tolist(), reverse=True)[: top_k or None]
    weights = [math.exp(x / temperature) if x in kept else 0.0 for x in LOGITS.tolist()]
    for share, weight in zip(shares(temperature, top_k), weights, strict=True):
        chance = weight / sum(weights)
        # Five standard deviations.
        assert share == pytest.approx(chance, abs=5 * math.sqrt(chance * (1 - chance) / N))
        assert share == 0 or weight > 0


@pytest.mark.parametrize(("temperature", "top_k"), [(1e-300, 0), (1e-3, 0), (5.0, 1)])
def test_without_a_choice_it_is_the_most_likely_token(temperature: float, top_k: int) -> None:
    logits = torch.randn(500, 18, generator=torch.Generator().manual_seed(0)) * 9
    rows = torch.arange(500)[:, None]
    assert torch.equal(sampled(temperature, top_k)(logits, rows), greedy(logits, rows))


# As few prompts; as many, whose lengths are continued together, some of them, or each alone.
@pytest.mark.parametrize(("few", "at_once"), [(256, 512), (0, 512), (0, 3), (0, 1)])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_row_is_continued_in_the_same_way_in_any_batch(
    name: str, few: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.ops.decode._FEW_PROMPTS", few)
    monkeypatch.setattr("src.ops.decode._TOGETHER", at_once)
    torch.manual_seed(0)
    model, eos = build_model(tiny_model(name)).eval(), CharTokenizer.eos_id
    rows = [torch.randint(4, 18, (n,)) for n in (3, 8, 5, 5, 1)]
    batch = torch.zeros(len(rows), 8, dtype=torch.long)
    for i, row in enumerate(rows):
        batch[i, : len(row)] = row
    pick = sampled(1.0)
    together = model.generate(batch, 9, eos, pick=pick)[:, 8:]
    assert len({tuple(row) for row in together.tolist()}) == len(rows)
    for row, answer in zip(rows, together.tolist(), strict=True):
        expected: list[int] = []
        # By hand, without a cache.
        while len(expected) < 9 and eos not in expected:
            so_far = torch.cat((row, torch.tensor(expected, dtype=torch.long)))[None]
            expected += pick(model(so_far)[:, -1], so_far).tolist()
        assert answer[: len(expected)] == expected
        assert not any(answer[len(expected) :])
    assert not torch.equal(together, model.generate(batch, 9, eos)[:, 8 : 8 + together.size(1)])


def test_the_end_is_drawn_too() -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model()).eval()
    ids = torch.cartesian_prod(torch.arange(4, 14), torch.arange(4, 14))
    output = model.generate(ids, 20, CharTokenizer.eos_id, pick=sampled(1.0))
    texts = [CharTokenizer().decode(row) for row in output.tolist()]
    # An untrained model ends about one row of two within twenty tokens.
    assert 20 < sum(EOS in text for text in texts) < 95
