"""Prompts in, answers out: greedy decoding of text."""

from __future__ import annotations

from collections.abc import Sequence

from .models import TransformerLM
from .tokenizer import BOS, EOS, CharTokenizer


def generate_answers(model: TransformerLM, prompts: Sequence[str]) -> list[str]:
    """The answer to each prompt by greedy decoding, such as ``1010`` to ``554+456=``.

    An answer that does not end within the model's max_seq_len is cut there; special tokens in the
    middle of one are spelled out, such as ``<pad>``.
    """
    if not prompts:
        return []
    tokenizer = CharTokenizer()
    device = next(model.parameters()).device
    input_ids, attention_mask = tokenizer.pad_batch([tokenizer.encode(BOS + p) for p in prompts])
    T = input_ids.size(1)
    output = model.generate(
        input_ids.to(device),
        model.max_seq_len - T,
        tokenizer.eos_id,
        attention_mask.to(device),
    )
    return [tokenizer.decode(row).partition(EOS)[0] for row in output[:, T:].tolist()]
