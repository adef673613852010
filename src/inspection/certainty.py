"""The probability of each token of a model's answers, and the next likely one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..generation import generate_answers
from ..models import TransformerLM
from ..tokenizer import BOS, VOCABULARY, CharTokenizer


@dataclass(frozen=True)
class Said:
    """One token of an answer.

    Attributes:
        token: what greedy decoding says; ``<eos>`` at the end.
        probability: of it, given all before.
        runner_up: the next likely token.
        its_probability: the runner-up's.
    """

    token: str
    probability: float
    runner_up: str
    its_probability: float


def answers_with_certainty(
    model: TransformerLM, prompts: Sequence[str]
) -> list[tuple[str, list[Said]]]:
    """The answer to each prompt, and each of its tokens.

    An answer that does not end within the model's max_seq_len has no ``<eos>``.
    """
    results: dict[str, tuple[str, list[Said]]] = {}
    # In one batch, the longest prompt would leave the others as little room as itself.
    for length in {len(prompt) for prompt in prompts}:
        alike = sorted({prompt for prompt in prompts if len(prompt) == length})
        results |= zip(alike, _answers(model, alike), strict=True)
    return [results[prompt] for prompt in prompts]


@torch.inference_mode()
def _answers(model: TransformerLM, prompts: list[str]) -> list[tuple[str, list[Said]]]:
    """`answers_with_certainty` of prompts of one length."""
    tokenizer = CharTokenizer()
    answers = generate_answers(model, prompts)
    texts = [tokenizer.encode(BOS + p + a) for p, a in zip(prompts, answers, strict=True)]
    start = len(tokenizer.encode(BOS + prompts[0]))
    # Padding is on the right, where causality hides it.
    input_ids, _ = tokenizer.pad_batch(texts)
    probabilities = model(input_ids.to(next(model.parameters()).device)).softmax(-1).cpu()
    results = []
    for row, answer, ids in zip(probabilities, answers, texts, strict=True):
        ends = len(ids) < model.max_seq_len
        said = []
        for place, token in enumerate(ids[start:] + [tokenizer.eos_id] * ends, start - 1):
            first, second = row[place].topk(2).indices.tolist()
            other = second if first == token else first
            chances = row[place, token].item(), row[place, other].item()
            said.append(Said(VOCABULARY[token], chances[0], VOCABULARY[other], chances[1]))
        results.append((answer, said))
    return results
