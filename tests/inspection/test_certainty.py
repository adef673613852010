"""Probabilities are those of greedy decoding, whatever else is asked in the same batch."""

import pytest
import torch

from src.generation import generate_answers
from src.inspection.certainty import answers_with_certainty
from src.models import build_model
from src.tokenizer import BOS, EOS, VOCABULARY, CharTokenizer

from ..conftest import ARCHITECTURES, tiny_model

PROMPTS = [*(f"{a}*{b}=" for a in (1, 23, 456) for b in range(9)), "1+2+3+4+5+6+7+8="]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_token_has_the_probability_that_it_was_said_with(name: str) -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model(name, init_std=0.3, tie_weights=False)).eval()
    results = answers_with_certainty(model, PROMPTS)
    # Together with a long prompt, a short one has as much room as alone.
    assert [answer for answer, _ in results] == [generate_answers(model, [p])[0] for p in PROMPTS]
    for prompt, (answer, said) in zip(PROMPTS, results, strict=True):
        tokens = [s.token for s in said]
        assert "".join(tokens).removesuffix(EOS) == answer
        ids = CharTokenizer().encode(BOS + prompt + answer)
        ended = tokens[-1] == EOS
        assert ended or len(ids) == model.max_seq_len
        with torch.no_grad():
            probabilities = model(torch.tensor([ids]))[0].softmax(-1)[len(prompt) :]
        for s, row in zip(said, probabilities[: len(said)], strict=True):
            values, indices = row.topk(2)
            assert (s.token, s.runner_up) == tuple(VOCABULARY[i] for i in indices)
            assert (s.probability, s.its_probability) == pytest.approx(values.tolist(), abs=1e-5)
    assert {said[-1].token == EOS for _, said in results} == {True, False}


def test_nothing_asked_is_nothing_said() -> None:
    assert answers_with_certainty(build_model(tiny_model()), []) == []
