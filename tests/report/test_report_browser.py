"""The report in a real browser: drawn, readable in light and dark, on a desktop and on a phone."""

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from ..clone import Clone
from ..conftest import ARCHITECTURES

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="needs Debian's packages chromium and chromium-driver"
    ),
]

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
# Colour of each element that holds text, and of what lies behind it.
COLOURS = """
const behind = element => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
  return "none";
};
return [...document.querySelectorAll("body *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim()))
  .map(e => {
    const style = getComputedStyle(e), text = e instanceof SVGElement ? style.fill : style.color;
    return [e.tagName, text, behind(e)];
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
SCROLLS = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


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


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Chromium without a network."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with Chrome(options=options, service=Service(DRIVER)) as driver:
        driver.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        yield driver


def test_the_page_is_drawn_and_readable_everywhere(report: Path, browser: Chrome) -> None:
    # One test: the runs take a minute, and each test process would make its own.
    for scheme, width in product(("light", "dark"), (1280, 390)):
        show(browser, report, width, scheme)
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
    assert browser.execute_script(CONTENTS) == [True] * 8
    check_print(browser, report)


def show(browser: Chrome, report: Path, width: int, scheme: str) -> None:
    """Load the page, as on a screen of some width in a light or a dark theme."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(report.as_uri())
    # What is folded must fit as well.
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


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``: WCAG 2.2."""
    assert colour.startswith("rgb(")  # opaque
    channels = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21: WCAG 2.2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
