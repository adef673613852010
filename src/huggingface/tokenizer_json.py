"""The character tokenizer in the JSON format of Hugging Face's tokenizers library.

The library itself is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.errors import UserError
from ..common.findings import shown
from ..tokenizer import BOS, EOS, PAD, VOCABULARY
from .json_file import Part, parse


def tokenizer_json() -> dict[str, Any]:
    """The content of tokenizer.json: one token for each character, and ``<bos>`` in front.

    A character outside the vocabulary is an error there too: the vocabulary lacks ``<unk>``.
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
        # TransformerLens encodes the letter a, alone, to learn what stands in front of any text. No
        # problem is that letter: read as a digit, it opens the model there, and all other letters
        # stay an error.
        "normalizer": {"type": "Replace", "pattern": {"Regex": "^a$"}, "content": "0"},
        "pre_tokenizer": {
            "type": "Split",
            # [\s\S] is any character, line ends included.
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
        # By default, the characters of an answer would be joined with spaces.
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": "<unk>"},
    }


def tokenizer_config(max_seq_len: int) -> dict[str, Any]:
    """The content of tokenizer_config.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": max_seq_len,
        # Padding on the left, so that each prompt of a batch ends where its answer begins.
        "padding_side": "left",
        # Without token_type_ids, a default, which GPT-2 would add to its embeddings.
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
    }


class _Token(Part):
    id: int
    content: str


class _Model(Part):
    vocab: dict[str, int]


class _Tokenizer(Part):
    model: _Model
    added_tokens: list[_Token] | None = None


def check_vocabulary(content: Mapping[str, Any]) -> None:
    """Refuse a tokenizer.json whose tokens or ids are not ours.

    Raises:
        UserError: naming the first token that differs, or what is no vocabulary.
    """
    tokenizer = parse(content, _Tokenizer)
    ids = dict(tokenizer.model.vocab)
    for token in tokenizer.added_tokens or []:
        # Where the vocabulary lacks it, the library gives it the next free number instead.
        if ids.get(token.content) != token.id:
            rule = f"must be {token.id} in the vocabulary too, as in added_tokens"
            raise UserError(f"{shown(token.content)} = {ids.get(token.content)}: {rule}")
    for i, name in enumerate(VOCABULARY):
        if ids.pop(name, None) != i:
            raise UserError(f"another vocabulary: token {i} must be {name}")
    if ids:
        raise UserError(f"another vocabulary: our models have no token {shown(min(ids))}")
