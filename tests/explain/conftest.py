"""Tiny models that learned some sums by heart, and such that learned nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from src.config import DataConfig
from src.explain.sums import Sums, SumSpace
from src.models import TransformerLM, build_model

from ..conftest import tiny_model, tiny_params


def space(**data: Any) -> SumSpace:
    """Sums of two digits, or of what `data:` says instead."""
    return SumSpace.of(DataConfig.model_validate(tiny_params(data=data).data.model_dump()))


def random_model(name: str, **changes: Any) -> TransformerLM:
    """A model with weights so large that its logits differ clearly."""
    torch.manual_seed(0)
    return build_model(tiny_model(name, init_std=0.2, **changes)).eval()


@dataclass(frozen=True)
class Learned:
    """A model that knows most answers of some sums by heart, and hardly one of others."""

    model: TransformerLM
    known: tuple[Sums, Sums]
    others: tuple[Sums, Sums]


@cache
def learned_model(name: str) -> Learned:
    model = random_model(name)
    short, long = space().draw(200, 0)
    known, others = (short[:30], long[:30]), (short[30:], long[30:])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(150):
        loss = torch.zeros(())
        for sums in known:
            begin = sums.column("=")
            logits = model(sums.tokens[:, :-1])[:, begin:]
            loss = loss + F.cross_entropy(
                logits.flatten(0, 1), sums.tokens[:, begin + 1 :].flatten()
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Learned(model.eval().requires_grad_(False), known, others)


@pytest.fixture(scope="session")
def learned() -> Callable[[str], Learned]:
    """A trained model of each architecture."""
    return learned_model


def operands(*pairs: tuple[int, int]) -> np.ndarray:
    """Rows of two operands."""
    return np.array(pairs, np.int64)
