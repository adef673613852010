"""Bring a Hugging Face folder of a GPT-2, Llama or Mixtral of our shape back to a checkpoint.

python -m src.import_hf DIR --out FILE.ckpt [--overwrite]
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli import Parser, run
from .config import ModelConfig, Params
from .errors import UserError
from .files import check_free
from .params import load_params

if TYPE_CHECKING:
    from torch import Tensor


def import_hf(folder: Path, path: Path, overwrite: bool = False) -> ModelConfig:
    """Write the checkpoint.

    Args:
        folder: what `src.export` or ``save_pretrained`` wrote.
        path: the checkpoint. What the folder does not hold, such as the training's parameters, is
            as in params.yaml.
        overwrite: replaces an existing file.

    Returns:
        The model's configuration.

    Raises:
        UserError: with the file and what our models do not have or cannot read.
    """
    from .checkpoint import save_checkpoint
    from .hf_tokenizer import check_vocabulary
    from .hf_weights import from_tensors
    from .huggingface import from_config

    check_free(path, overwrite)
    params = load_params()
    file = folder / "config.json"
    try:
        config = from_config(_read(file), params.models)
        file = folder / "tokenizer.json"
        check_vocabulary(_read(file))
        file = folder / "model.safetensors"
        weights = from_tensors(_read_tensors(file), config)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    only = {"model": config.name, "models": {config.name: config.model_dump()}}
    params = Params.model_validate(params.model_dump() | only)
    save_checkpoint(path, {f"model.{name}": w for name, w in weights.items()}, params, {})
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("no such file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError("must hold an object")
    return content


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())
    except FileNotFoundError:
        raise UserError("no such file; other formats, and several files, are not read") from None
    except (SafetensorError, KeyError) as error:
        raise UserError(f"damaged or no safetensors: {error}") from None


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("import_hf", "Bring a Hugging Face folder back to a checkpoint.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="what save_pretrained wrote")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    given = vars(parser.parse_args(argv))
    config = import_hf(given["folder"], given["out"], "overwrite" in given)
    print(f"{given['out']}: {config.name}, for python -m src.eval --ckpt {given['out']}")


if __name__ == "__main__":
    run(main)
