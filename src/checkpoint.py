"""Finished checkpoints: weights and configuration, the same bytes wherever they are written."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .common.checkpoint_files import find_checkpoint
from .common.errors import UserError
from .common.files import replacing
from .config import ModelConfig, Params
from .data.lineage import story_of
from .models import TransformerLM, build_model
from .tokenizer import VOCABULARY

# `LitLM.model`, whose weights the state dict of the Lightning module holds under this prefix.
_PREFIX = "model."


def save_checkpoint(
    path: Path,
    weights: Mapping[str, Tensor],
    params: Params,
    metrics: Mapping[str, float],
    story: Mapping[str, Any] | None = None,
) -> None:
    """Write what `LitLM.load_from_checkpoint` and ``torch.load(weights_only=True)`` read.

    Lightning's own checkpoints also hold absolute paths and the state of the optimizer.

    Args:
        weights: state dict of the Lightning module.
        params: the run's configuration.
        metrics: the validation row of these weights.
        story: the origin of the weights, see `lineage.story_of`; None: not known.
    """
    story = story_of({"story": story})
    began_with = story["init_from"]
    content = {
        "state_dict": {name: tensor.cpu().clone() for name, tensor in weights.items()},
        "hyper_parameters": {
            "model": params.model_config_in_use.model_dump(),
            # A path would depend on the machine.
            "training": params.training.model_dump()
            | {"init_from": began_with and began_with["file"]},
        },
        **about(metrics, story),
        "pytorch-lightning_version": version("pytorch-lightning"),
    }
    write_tensors(path, content)


def about(metrics: Mapping[str, float], story: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a checkpoint beside weights and configuration.

    Args: see `save_checkpoint`.
    """
    return {"vocabulary": list(VOCABULARY), "metrics": dict(metrics), "story": dict(story)}


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that was read.

    Attributes:
        path: the file; for a folder, the file chosen in it.
        model: in evaluation mode on the CPU.
        content: everything in the file.
    """

    path: Path
    model: TransformerLM
    config: ModelConfig
    content: dict[str, Any]


def load_model(path: Path) -> tuple[TransformerLM, ModelConfig]:
    """A checkpoint's model and its configuration, see `load_checkpoint`."""
    loaded = load_checkpoint(path)
    return loaded.model, loaded.config


def load_checkpoint(path: Path) -> Loaded:
    """Read a finished checkpoint, or the state of a running training; nothing in it is executed.

    Args:
        path: the file, or a folder, see `find_checkpoint`.

    Raises:
        UserError: if it is not such a checkpoint, or one of another vocabulary.
    """
    path, content = _read_newest(path)
    try:
        vocabulary, weights = content["vocabulary"], content["state_dict"]
        config = ModelConfig.model_validate(content["hyper_parameters"]["model"])
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: not a checkpoint of this program") from None
    if vocabulary != list(VOCABULARY):
        raise UserError(f"{path}: trained with another vocabulary: {vocabulary}")
    try:
        weights = {name.removeprefix(_PREFIX): tensor for name, tensor in weights.items()}
        # On no device first: a damaged configuration may ask for more memory than there is.
        with torch.device("meta"):
            expected = build_model(config).state_dict()
        fits = _shapes(weights) == _shapes(expected)
    except Exception:
        fits = False
    if not fits:
        raise UserError(f"{path}: the weights do not fit the configuration")
    model = build_model(config)
    model.load_state_dict(weights)
    return Loaded(path, model.eval(), config, content)


def _read_newest(path: Path) -> tuple[Path, dict[str, Any]]:
    """The file that a path means, and its content."""
    while True:
        file = find_checkpoint(path)
        try:
            return file, read_tensors(file)
        except UserError:
            # A running training may have replaced it by a newer one.
            if file == path or file.exists():
                raise


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of weights: of their names, shapes, types and values, whatever file holds them."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in weights.items()}


def write_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values; the file appears whole or not at all."""
    # Into memory first: given a path, torch writes the file's name into the file.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def read_tensors(path: Path) -> dict[str, Any]:
    """A file of tensors and plain values, on the CPU.

    Raises:
        UserError: if it is missing, damaged, or holds anything that would have to be executed.
    """
    try:
        # Opened once, so that a file renamed to its place meanwhile is not mixed in.
        with path.open("rb") as file:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; python -m src.train writes it") from None
    except (PermissionError, IsADirectoryError):
        raise
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: refused: damaged, or it holds more than tensors and plain values"
        ) from None
    except Exception as error:
        # Damaged bytes fail in the zip reader, the unpickler or the storage, each in its own way.
        raise UserError(f"{path}: damaged or not a checkpoint: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a checkpoint of this program")
    return content
