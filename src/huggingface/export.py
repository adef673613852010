"""Write a checkpoint as a folder that Hugging Face's transformers reads, without our code.

python -m src.huggingface.export --out DIR [--ckpt models/best.ckpt] [--overwrite]
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ..common.files import CHECKPOINT, check_free, open_replacing, replacing, replacing_folder
from ..data.description import UNDESCRIBED, convention_of
from ..data.lineage import data_of
from ..terminal.cli import Parser, run, to_path
from ..terminal.say import say
from .provenance import evaluated

FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "README.md",
)
# The card shows the first of these whose operator and numbers the model was trained on.
_EXAMPLES = (
    ([554, 456], "+"),
    ([554, 456], "-"),
    ([54, 46], "+"),
    ([54, 46], "-"),
    ([12, 34], "*"),
    ([84, 7], "/"),
    *(([6, 3], op) for op in "+-*/"),
)


def export(
    checkpoint: Path, folder: Path, overwrite: bool = False, attention_scale: float = 1.0
) -> str:
    """Write a checkpoint as a folder for transformers.

    Args:
        checkpoint: a file, or a folder of checkpoints, see `find_checkpoint`.
        folder: the folder to write; appears whole or not at all.
        overwrite: whether to replace an earlier export.
        attention_scale: what the attention's logits are multiplied by, in the queries' weights.

    Returns:
        The name of the class that reads it, such as LlamaForCausalLM.

    Raises:
        UserError: if the file is no checkpoint, no class combines the model's parts, or the
            folder exists.
    """
    from safetensors.torch import save

    from ..checkpoint import load_checkpoint
    from ..generation import generate_answers
    from ..tokenizer import CharTokenizer
    from .config import to_config
    from .model_card import model_card
    from .tokenizer_json import tokenizer_config, tokenizer_json
    from .weights import to_tensors

    check_free(folder, overwrite, FILES)
    loaded = load_checkpoint(checkpoint)
    loaded.model.sharpen_attention(attention_scale)
    model, config, story, metrics = loaded.model, loaded.config, loaded.story, loaded.metrics
    classes = to_config(config)
    generation = {
        "bos_token_id": CharTokenizer.bos_id,
        "eos_token_id": CharTokenizer.eos_id,
        "pad_token_id": CharTokenizer.pad_id,
        "do_sample": False,
        "max_length": config.max_seq_len,
    }
    # transformers 4 takes do_sample = False for a value that was not given, and its pipeline then
    # samples at temperature 0.7, unless the task's own parameters forbid it.
    task = {"text-generation": {"do_sample": False, "temperature": 1.0}}
    data, convention = data_of(story), convention_of(story.get("data")) or UNDESCRIBED
    fitting = (e for e in _EXAMPLES if e[1] in data.get("ops", "") and max(e[0]) <= data["B"])
    asked = convention.format.write(*next(fitting, _EXAMPLES[0]), 0).prompt
    card = model_card(
        classes,
        config.to_plain(),
        # A checkpoint without metrics was imported; its section training: did not make it.
        loaded.training.to_plain() if metrics else {},
        metrics,
        story,
        evaluated(loaded.path),
        (asked, generate_answers(model, [asked])[0]),
        convention,
    )
    with replacing_folder(folder) as new:
        _write_json(new / "config.json", classes | {"task_specific_params": task})
        _write_json(new / "generation_config.json", generation)
        _write_json(new / "tokenizer.json", tokenizer_json())
        _write_json(new / "tokenizer_config.json", tokenizer_config(config.max_seq_len))
        tensors = to_tensors(model.state_dict(), config)
        # transformers requires the name of the library that the tensors come from.
        saved = save(tensors, metadata={"format": "pt"})
        # Not by `save_file`, whose files only their owner may read, whatever the umask, and whose
        # error on a full disk is one of its own.
        with replacing(new / "model.safetensors") as file:
            file.write_bytes(saved)
        with open_replacing(new / "README.md") as readme:
            readme.write(card)
    return str(classes["architectures"][0])


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with open_replacing(path) as file:
        file.write(json.dumps(content, indent=2) + "\n")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.huggingface.export",
        "Write a checkpoint as a folder for Hugging Face's transformers.",
    )
    parser.add_argument(
        "--ckpt", type=to_path, help=f"checkpoint, or folder of some ({CHECKPOINT})"
    )
    parser.add_argument("--out", type=to_path, required=True, help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    parser.add_argument(
        "--attention_scale", type=float, help="as evaluation.attention_scale, into the weights (1)"
    )
    given = vars(parser.parse_args(argv))
    folder, scale = given["out"], given.get("attention_scale", 1.0)
    if not 0 < scale < math.inf:
        parser.error(f"argument --attention_scale: {scale}: must be a positive number")
    architecture = export(given.get("ckpt", CHECKPOINT), folder, "overwrite" in given, scale)
    say(f"{folder}: {architecture}, for AutoModelForCausalLM.from_pretrained({str(folder)!r})")


if __name__ == "__main__":
    run(main)
