"""Prompts in, answers out: what a person asks, by greedy decoding."""

from __future__ import annotations

from collections.abc import Sequence

from .models import TransformerLM
from .tokenizer import BOS, EOS, CharTokenizer


def generate_answers(model: TransformerLM, prompts: Sequence[str]) -> list[str]:
    """What greedy decoding says after each prompt, such as ``1010`` after ``554+456=``.

    An answer that does not end within the model's max_seq_len is cut there; special tokens that
    are said in the middle of one are written out.
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
