"""Checkpoints: their bytes, and their contents."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from src.checkpoint import Loaded, load_checkpoint, save_checkpoint, weights_hash
from src.config import DataConfig, ModelConfig
from src.data.formats import PLAIN
from src.data.records import Record
from src.evaluation.leaks import find_leaks
from src.evaluation.results import about
from src.huggingface.export import export
from src.inspection.examiner import OurExaminer
from src.models import build_model
from src.proof.archive import sealed

from ..conftest import ARCHITECTURES, tiny_params, write_records
from . import nested, tensors
from .card import check_card
from .mutations import archive, binary, flip
from .reader import Reader, WrongError

TINY = {"d_model": 8, "n_heads": 2, "n_layers": 1, "d_ff": 8, "n_experts": 2, "max_seq_len": 16}
DATA = tiny_params().data
RECORDS = [Record("12+34=", "46"), Record("1+2=", "3")]


def save(path: Path, name: str, trained_on: DataConfig = DATA, **model: Any) -> None:
    """What a training leaves, of a tiny model that was not trained."""
    # Tied as the exported folder of each class has it by default, and not.
    params = tiny_params(name, models={**TINY, "tie_weights": name != "mixtral", **model})
    torch.manual_seed(0)
    weights = build_model(params.model_config_in_use).state_dict()
    data = {
        "data": trained_on.to_plain(),
        "sha256": dict.fromkeys(("train", "val", "test"), "ab" * 32),
    }
    first = {
        "file": "first.ckpt",
        "sha256": "cd" * 32,
        "metrics": {"step": 10, "loss": 1.5, "exact_match": 0.125},
        "story": {"data": data, "init_from": None},
    }
    save_checkpoint(
        path,
        {f"model.{key}": weight for key, weight in weights.items()},
        params,
        {"step": 30, "loss": 0.5, "exact_match": 0.25},
        {"data": data, "init_from": first if name == "llama2" else None},
    )


def make(folder: Path) -> list[Path]:
    write_records(folder / "data" / "test.jsonl", RECORDS)
    paths = [folder / name / "best.ckpt" for name in ARCHITECTURES]
    for path in paths:
        save(path, path.parent.name)
    return paths


@lru_cache(maxsize=8)
def _original(valid: bytes) -> dict[str, Any]:
    content = torch.load(io.BytesIO(valid), weights_only=True)
    assert isinstance(content, dict)
    return content


def changed_content(valid: bytes, chance: random.Random) -> bytes:
    """Entries changed, and written as we write them, or as torch does; or members of the archive.

    What a forger would do: hashes are computed again, so that they hide nothing from the rest.
    """
    if chance.random() < 0.1:
        return archive(valid, chance)
    while True:
        buffer = io.BytesIO()
        try:
            content = nested.mutate(_original(valid), chance, tensors.odd)
            if chance.random() < 0.05:
                _resize(content, chance)
            elif chance.random() < 0.7:
                content["sha256"] = weights_hash(content["state_dict"])
            torch.save(content, buffer)
        except (LookupError, RuntimeError, ValueError, TypeError, AttributeError):
            # Not all that is odd can be hashed and written.
            continue
        return sealed(buffer.getvalue()) if chance.random() < 0.7 else buffer.getvalue()


def _resize(content: dict[str, Any], chance: random.Random) -> None:
    """Other sizes, and weights to fit that take no room in the file: one value everywhere."""
    model = content["hyper_parameters"]["model"]
    sizes = ("d_model", "d_ff", "n_heads", "n_layers", "n_experts", "max_seq_len")
    for key in chance.sample(sizes, chance.choice((1, 2, 3))):
        model[key] = chance.choice((1, 2, 4, 64, 1024, 2**16, 2**20))
    content.pop("sha256", None)
    config = ModelConfig.model_validate(model)
    if config.n_layers * config.n_experts <= 64:
        with torch.device("meta"):
            weights = build_model(config).state_dict()
        content["state_dict"] = {
            f"model.{name}": torch.zeros(1).expand(weight.shape) for name, weight in weights.items()
        }


def read(path: Path) -> Loaded:
    """As predict and import do."""
    return load_checkpoint(path)


def read_everywhere(path: Path) -> Loaded:
    """As every command does that takes a checkpoint."""
    loaded = load_checkpoint(path)
    examiner = OurExaminer(loaded, DATA)
    examiner.lines([examiner.question("12+34=")])
    data = path.parent.parent / "data"
    find_leaks(RECORDS, PLAIN, loaded.story, data)
    about(path, {"architecture": loaded.config.name, "problems": len(RECORDS)}, data)
    folder = path.parent / "exported"
    shutil.rmtree(folder, ignore_errors=True)
    export(path, folder)
    check_card((folder / "README.md").read_text(encoding="utf-8"))
    return loaded


def is_the_same(path: Path, valid: bytes, loaded: Loaded) -> None:
    """All that counts is as in the valid file."""
    original = _original(valid)
    _check_weights(loaded, original)
    if loaded.config.to_plain() != original["hyper_parameters"]["model"]:
        raise WrongError("another configuration")
    if loaded.training.to_plain() != original["hyper_parameters"]["training"]:
        raise WrongError("other settings of the training")
    if (loaded.metrics, loaded.story) != (original["metrics"], original["story"]):
        raise WrongError("other metrics, or another story")


def never(path: Path, valid: bytes, loaded: Loaded) -> None:
    """A file of which a byte was changed."""
    if path.read_bytes() != valid:
        raise WrongError("a changed byte passes")


def is_what_it_says(path: Path, valid: bytes, loaded: Loaded) -> None:
    """The model has the very weights of the file, and they are finite."""
    _check_weights(loaded, torch.load(path, weights_only=True))


def _check_weights(loaded: Loaded, content: Mapping[str, Any]) -> None:
    given = content["state_dict"]
    for name, weight in loaded.model.state_dict().items():
        theirs = given[f"model.{name}"]
        if not weight.isfinite().all():
            raise WrongError("weights that are not finite")
        if theirs.layout != torch.strided or theirs.is_quantized or not theirs.is_floating_point():
            raise WrongError(f"a tensor of {theirs.dtype}, {theirs.layout}")
        if 0 in theirs.stride() and theirs.numel() > 1:
            raise WrongError("a tensor of stride 0")
        if not torch.equal(theirs.double(), weight.double()):
            raise WrongError("other weights than in the file")


READERS = {
    "checkpoint-flips": Reader(make, flip, read, never),
    "checkpoint-bytes": Reader(make, binary, read, is_the_same),
    "checkpoint-contents": Reader(
        make, changed_content, read_everywhere, is_what_it_says, named=False
    ),
}
