"""The report in a real browser: drawn, readable in light and dark, on a desktop and on a phone."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from ..browser import COLOURS, IN_A_BROWSER, SCROLLS, contrast, luminance, show
from ..clone import Clone
from ..conftest import ARCHITECTURES

pytestmark = IN_A_BROWSER

# Size and number of marks of each figure, and its texts that lie partly outside.
FIGURES = """
return [...document.querySelectorAll("figure")].map(figure => {
  const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
  const outside = [...svg.querySelectorAll("text")].filter(text => {
    const t = text.getBoundingClientRect();
    return t.left < box.left - 1 || t.right > box.right + 1
        || t.top < box.top - 1 || t.bottom > box.bottom + 1;
  });
  const sizes = [...svg.querySelectorAll("text")].map(t => parseFloat(t.getAttribute("font-size")));
  return {
    title: figure.querySelector("h3").textContent,
    smallest: Math.min(...sizes) * box.width / svg.viewBox.baseVal.width,
    width: box.width,
    height: box.height,
    marks: [...svg.querySelectorAll(".marks *")].filter(m => {
      const b = m.getBoundingClientRect();
      return b.width + b.height > 0;
    }).length,
    outside: outside.map(text => text.textContent),
    name: svg.getAttribute("aria-label"),
  };
});
"""
# Whether each entry of the contents leads to its heading.
CONTENTS = """
return [...document.querySelectorAll("nav a")].map(
  a => document.querySelector(a.getAttribute("href")).textContent === a.textContent);
"""
# Of each table that is wider than its window: how far its first column moves when it is scrolled.
STICKS = """
return [...document.querySelectorAll(".scroll")].filter(
  scroll => scroll.scrollWidth > scroll.clientWidth + 20).map(scroll => {
    const cell = scroll.querySelector("tbody th"), before = cell.getBoundingClientRect().left;
    scroll.scrollLeft = 1000;
    return Math.abs(cell.getBoundingClientRect().left - before);
  });
"""
# Of each folded part, whether its content is shown.
FOLDED = """
return [...document.querySelectorAll("details")].map(
  d => d.querySelector("table, pre").checkVisibility({contentVisibilityAuto: true}));
"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The page of five tiny runs, one an ablation, which graded all problems."""
    clone = Clone(tmp_path)
    runs = {f"{name}-seed0": (f"model={name}", "training.seed=0") for name in ARCHITECTURES}
    runs["mixtral-seed1"] = ("model=mixtral", "training.seed=1")
    runs["ablation"] = ("model=llama2", "models.llama2.norm=layernorm")
    for name, changes in runs.items():
        flags = [part for change in changes for part in ("-S", change)]
        clone("dvc", "exp", "run", "--name", name, "-S", "evaluation.exhaustive=true", *flags)
        clone("git", "checkout", "--quiet", ".")
    assert clone("python", "-m", "src.report") == "report.html\n"
    page = (tmp_path / "report.html").read_bytes()
    clone("python", "-m", "src.report", "--rev", "HEAD", "--out", "again.html")
    assert (tmp_path / "again.html").read_bytes() == page
    return tmp_path / "report.html"


def test_the_page_is_drawn_and_readable_everywhere(report: Path, browser: Chrome) -> None:
    # One test: the runs take a minute, and each test process would make its own.
    for scheme, width in product(("light", "dark"), (1280, 390)):
        show(browser, report, width, scheme)
        unfold(browser)
        assert browser.execute_script("return navigator.onLine") is False
        assert browser.get_log("browser") == []
        figures = browser.execute_script(FIGURES)
        assert len(figures) == report.read_text().count("<figure>") > 15
        for figure in figures:
            check_figure(figure, width)
        content, window = browser.execute_script(SCROLLS)
        assert content <= window <= width
        check_colours(browser.execute_script(COLOURS), scheme)
        moved = browser.execute_script(STICKS)
        assert moved or width > 500
        assert max(moved, default=0) < 1
    text: str = browser.execute_script("return document.body.innerText")
    for name in (*ARCHITECTURES, "mixtral-seed1", "of all 10,000", "Who serves what in layer 1"):
        assert name in text
    # The last but one says that the committed tables of insides are of other runs.
    assert browser.execute_script(CONTENTS) == [True] * 9
    check_print(browser, report)


def unfold(browser: Chrome) -> None:
    """What is folded must fit as well."""
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")


def check_print(browser: Chrome, report: Path) -> None:
    """On paper all is shown, dark on light, whatever the screen's theme."""
    show(browser, report, 1280, "dark")
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = false)")
    assert not any(browser.execute_script(FOLDED))
    media = {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    # The browser draws anew in its own time.
    WebDriverWait(browser, 20).until(lambda b: all(b.execute_script(FOLDED)))
    check_colours(browser.execute_script(COLOURS), "light")


def check_figure(figure: dict[str, Any], width: int) -> None:
    assert 300 <= figure["width"] <= width, figure
    assert figure["height"] > 60, figure
    assert figure["marks"] > 0, figure
    assert not figure["outside"], figure
    assert figure["smallest"] >= 10, figure
    assert figure["name"].startswith(figure["title"]), figure


def check_colours(colours: list[tuple[str, str, str]], scheme: str) -> None:
    assert {"text", "P", "TD", "TH", "A", "FIGCAPTION", "PRE", "H2"} <= {tag for tag, *_ in colours}
    for tag, text, behind in {tuple(colour) for colour in colours}:
        assert contrast(text, behind) >= 4.5, (tag, text, behind)
        assert (luminance(behind) < 0.1) == (scheme == "dark"), (tag, behind)
