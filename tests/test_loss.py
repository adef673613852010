"""Teacher forcing knows what greedy decoding says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from src.data.reading import read_records
from src.data.records import Record
from src.dataset import ArithmeticDataset, collate_fn
from src.evaluation.screening import leads
from src.generation import generate_answers
from src.loss import answer
from src.models import TransformerLM, build_model

from .conftest import ARCHITECTURES, tiny_model


def half_trained(
    name: str, records: Sequence[Record], low: float = 0.3, high: float = 0.8, **changes: Any
) -> TransformerLM:
    """Trained until it answers some of the problems, not all: a share from low to high."""
    torch.manual_seed(0)
    model = build_model(tiny_model(name, init_std=0.1, **changes))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    tokens = ArithmeticDataset(records).tokens
    for _ in range(600):
        answers = answer(model, collate_fn(tokens))
        share = answers.exact().float().mean().item()
        if low <= share <= high:
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
    assert (leads(model, tokens) > 0).tolist() == generated
    assert 0 < sum(generated) < len(generated)


def test_only_answer_tokens_count() -> None:
    model = build_model(tiny_model()).eval()
    records = [Record("1+2=", "3"), Record("50+50=", "100")]
    answers = answer(model, collate_fn(ArithmeticDataset(records).tokens))
    # "3<eos>" and "100<eos>"
    assert answers.targets[answers.valid].tolist() == [6, 2, 4, 3, 3, 2]
    assert answers.valid.tolist() == [[True, True, False, False], [True] * 4]
    assert answers.at[answers.valid].tolist() == [4, 5, 6, 7, 8, 9]
    # All but the last of each text.
    assert answers.token_mask.sum(1).tolist() == [6, 10]
    logits = model(ArithmeticDataset(records).tokens.long())
    torch.testing.assert_close(answers.logits[0, :2], logits[0, 4:6])
    torch.testing.assert_close(answers.logits[1], logits[1, 6:10])


def test_nothing_to_generate() -> None:
    assert generate_answers(build_model(tiny_model()), []) == []
