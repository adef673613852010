"""Convert a Hugging Face folder of a GPT-2, Llama or Mixtral with our vocabulary to a checkpoint.

python -m src.huggingface.import_checkpoint DIR --out FILE.ckpt [--overwrite]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.errors import naming
from ..common.files import check_free
from ..config import ModelConfig, Params
from ..params import load_params
from ..terminal.cli import Parser, run, to_path
from ..terminal.say import say

if TYPE_CHECKING:
    from torch import Tensor


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

    check_free(path, overwrite)
    params = load_params()
    config, weights = read_folder(folder, params.models)
    only = {"model": config.name, "models": {config.name: config.model_dump()}}
    params = Params.model_validate(params.model_dump() | only)
    save_checkpoint(path, {f"model.{name}": w for name, w in weights.items()}, params, {})
    return config


def read_folder(
    folder: Path, entries: Mapping[str, ModelConfig]
) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The configuration and the weights of a folder, as our models have them.

    What config.json asks for is compared with the tensors before any is read; no more memory is
    taken than the files are large.

    Args:
        folder: see `import_hf`.
        entries: `models:` of params.yaml, see `from_config`.

    Raises:
        UserError: as `import_hf`.
    """
    from .config import from_config
    from .json_file import read_object
    from .tensor_files import WHOLE, read_tensors
    from .tokenizer_json import check_vocabulary
    from .weights import from_tensors

    content = read_object(file := folder / "config.json")
    with naming(file):
        config = from_config(content, entries)
    content = read_object(file := folder / "tokenizer.json")
    with naming(file):
        check_vocabulary(content)
    tensors = read_tensors(folder)
    with naming(folder / WHOLE):
        return config, from_tensors(tensors, config)


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
