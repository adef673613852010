"""The flags by which a command is told which model to ask, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.errors import UserError
from ..common.files import CHECKPOINT
from .cli import Parser, to_path

# Where the problem stands in what another's model is asked.
PLACEHOLDER = "{prompt}"


def add_model_flags(parser: Parser) -> None:
    """Give a command --ckpt, or --hf with --prompt."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--ckpt", type=to_path, help=f"checkpoint, or folder of some ({CHECKPOINT})")
    which.add_argument(
        "--hf",
        type=to_path,
        metavar="FOLDER",
        help="instead of a checkpoint: any causal language model, as transformers saves it",
    )
    parser.add_argument(
        "--prompt",
        metavar="TEMPLATE",
        help=f"with --hf: what the model is asked, {PLACEHOLDER} being the problem ({PLACEHOLDER})",
    )


def template_of(given: Mapping[str, Any]) -> str:
    """The template that problems are put into, from the flags that were given.

    Raises:
        UserError: for one without --hf, see also `check_template`.
    """
    if "prompt" in given and "hf" not in given:
        raise UserError("--prompt is for --hf: a checkpoint is asked the problem alone")
    template = str(given.get("prompt", PLACEHOLDER))
    check_template(template)
    return template


def check_template(template: str) -> None:
    """Refuse a template without one place for the problem; other braces are plain text.

    >>> check_template("{prompt}")
    >>> check_template("{in braces} Q: {prompt} A:")

    Raises:
        UserError: naming the template.
    """
    if template.count(PLACEHOLDER) != 1:
        raise UserError(f"--prompt {template!r}: must contain {PLACEHOLDER} exactly once")
