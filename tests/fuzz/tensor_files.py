"""Folders from Hugging Face: the tensors, in one file or in several that an index names."""

from __future__ import annotations

import json
import math
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from src.checkpoint import load_checkpoint
from src.config import ModelConfig
from src.huggingface.weights import to_tensors
from src.models import TransformerLM

from . import mutations, nested
from .folders import changed_json, files, folders, parsed, read
from .reader import Reader, WrongError


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
            head = json.dumps(nested.mutate(parsed(head), chance, _odd_entry)).encode()
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


def shards(folder: Path) -> list[Path]:
    """Exports whose tensors lie in two files, as save_pretrained writes large models."""
    indices = []
    for exported in folders(folder):
        whole = exported / "model.safetensors"
        tensors = load_file(whole)
        whole.unlink()
        names = {name: f"model-{1 + i % 2}.safetensors" for i, name in enumerate(tensors)}
        for file in set(names.values()):
            part = {name: tensor for name, tensor in tensors.items() if names[name] == file}
            save_file(part, exported / file)
        indices.append(exported / "model.safetensors.index.json")
        indices[-1].write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": names}))
    return indices


def are_those_of_the_shards(
    path: Path, valid: bytes, imported: tuple[TransformerLM, ModelConfig]
) -> None:
    """An index says in which file a tensor is, and never what it holds."""
    trained = load_checkpoint(path.parent.with_suffix(".trained.ckpt"))
    for name, weight in imported[0].state_dict().items():
        if not torch.equal(weight, trained.model.state_dict()[name]):
            raise WrongError("other weights than in the files")


READERS = {
    "safetensors": Reader(files("model.safetensors"), changed_tensors, read, holds_these_tensors),
    "index.json": Reader(shards, changed_json, read, are_those_of_the_shards),
}
