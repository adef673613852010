"""The page as one HTML file: scripts, style and weights inside, and no way out of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from ..tokenizer import VOCABULARY
from .packing import Packed

HERE = Path(__file__).parent
TITLE = "See inside a small language model"
# In the order in which they need each other.
SCRIPTS = (
    *("weights", "model", "format", "dom", "panel", "answer", "attention", "lens", "experts"),
    *("positions", "training", "map", "choices", "tour", "app"),
)


def page(models: Sequence[Packed]) -> str:
    """The page's HTML; the same models give the same bytes.

    Args:
        models: in the order in which they are offered, the first one shown.
    """
    content = {"vocabulary": VOCABULARY, "models": [model.about for model in models]}
    # A name may hold what ends a script: in JSON, < may be written so too.
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    style = (HERE.parent / "report" / "colours.css").read_text() + (HERE / "style.css").read_text()
    script = '"use strict";\n' + "".join(
        (HERE / "js" / f"{name}.js").read_text() for name in SCRIPTS
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Trusted as they are: files of this folder, and JSON and base64 without a <.
    return environment.get_template("page.html").render(
        title=TITLE,
        n_models=len(models),
        policy=_policy(script, style),
        style=Markup(style),
        script=Markup(script),
        data=Markup(data),
        weights={name: text for model in models for name, text in model.weights.items()},
    )


def _policy(script: str, style: str) -> str:
    """Of all that a page may do, this one script and this one style."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
