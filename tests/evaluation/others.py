"""Folders of small models of other makers: their own tokenizers, trained for seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from src.data.records import Record

SIZES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 48},
    "llama": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 48,
    },
    "mamba": {"hidden_size": 32, "state_size": 8, "num_hidden_layers": 2},
    "bert": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
    "t5": {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2},
}
RECORDS = [Record(f"{a}+{b}=", str(a + b)) for a in (3, 17, 42, 88) for b in (5, 9, 26, 64, 71)]


def tokenizer(bos: str | None = None) -> PreTrainedTokenizerFast:
    """A byte-level BPE that joins some digits, with an end of sequence and no padding.

    Args:
        bos: a token that it puts in front of each text.
    """
    special = ["<|end|>", *([bos] if bos else [])]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([f"{a}+{b}={a + b}" for a in range(60) for b in range(60)], trainer)
    if bos:
        bpe.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, bpe.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>", bos_token=bos)


def untrained(kind: str, name: str, **changes: Any) -> PreTrainedModel:
    """A model of transformers' class of this name with random weights."""
    settings = {"vocab_size": 320, "bos_token_id": None, "eos_token_id": 0}
    torch.manual_seed(0)
    model: PreTrainedModel = getattr(transformers, name)(
        transformers.AutoConfig.for_model(kind, **{**settings, **SIZES.get(kind, {}), **changes})
    )
    return model


def save(folder: Path, model: PreTrainedModel, its: PreTrainedTokenizerFast | None) -> Path:
    model.save_pretrained(folder)
    if its is not None:
        its.save_pretrained(folder)
    return folder


def fit(model: PreTrainedModel, its: PreTrainedTokenizerFast, texts: Sequence[str]) -> None:
    """Teach a model to repeat texts, without any loss on padding."""
    rows = [torch.tensor(its(text)["input_ids"]) for text in texts]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    for _ in range(80):
        loss = model(input_ids=ids.clamp(min=0), labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
