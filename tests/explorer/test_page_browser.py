"""The page in a real browser: asked, looked into, by keys, in light and dark, wide and narrow."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from src.explorer.packing import pack
from src.explorer.page import page
from src.explorer.runs import Run

from ..browser import COLOURS, IN_A_BROWSER, SCROLLS, contrast, luminance, show
from .models import checkpoint

pytestmark = IN_A_BROWSER

WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
DRAWN = "return performance.getEntriesByName('drawn').length"
# What lies beside the page's edge, but for what can be scrolled to.
OUTSIDE = """
return [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll")
  && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length;
"""
# What is only spoken has no colours.
SEEN = COLOURS.replace("body *", "body *:not(.spoken)")
# Buttons and fields without a name for who cannot see them.
NAMELESS = """
const all = document.querySelectorAll("button, input, select, canvas, svg:not([aria-hidden])");
return [...all].filter(
  e => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length)
).map(e => e.outerHTML);
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The page of a mixture, two of whose answers are wrong, and of GPT-2 on its way."""
    data = {"A": 0, "B": 99}
    mixture = checkpoint(tmp_path / "mixtral.ckpt", "mixtral", data=data)
    kept = {
        step: checkpoint(tmp_path / f"{step}.ckpt", "gpt2", seed=step, data=data)
        for step in (0, 20, 100)
    }
    wrong = [("90+9=", "1"), ("12+34=", "")]
    runs = [
        Run("mixed", mixture, {}, graded=10_000, wrong=wrong),
        Run("on its way", kept.pop(100), kept),
    ]
    path = tmp_path / "page.html"
    path.write_text(page([pack(run, f"w{i}") for i, run in enumerate(runs)]))
    return path


def by_id(browser: Chrome, name: str) -> WebElement:
    return browser.find_element(By.ID, name)


def ask(browser: Chrome, text: str) -> str:
    """Type a problem and Enter; returns what the page says then."""
    field = by_id(browser, "problem")
    field.clear()
    field.send_keys(text, Keys.ENTER)
    return by_id(browser, "status").text


def attention(browser: Chrome) -> list[str]:
    cells = browser.find_elements(By.CSS_SELECTOR, "#attention td.cell")
    return [cell.get_attribute("title") or "" for cell in cells]


def test_a_first_visit_is_shown_around_once_and_by_keys(browser: Chrome, written: Path) -> None:
    show(browser, written, 1280, "light")
    heading = by_id(browser, "tour-title")
    seen = [heading.text]
    assert browser.switch_to.active_element == heading
    while (button := browser.find_element(By.CSS_SELECTOR, "#tour .main")).text == "Next":
        button.send_keys(Keys.ENTER)
        seen.append(by_id(browser, "tour-title").text)
        assert len(browser.find_elements(By.CSS_SELECTOR, ".toured")) == 1
    assert len(set(seen)) == 6
    browser.find_element(By.CSS_SELECTOR, "#tour h2").send_keys(Keys.ESCAPE)
    assert not browser.find_elements(By.ID, "tour")
    browser.refresh()
    assert not browser.find_elements(By.ID, "tour")
    by_id(browser, "start-tour").click()
    assert by_id(browser, "tour")


def test_a_problem_is_asked_and_what_is_none_is_told(browser: Chrome, written: Path) -> None:
    show(browser, written, 1280, "light")
    leave_tour(browser)
    assert ask(browser, " 12 + 34 = ").startswith("12+34 = ")
    expected = browser.execute_script("return answer(modelAt(PAGE.models[0], 0), '12+34=').text")
    tokens = browser.find_elements(By.CSS_SELECTOR, ".said .character")
    # Also of those that are still to appear.
    said = [token.get_attribute("textContent") or "" for token in tokens]
    assert "".join(said).removesuffix("end") == expected
    mistakes = {
        "": "Type a problem, such as 554+456.",
        "12+": "A problem has numbers with a sign between them, such as 554+456.",
        "12+x": "“x” is not known here: only digits and + - * /.",
        "7/2": "7/2 has no whole result.",
        "9" * 30 + "+1": "Too long: mixed has room for 24 tokens.",
    }
    for typed, complaint in mistakes.items():
        assert ask(browser, typed).startswith("12+34 = ")
        assert by_id(browser, "mistake").text == complaint
        assert by_id(browser, "problem").get_attribute("aria-invalid") == "true"
    assert ask(browser, "100*2").startswith("100*2 = ")
    assert by_id(browser, "mistake").text == ""
    notes = browser.find_element(By.CSS_SELECTOR, ".notes").text
    assert notes == "Mind that it was trained on + only."


def test_arrows_choose_a_token_whose_moment_all_pictures_show(
    browser: Chrome, written: Path
) -> None:
    show(browser, written, 1280, "light")
    leave_tour(browser)
    ask(browser, "12+34")
    token = browser.find_element(By.CSS_SELECTOR, '.token[aria-checked="true"]')
    # The first token of the answer is said at "=", the seventh that is read.
    assert token.get_attribute("id") == "panel-0-token-7"
    before = attention(browser)
    assert len(before) == 2 * 2 * 7
    token.send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element.get_attribute("id") == "panel-0-token-8"
    after = attention(browser)
    assert len(after) == 2 * 2 * 8
    browser.switch_to.active_element.send_keys(Keys.HOME)
    assert set(attention(browser)) == {"start: 100 %"}


def test_what_is_switched_off_changes_the_answer_until_it_is_on_again(
    browser: Chrome, written: Path
) -> None:
    show(browser, written, 1280, "light")
    leave_tour(browser)
    whole = ask(browser, "12+34")
    for layer, part, number in [(0, "head", 1), (1, "expert", 0), (1, "expert", 1)]:
        switch = f"panel-0-switch-{layer}-{part}-{number}"
        by_id(browser, switch).send_keys(Keys.SPACE)
        assert by_id(browser, switch).get_attribute("aria-pressed") == "false"
        assert browser.switch_to.active_element == by_id(browser, switch)
    assert by_id(browser, "status").text != whole
    assert "3 of its parts are switched off" in by_id(browser, "answer").text
    by_id(browser, "panel-0-all-on").send_keys(Keys.ENTER)
    assert by_id(browser, "status").text == whole


def test_two_models_stand_side_by_side_at_any_step(browser: Chrome, written: Path) -> None:
    show(browser, written, 1280, "light")
    leave_tour(browser)
    ask(browser, "12+34")
    by_id(browser, "compare").click()
    columns = browser.find_elements(By.CSS_SELECTOR, "#answer .column")
    assert [each.find_element(By.TAG_NAME, "h3").text for each in columns] == [
        "mixed",
        "on its way",
    ]
    assert columns[0].rect["y"] == columns[1].rect["y"]
    answers = [by_id(browser, "status").text]
    for step in ("20", "0"):
        by_id(browser, "panel-1-slider").send_keys(Keys.ARROW_LEFT)
        assert by_id(browser, "panel-1-step").text == step
        answers.append(by_id(browser, "status").text)
    assert len(set(answers)) == 3
    pressed = browser.find_element(By.CSS_SELECTOR, '#training [aria-pressed="true"]')
    assert pressed.text == "0"
    by_id(browser, "panel-1-step-2").click()
    assert by_id(browser, "status").text == answers[0]
    by_id(browser, "compare").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#answer .column")) == 1


def test_a_wrong_answer_on_the_map_is_asked(browser: Chrome, written: Path) -> None:
    show(browser, written, 1280, "light")
    leave_tour(browser)
    assert "2 were wrong (99.9800 % right)" in by_id(browser, "map").text
    click = """
    const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new MouseEvent("click", {
      clientX: box.left + arguments[0] / 100 * box.width,
      clientY: box.bottom - arguments[1] / 100 * box.height,
    }));
    """
    browser.execute_script(click, 91, 9)
    assert by_id(browser, "status").text.startswith("90+9 = ")
    browser.execute_script(click, 50.5, 50.5)
    assert by_id(browser, "status").text.startswith("50+50 = ")
    by_id(browser, "panel-0-wrong-1").click()
    assert by_id(browser, "problem").get_attribute("value") == "12+34"


def test_it_is_readable_everywhere_and_loads_nothing(browser: Chrome, written: Path) -> None:
    browser.execute_cdp_cmd("Network.enable", {})
    for scheme, width in product(SCHEMES, WIDTHS):
        show(browser, written, width, scheme)
        leave_tour(browser)
        by_id(browser, "compare").click()
        by_id(browser, "panel-0-switch-0-head-1").click()
        ask(browser, "100*2")
        content, window = browser.execute_script(SCROLLS)
        assert content <= window <= width
        assert browser.execute_script(OUTSIDE) == 0
        assert browser.execute_script(NAMELESS) == []
        check_colours(browser.execute_script(SEEN), scheme)
        assert browser.get_log("browser") == []
        # By the policy of the page itself.
        browser.execute_script("fetch('https://example.org').catch(() => {})")
        refused = [entry["message"] for entry in browser.get_log("browser")]
        assert refused
        assert all("Content Security Policy" in message for message in refused)
    loaded = browser.execute_script("return performance.getEntriesByType('resource').length")
    assert loaded == 0


def check_colours(colours: list[Any], scheme: str) -> None:
    assert {"text", "P", "TH", "BUTTON", "SPAN", "SMALL", "H2"} <= {tag for tag, *_ in colours}
    for tag, text, behind in {tuple(colour) for colour in colours}:
        assert contrast(text, behind) >= 4.5, (tag, text, behind, scheme)
    papers = [behind for tag, _, behind in colours if tag == "P"]
    assert all((luminance(behind) < 0.1) == (scheme == "dark") for behind in papers)


def leave_tour(browser: Chrome) -> None:
    """Wait for the whole page, and end the tour of a first visit."""
    WebDriverWait(browser, 60).until(lambda b: b.execute_script(DRAWN))
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    assert not browser.find_elements(By.ID, "tour")


def test_numbers_of_any_length_are_exact(tmp_path: Path, browser: Chrome) -> None:
    data = {"B": 10**30 - 1, "ops": "+*", "n_samples": 100}
    path = tmp_path / "page.html"
    run = Run("long", checkpoint(tmp_path / "a.ckpt", "llama2", data=data, max_seq_len=128), {})
    path.write_text(page([pack(run, "w")]))
    browser.get(path.as_uri())
    leave_tour(browser)
    nines = "9" * 30
    assert ask(browser, f"{nines}*{nines}").endswith(f"it is {'9' * 29}8{'0' * 29}1")
    assert not browser.find_elements(By.CSS_SELECTOR, ".notes p")
    ask(browser, f"1{nines}+1")
    note = browser.find_element(By.CSS_SELECTOR, ".notes p").text
    assert note == f"Mind that it was trained on numbers from 0 to {nines}."
    browser.find_element(By.CSS_SELECTOR, "#examples button:last-child").click()
    assert not browser.find_elements(By.CSS_SELECTOR, ".notes p")
    assert browser.get_log("browser") == []


def test_what_a_run_is_called_cannot_end_its_script(tmp_path: Path, browser: Chrome) -> None:
    name = "</script><script>document.title = 'mine'</script>"
    run = Run(name, checkpoint(tmp_path / "a.ckpt", "llama2"), {})
    path = tmp_path / "page.html"
    path.write_text(page([pack(run, "w")]))
    browser.get(path.as_uri())
    leave_tour(browser)
    assert json.loads(browser.execute_script("return document.getElementById('data').textContent"))
    assert browser.title == "See inside a small language model"
    assert name in by_id(browser, "panel-0-model").text
    assert browser.get_log("browser") == []
