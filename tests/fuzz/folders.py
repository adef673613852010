"""Folders from Hugging Face: config.json, tokenizer.json and the tensors."""

from __future__ import annotations

import json
import math
import random
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor

from src.checkpoint import load_checkpoint
from src.config import ModelConfig
from src.huggingface import import_checkpoint
from src.huggingface.config import layout_of
from src.huggingface.export import export
from src.huggingface.weights import to_tensors
from src.models import TransformerLM
from src.params import load_params
from src.tokenizer import VOCABULARY

from ..conftest import ARCHITECTURES
from . import mutations, nested
from .checkpoints import save
from .reader import Reader, WrongError


def folders(folder: Path) -> list[Path]:
    """An export of each architecture."""
    # It takes longer than all the rest, and gives the same each time.
    import_checkpoint.load_params = lru_cache(load_params)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    exported = []
    for name in ARCHITECTURES:
        save(folder / f"{name}.trained.ckpt", name)
        export(folder / f"{name}.trained.ckpt", folder / name)
        exported.append(folder / name)
    return exported


def read(path: Path) -> tuple[TransformerLM, ModelConfig]:
    """Import the folder of a file; what the checkpoint holds."""
    out = path.parent.with_suffix(".ckpt")
    import_checkpoint.import_hf(path.parent, out, overwrite=True)
    loaded = load_checkpoint(out)
    return loaded.model, loaded.config


def read_tokens(path: Path) -> ModelConfig:
    """Import the folder of a file, for what is checked meanwhile."""
    return import_checkpoint.import_hf(path.parent, path.parent.with_suffix(".ckpt"), True)


def changed_json(valid: bytes, chance: random.Random) -> bytes:
    """Entries changed, or bytes."""
    if chance.random() < 0.3:
        return mutations.text(valid, chance)
    if chance.random() < 0.01:
        return valid.replace(b": ", b": " + chance.choice((b"[", b'{"a":')) * 10**5, 1)
    return json.dumps(nested.mutate(_parsed(valid), chance)).encode()


@lru_cache(maxsize=8)
def _parsed(valid: bytes) -> Any:
    return json.loads(valid)


@torch.inference_mode()
def computes_as_transformers(
    path: Path, valid: bytes, imported: tuple[TransformerLM, ModelConfig]
) -> None:
    """Where transformers makes a model of this config.json too, it computes the same."""
    model, config = imported
    content = json.loads(path.read_bytes())
    ids = torch.arange(3, 15)[None, : config.max_seq_len]
    try:
        theirs = getattr(transformers, layout_of(config).architecture).from_pretrained(
            None,
            config=transformers.AutoConfig.for_model(**content),
            state_dict=to_tensors(model.state_dict(), config),
        )
        logits = theirs.eval()(ids).logits
    except Exception:
        # It checks what we do not read.
        return
    if not torch.allclose(logits, model(ids), atol=1e-5):
        raise WrongError(f"transformers' {content['model_type']} computes something else")


def has_our_tokens(path: Path, valid: bytes, imported: object) -> None:
    """Where the tokenizers library reads this file too, each token has our number."""
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception:
        # It checks what we do not read.
        return
    if tokenizer.get_vocab() != {token: i for i, token in enumerate(VOCABULARY)}:
        raise WrongError("another vocabulary")


def changed_tensors(valid: bytes, chance: random.Random) -> bytes:
    """Bytes changed, or entries of the head, or a few values."""
    size = int.from_bytes(valid[:8], "little")
    head, data = valid[8 : 8 + size], valid[8 + size :]
    match chance.randrange(4):
        case 0:
            return mutations.binary(valid, chance)
        case 1:
            head = mutations.text(head, chance)
        case 2:
            head = json.dumps(nested.mutate(_parsed(head), chance, _odd_entry)).encode()
        case 3:
            odd = struct.pack("<f", chance.choice((math.nan, math.inf, -math.inf, 1e38, 0.0)))
            at = 4 * chance.randrange(len(data) // 4)
            data = data[:at] + odd + data[at + 4 :]
    return len(head).to_bytes(8, "little") + head + data


def _odd_entry(value: Any, chance: random.Random) -> Any:
    """Another type of numbers, other sizes, or anything."""
    types = ("F32", "F16", "BF16", "F64", "I8", "I32", "U8", "BOOL", "F8_E4M3", "C64", "F4")
    if isinstance(value, str) and chance.random() < 0.7:
        return chance.choice(types)
    if isinstance(value, int) and chance.random() < 0.5:
        return chance.choice((0, 8, 16, 24, 32, 2**16, 2**40))
    return nested.plain(value, chance)


def holds_these_tensors(
    path: Path, valid: bytes, imported: tuple[TransformerLM, ModelConfig]
) -> None:
    """Each tensor is what stands in the file, by a reading of it that is the tests' own."""
    theirs = _tensors(path.read_bytes())
    for name, tensor in to_tensors(*_weights(imported)).items():
        if not tensor.isfinite().all():
            raise WrongError("weights that are not finite")
        there = theirs[name] if name in theirs else theirs[name.removeprefix("transformer.")]
        if not torch.equal(there, tensor):
            raise WrongError("other weights than in the file")


def _weights(imported: tuple[TransformerLM, ModelConfig]) -> tuple[dict[str, Tensor], ModelConfig]:
    model, config = imported
    return model.state_dict(), config


def _tensors(content: bytes) -> dict[str, Tensor]:
    size = int.from_bytes(content[:8], "little")
    head, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    tensors = {}
    for name, entry in head.items():
        if name == "__metadata__":
            continue
        if isinstance(entry, list):
            # The library reads a list of the three, too.
            entry = dict(zip(("dtype", "shape", "data_offsets"), entry, strict=True))
        start, end = entry["data_offsets"]
        part = data[start:end]
        match entry["dtype"]:
            case "F32":
                values = np.frombuffer(part, "<f4")
            case "F16":
                values = np.frombuffer(part, "<f2").astype("<f4")
            case "BF16":
                values = (np.frombuffer(part, "<u2").astype("<u4") << 16).view("<f4")
            case _:
                continue
        tensors[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return tensors


def _files(name: str) -> Any:
    return lambda folder: [exported / name for exported in folders(folder)]


READERS = {
    "config.json": Reader(_files("config.json"), changed_json, read, computes_as_transformers),
    "tokenizer.json": Reader(_files("tokenizer.json"), changed_json, read_tokens, has_our_tokens),
    "safetensors": Reader(_files("model.safetensors"), changed_tensors, read, holds_these_tensors),
}
