"""Convert a Hugging Face folder of a GPT-2, Llama or Mixtral with our vocabulary to a checkpoint.

python -m src.huggingface.import_checkpoint DIR --out FILE.ckpt [--overwrite]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.errors import UserError
from ..common.files import check_free
from ..config import ModelConfig, Params
from ..params import load_params
from ..terminal.cli import Parser, run, to_path
from ..terminal.say import say

if TYPE_CHECKING:
    from torch import Tensor

# save_pretrained writes the first, or for a large model several files and the second.
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"


def import_hf(folder: Path, path: Path, overwrite: bool = False) -> ModelConfig:
    """Convert a folder to a checkpoint.

    Args:
        folder: written by `src.huggingface.export` or by ``save_pretrained``.
        path: the checkpoint to write. What the folder does not hold, such as the parameters of
            the training, is taken from params.yaml.
        overwrite: whether to replace an existing file.

    Returns:
        The model's configuration.

    Raises:
        UserError: naming the file, and what our models do not have or what cannot be read.
    """
    from ..checkpoint import save_checkpoint
    from .config import from_config
    from .tokenizer_json import check_vocabulary
    from .weights import from_tensors

    check_free(path, overwrite)
    params = load_params()
    with _naming(file := folder / "config.json"):
        config = from_config(_read_object(file), params.models)
    with _naming(file := folder / "tokenizer.json"):
        check_vocabulary(_read_object(file))
    tensors = _read_weights(folder)
    with _naming(folder / _WHOLE):
        weights = from_tensors(tensors, config)
    only = {"model": config.name, "models": {config.name: config.model_dump()}}
    params = Params.model_validate(params.model_dump() | only)
    save_checkpoint(path, {f"model.{name}": w for name, w in weights.items()}, params, {})
    return config


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("no such file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError("must hold an object")
    return content


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of model.safetensors, or of the several files that an index names."""
    index = folder / _INDEX
    if (folder / _WHOLE).exists() or not index.exists():
        return _read_tensors(folder / _WHOLE)
    with _naming(index):
        files = _read_object(index).get("weight_map")
        if not isinstance(files, dict) or not files:
            raise UserError("has no weight_map")
        for name in files.values():
            # Only files of this folder: an index of unknown origin could name any other.
            if not isinstance(name, str) or Path(name).name != name:
                raise UserError(f"names a file that is not beside it: {name!r}")
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(files.values())):
        tensors |= _read_tensors(folder / name)
    with _naming(index):
        if missing := sorted(files.keys() - tensors.keys()):
            raise UserError(f"{files[missing[0]]} does not hold {missing[0]}")
    return tensors


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    with _naming(path):
        try:
            return load(path.read_bytes())
        except FileNotFoundError:
            raise UserError("no such file; other formats are not read") from None
        except (SafetensorError, KeyError) as error:
            raise UserError(f"damaged or no safetensors: {error}") from None


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Put a file's name in front of the message of a `UserError`."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.huggingface.import_checkpoint",
        "Convert a Hugging Face folder to a checkpoint.",
    )
    parser.add_argument(
        "folder", type=to_path, metavar="DIR", help="folder that save_pretrained wrote"
    )
    parser.add_argument("--out", type=to_path, required=True, help="checkpoint to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    given = vars(parser.parse_args(argv))
    config = import_hf(given["folder"], given["out"], "overwrite" in given)
    say(f"{given['out']}: {config.name}, for python -m src.eval --ckpt {given['out']}")


if __name__ == "__main__":
    run(main)
