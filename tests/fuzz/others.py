"""Folders of others' causal language models, which transformers opens: `--hf`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import transformers

from src.evaluation.other_model import OtherModel
from src.evaluation.other_opening import open_other

from ..evaluation.others import RECORDS, save, tokenizer, untrained
from .folders import changed_json
from .reader import Reader, WrongError
from .tensor_files import changed_tensors

_KINDS = {"gpt2": "GPT2LMHeadModel", "llama": "LlamaForCausalLM"}


def _files(name: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        transformers.utils.logging.disable_progress_bar()
        its = tokenizer("<s>")
        return [save(folder / k, untrained(k, c), its) / name for k, c in _KINDS.items()]

    return make


def ask(path: Path) -> OtherModel:
    """Open the folder of a file, and ask its model."""
    other = open_other(path.parent, "{prompt}", "cpu")
    other.answers(RECORDS[:2], 2)
    return other


def has_numbers(path: Path, valid: bytes, other: OtherModel) -> None:
    """A model that answers has weights that are finite, no more than the files beside it hold."""
    if not all(weight.isfinite().all() for weight in other.model.parameters()):
        raise WrongError("weights that are not finite")
    if other.parameters > 8 * sum(file.stat().st_size for file in path.parent.iterdir()):
        raise WrongError("more weights than there are bits in the files")


READERS = {
    f"hf-{name}": Reader(_files(name), mutate, ask, has_numbers)
    for name, mutate in {
        "config.json": changed_json,
        "tokenizer.json": changed_json,
        "tokenizer_config.json": changed_json,
        "generation_config.json": changed_json,
        "model.safetensors": changed_tensors,
    }.items()
}
