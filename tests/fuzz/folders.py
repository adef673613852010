"""Folders from Hugging Face: config.json and tokenizer.json."""

from __future__ import annotations

import json
import random
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

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
    return json.dumps(nested.mutate(parsed(valid), chance)).encode()


@lru_cache(maxsize=8)
def parsed(valid: bytes) -> Any:
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


def files(name: str) -> Any:
    """Makes such folders, and returns one file of each."""
    return lambda folder: [exported / name for exported in folders(folder)]


READERS = {
    "config.json": Reader(files("config.json"), changed_json, read, computes_as_transformers),
    "tokenizer.json": Reader(files("tokenizer.json"), changed_json, read_tokens, has_our_tokens),
}
