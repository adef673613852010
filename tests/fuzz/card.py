"""A model card, read as GitHub and the Hugging Face Hub read it."""

from __future__ import annotations

import re

import yaml
from markdown_it import MarkdownIt

from .reader import WrongError

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_HEADINGS = [r"(gpt2|llama2|mixtral)-arithmetic", "Results", "Made with"]
_FRONT = {"library_name", "pipeline_tag", "tags", "model-index"}
_NOT_OURS = ("html_block", "html_inline", "link_open", "image")


def check_card(text: str) -> None:
    """The structure is ours, whatever stands in the checkpoint.

    Raises:
        WrongError: for control characters, and for others' HTML, links, headings, code or front
            matter.
    """
    if any(not (c.isprintable() or c == "\n") for c in text):
        raise WrongError("raw control characters in the model card")
    _, front, body = text.split("---\n", 2)
    if not yaml.safe_load(front).keys() <= _FRONT:
        raise WrongError("front matter in the model card that is not ours")
    tokens = _MARKDOWN.parse(body)
    inline = [child for token in tokens for child in token.children or ()]
    if found := {token.type for token in [*tokens, *inline]} & set(_NOT_OURS):
        raise WrongError(f"{min(found)} in the model card")
    headings = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    if len(headings) != len(_HEADINGS) or not all(map(re.fullmatch, _HEADINGS, headings)):
        raise WrongError("other headings in the model card")
    fences = [token for token in tokens if token.type in ("fence", "code_block")]
    if [fence.info for fence in fences] != ["python", "yaml"]:
        raise WrongError("other code in the model card")
    if not yaml.safe_load(fences[1].content).keys() <= {"data", "model", "training"}:
        raise WrongError("sections in the model card that are not ours")
