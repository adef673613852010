"""The project's page: what its workflow runs, and what a visitor then sees in a browser."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import yaml
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from .browser import COLOURS, IN_A_BROWSER, SCROLLS, browser, contrast
from .clone import Clone
from .conftest import ARCHITECTURES, ROOT
from .remotes import Existing
from .servers import serving

__all__ = ["browser"]

pytestmark = IN_A_BROWSER

BUILD = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text())["jobs"]["build"]
# As on GitHub, where no gitconfig names a person; and fewer, shorter runs.
GITHUB = ("GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=a/b", "GITHUB_SHA=c0ffee")
SMALL = ("HOME=/nonexistent", "SEEDS=0", "EXHAUSTIVE=true", "JOBS=1")
FILES = "https://github.com/a/b/blob/c0ffee/"
PAGES = ("index.html", "report.html", "explorer.html")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a server of the folder that the workflow uploads, built by the workflow's own commands."""
    (tmp_path / "a b").mkdir()
    clone = Existing(Clone(tmp_path / "a b").folder)
    for step in BUILD["steps"]:
        if "run" in step:
            clone("env", *GITHUB, *SMALL, "bash", "-e", "-c", step["run"])
    assert clone("git", "status", "--porcelain") == ""
    (path,) = (s["with"]["path"] for s in BUILD["steps"] if "upload" in s.get("uses", ""))
    assert sorted(file.name for file in (clone.folder / path).iterdir()) == sorted(PAGES)
    with serving("http", clone.folder / path) as port:
        yield f"http://127.0.0.1:{port}/"


def test_a_visitor_finds_both_pages_and_every_link_leads_somewhere(
    address: str, browser: Chrome
) -> None:
    # One test: the runs take a minute.
    online = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", online)
    for width, scheme, page in product((1280, 390), ("light", "dark"), PAGES):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        browser.get(address + page)
        assert browser.get_log("browser") == []
        content, window = browser.execute_script(SCROLLS)
        assert content <= window <= width
        if page == "index.html":
            colours = {tuple(colour) for colour in browser.execute_script(COLOURS)}
            assert all(contrast(text, behind) >= 4.5 for _, text, behind in colours)

    seen = {page: links(browser, address + page) for page in PAGES}
    assert {address + "report.html", address + "explorer.html"} <= seen["index.html"]
    assert FILES + "docs/studies/sample-efficiency.md" in seen["report.html"]
    for link in set.union(*seen.values()):
        if link.startswith(FILES):
            assert (ROOT / link.removeprefix(FILES)).is_file()
        elif link.startswith(address):
            assert link.removeprefix(address) in PAGES

    contents = {"report.html": "Arithmetic learned by", "explorer.html": "language model"}
    for page, said in contents.items():
        browser.get(address)
        browser.find_element(By.CSS_SELECTOR, f"a[href='{page}']").click()
        assert browser.current_url == address + page
        assert said in browser.find_element(By.TAG_NAME, "body").text
    models = browser.execute_script("return document.documentElement.outerHTML")
    assert all(f"{name}-seed0" in models for name in ARCHITECTURES)


def links(browser: Chrome, address: str) -> set[str]:
    """Where a page's links lead, without those within it."""
    browser.get(address)
    found = browser.execute_script("return [...document.links].map(link => link.href)")
    return {link for link in found if link.partition("#")[0] != address}
