"""The character tokenizer as a file of Hugging Face's tokenizers library.

Plain JSON, a documented format: the library itself is not needed to write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.errors import UserError
from ..tokenizer import BOS, EOS, PAD, VOCABULARY


def tokenizer_json() -> dict[str, Any]:
    """What tokenizer.json holds: one token a character, ``<bos>`` put in front.

    A character outside the vocabulary is an error there too, as no token stands for unknown ones.
    """
    ids = {token: i for i, token in enumerate(VOCABULARY)}
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    begin = {"SpecialToken": {"id": BOS, "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[token], "content": token, **special, "special": True}
            for token in (PAD, BOS, EOS)
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            # [\s\S]: a line's end is a character too.
            "pattern": {"Regex": r"[\s\S]"},
            "behavior": "Isolated",
            "invert": False,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, text],
            "pair": [begin, text, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {BOS: {"id": BOS, "ids": [ids[BOS]], "tokens": [BOS]}},
        },
        # Without it, the characters of an answer would come with spaces between them.
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": "<unk>"},
    }


def tokenizer_config(max_seq_len: int) -> dict[str, Any]:
    """What tokenizer_config.json holds."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": max_seq_len,
        # So that a batch of prompts ends where their answers begin.
        "padding_side": "left",
        # By default there are token_type_ids too, which GPT-2 would add to its embeddings.
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
    }


def check_vocabulary(content: Mapping[str, Any]) -> None:
    """See that a tokenizer.json has our tokens under our numbers.

    Raises:
        UserError: naming the first token that is another.
    """
    try:
        ids = dict(content["model"]["vocab"])
        ids |= {token["content"]: token["id"] for token in content.get("added_tokens") or []}
    except (KeyError, TypeError, ValueError):
        raise UserError("has no vocabulary of tokens with numbers") from None
    for i, token in enumerate(VOCABULARY):
        if ids.pop(token, None) != i:
            raise UserError(f"another vocabulary: token {i} must be {token}")
    if ids:
        raise UserError(f"another vocabulary: our models have no token {min(ids)!r}")
