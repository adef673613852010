"""Teacher forcing knows what greedy decoding says."""

from pathlib import Path

import pytest
import torch

from src.dataset import ArithmeticDataset, collate_fn
from src.models import TransformerLM, build_model
from src.records import Record, read_records
from src.scoring import answer, exact, generate_answers

from .conftest import ARCHITECTURES, tiny_model


def half_trained(name: str, records: list[Record]) -> TransformerLM:
    """Trained until it answers some of the problems, not all."""
    torch.manual_seed(0)
    model = build_model(tiny_model(name, init_std=0.1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    tokens = ArithmeticDataset(records).tokens
    for _ in range(200):
        answers = answer(model, collate_fn(tokens))
        share = answers.exact().float().mean().item()
        if 0.3 < share < 0.8:
            return model.eval()
        optimizer.zero_grad()
        answers.loss().backward()
        optimizer.step()
    raise AssertionError(f"no half-trained model: {share} of the answers are right")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_exact_match_equals_generation(name: str, data_dir: Path) -> None:
    # A model that has half learned these records by heart is right on some and wrong on others.
    records = read_records(data_dir / "test.jsonl")
    model = half_trained(name, records)
    tokens = ArithmeticDataset(records).tokens
    with torch.no_grad():
        forced = answer(model, collate_fn(tokens)).exact()
    said = generate_answers(model, [record.prompt for record in records])
    generated = [text == record.target for text, record in zip(said, records, strict=True)]
    assert forced.tolist() == generated
    assert exact(model, tokens).tolist() == generated
    assert 0 < sum(generated) < len(generated)


def test_only_answer_tokens_count() -> None:
    model = build_model(tiny_model()).eval()
    records = [Record("1+2=", "3"), Record("50+50=", "100")]
    answers = answer(model, collate_fn(ArithmeticDataset(records).tokens))
    # "3<eos>" and "100<eos>"
    assert answers.targets.tolist() == [6, 2, 4, 3, 3, 2]
    assert answers.mask.sum(1).tolist() == [2, 4]
    # What the model reads: all but the last column, which only the longer text reaches.
    assert answers.token_mask.sum(1).tolist() == [7, 10]
    logits = model(ArithmeticDataset(records).tokens.long())[:, :-1]
    torch.testing.assert_close(answers.logits, logits[answers.mask])


def test_nothing_to_generate() -> None:
    assert generate_answers(build_model(tiny_model()), []) == []
