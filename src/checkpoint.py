"""Finished checkpoints: weights and configuration, the same bytes wherever they are written."""

from __future__ import annotations

import hashlib
import io
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from .common.checkpoint_files import find_checkpoint
from .common.errors import UserError
from .common.files import open_regular, replacing
from .common.findings import finding
from .config import ModelConfig, Params, TrainingConfig
from .data.lineage import Story
from .models import TransformerLM, build_model
from .proof import archive
from .proof.contents import Contents
from .proof.tensors import check_fit, check_tensors
from .tokenizer import VOCABULARY

# `LitLM.model`, whose weights the state dict of the Lightning module holds under this prefix.
_PREFIX = "model."


def save_checkpoint(
    path: Path,
    weights: Mapping[str, Tensor],
    params: Params,
    metrics: Mapping[str, float],
    story: Story | None = None,
) -> None:
    """Write what `LitLM.load_from_checkpoint` and ``torch.load(weights_only=True)`` read.

    Lightning's own checkpoints also hold absolute paths and the state of the optimizer.

    Args:
        weights: state dict of the Lightning module.
        params: the run's configuration.
        metrics: the validation row of these weights.
        story: the origin of the weights, see `lineage.Origin`; None: not known.
    """
    began_with = story and story.get("init_from")
    content = {
        "state_dict": {name: tensor.cpu().clone() for name, tensor in weights.items()},
        "hyper_parameters": {
            "model": params.model_config_in_use.to_plain(),
            # A path would depend on the machine.
            "training": params.training.to_plain()
            | {"init_from": began_with and began_with["file"]},
        },
        **about(weights, metrics, story),
        "pytorch-lightning_version": version("pytorch-lightning"),
    }
    write_tensors(path, content)


def about(
    weights: Mapping[str, Tensor], metrics: Mapping[str, float], story: Story | None
) -> dict[str, Any]:
    """The entries of a checkpoint beside weights and configuration.

    Args: see `save_checkpoint`.
    """
    return {
        "vocabulary": list(VOCABULARY),
        "metrics": dict(metrics),
        "story": dict(story or {"data": None, "init_from": None}),
        "sha256": weights_hash(weights),
    }


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that was read, and found to be what it should.

    Attributes:
        path: the file; for a folder, the file chosen in it.
        model: in evaluation mode on the CPU.
        training: what it was trained with; of an imported one, what it was imported with.
        metrics: the validation row of the weights; empty for an imported checkpoint.
        story: the origin of the weights.
    """

    path: Path
    model: TransformerLM
    config: ModelConfig
    training: TrainingConfig
    metrics: Mapping[str, float]
    story: Story


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
        contents = Contents.model_validate(content)
        config, weights = contents.hyper_parameters.model, content.get("state_dict", {})
        if contents.vocabulary != list(VOCABULARY):
            raise UserError(f"trained with another vocabulary: {contents.vocabulary}")
        check_tensors(weights)
        if contents.sha256 not in (None, weights_hash(weights)):
            raise UserError("its weights are not those that it was written with")
        weights = {name.removeprefix(_PREFIX): tensor for name, tensor in weights.items()}
        check_fit(weights, config)
    except ValidationError as error:
        raise UserError(f"{path}: not a checkpoint of this program: {finding(error)}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    model = build_model(config)
    model.load_state_dict(weights)
    return Loaded(
        path,
        model.eval(),
        config,
        contents.hyper_parameters.training,
        contents.metrics,
        content.get("story", {}),
    )


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


def write_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values; the file appears whole or not at all."""
    # Into memory first: given a path, torch writes the file's name into the file.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(archive.sealed(buffer.getvalue()))


def read_tensors(path: Path) -> dict[str, Any]:
    """A file of tensors and plain values, on the CPU.

    Raises:
        UserError: if it is missing, damaged, or holds anything that would have to be executed.
    """
    try:
        # Opened once, so that a file renamed to its place meanwhile is not mixed in.
        with open_regular(path) as file, warnings.catch_warnings():
            # Of what no checkpoint of ours holds, and is refused behind.
            warnings.simplefilter("ignore")
            archive.check(file)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; python -m src.train writes it") from None
    except (UserError, PermissionError, IsADirectoryError):
        raise
    except pickle.UnpicklingError:
        raise UserError(f"{path}: refused: it holds more than tensors and plain values") from None
    except Exception as error:
        # Unusual content fails in the unpickler or the storage, each in its own way.
        raise UserError(f"{path}: damaged or not a checkpoint: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a checkpoint of this program")
    return content
