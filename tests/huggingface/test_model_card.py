"""Nothing that a checkpoint holds breaks out of the model card, or is shown as what it is not."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from src.data.description import UNDESCRIBED
from src.huggingface.config import to_config
from src.huggingface.model_card import model_card

from ..conftest import tiny_model, tiny_params

EVIL = "a`b```\n\n# Heading\n<script>alert(1)</script>\n| x | y |\n---\nname: evil\n````\n\x1b[2J"
MODEL = tiny_model("gpt2")
TRAINING = tiny_params("gpt2").training.to_plain()
VALIDATION = {"step": 3000.0, "loss": 0.5, "exact_match": 0.25}
EVALUATION = {
    "problems": 10_000,
    "exact_match": 0.5,
    "exact_match_low": 0.4,
    "exact_match_high": 0.6,
    "loss": 0.25,
}
DATA = {"data": tiny_params().data.to_plain(), "sha256": {"train": "aa"}}
# As GitHub reads it.
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def card(
    text: str = "best.ckpt",
    validation: Any = VALIDATION,
    evaluation: Any = EVALUATION,
    step: Any = 3000,
) -> str:
    imported = {"data": {"data": None, "sha256": {"train": text or "aa"}}, "init_from": None}
    began = {"file": text, "sha256": text, "metrics": {"step": step}, "story": imported}
    story = {"data": DATA, "init_from": began}
    training = TRAINING | {"init_from": text}
    asked = ("1+2=", "3<eos>")
    model = to_config(MODEL), MODEL.to_plain(), training
    return model_card(*model, validation, story, evaluation, asked, UNDESCRIBED)


def parts(page: str) -> tuple[Any, list[tuple[str, str]], list[str]]:
    """Front matter; kind and tag of all that stands in the text; the code spans of it."""
    _, front, text = page.split("---\n", 2)
    blocks = MARKDOWN.parse(text)
    inline = [token for block in blocks for token in block.children or []]
    spans = [token.content for token in inline if token.type == "code_inline"]
    kinds = [(token.type, token.tag) for token in [*blocks, *inline] if token.type != "softbreak"]
    return yaml.safe_load(front), kinds, spans


@pytest.mark.parametrize("text", [EVIL, "`", "", " ", "\N{RIGHT-TO-LEFT OVERRIDE}", "\ud800", "|"])
def test_a_text_stays_text(text: str) -> None:
    check(text)


@given(
    st.text(
        alphabet=st.sampled_from("`~|<>#-\\\n\r\t\x1b\u2028\ud800 a*_[](){}!&;:'\"0"), max_size=40
    )
)
def test_any_text_stays_text(text: str) -> None:
    check(text)


def check(text: str) -> None:
    plain, page = card(), card(text)
    page.encode()
    front, kinds, spans = parts(page)
    known, those, others = parts(plain)
    assert front == known
    assert kinds == those
    assert len(spans) == len(others)
    # Its settings are read back as they were.
    block = next(t for t in MARKDOWN.parse(page.split("---\n", 2)[2]) if t.info == "yaml")
    assert yaml.safe_load(block.content)["training"]["init_from"] == text


@pytest.mark.parametrize(
    "value", ["x", None, True, float("nan"), -1, pytest.param(10**400, id="huge"), [1], {}]
)
def test_figures_that_are_no_numbers_are_left_out(value: Any) -> None:
    for key in VALIDATION:
        assert "| validation" not in card(validation=VALIDATION | {key: value})
    for key in EVALUATION:
        page = card(evaluation=EVALUATION | {key: value})
        assert "| test |" not in page
        assert "model-index" not in page
    assert "(SHA-256 of the weights `best.ckpt`)" in card(step=value)


@pytest.mark.parametrize("nothing", [{}, [], None, "x", {"step": 3000}])
def test_without_figures_there_is_no_table(nothing: Any) -> None:
    assert "None are known: the checkpoint holds no figures." in card("a", nothing, nothing)
