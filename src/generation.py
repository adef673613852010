"""Prompts in, answers out: decoding of text."""

from __future__ import annotations

from collections.abc import Sequence

from .models import TransformerLM
from .ops.sampling import Pick, greedy
from .tokenizer import BOS, EOS, CharTokenizer

# Stands behind an answer that did not end, where it could be taken for one that did.
CUT = "..."


def generate_answers(
    model: TransformerLM, prompts: Sequence[str], mark_cut: bool = False, pick: Pick = greedy
) -> list[str]:
    """The answer to each prompt, such as ``1010`` to ``554+456=``.

    An answer that does not end within the model's max_seq_len is cut there; special tokens in the
    middle of one are spelled out, such as ``<pad>``.

    Args:
        mark_cut: put `CUT` behind an answer that is cut: behind steps, a part of an answer may
            look like the whole of it.
        pick: chooses each next token: the most likely one, or see `ops.sampling.sampled`.
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
        pick=pick,
    )
    ends = [tokenizer.decode(row).partition(EOS) for row in output[:, T:].tolist()]
    return [said if end or not mark_cut else said + CUT for said, end, _ in ends]
