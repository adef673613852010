"""The forward pass in JavaScript says what Python's says, of any mix of norm, MLP and positions."""

import random
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from src.checkpoint import load_model
from src.config import DataConfig, ModelConfig
from src.data.description import Convention
from src.data.formats import FORMATS
from src.data.problems import evaluate
from src.explorer.__main__ import explore
from src.explorer.packing import format_in_numbers
from src.inspection.attention_map import attention
from src.inspection.certainty import answers_with_certainty
from src.models import TransformerLM

from ..browser import IN_A_BROWSER
from ..conftest import ARCHITECTURES, TINY_DATA, tiny_params
from .models import checkpoint

pytestmark = IN_A_BROWSER

# Beside the three as they are: each other norm, MLP and numbering in one of them, and no positions.
MIXED: list[tuple[str, dict[str, Any]]] = [
    ("gpt2", {"norm": "rmsnorm", "positions": "abacus"}),
    ("gpt2", {"mlp": "moe", "tie_weights": False, "top_k": 1}),
    ("llama2", {"norm": "layernorm", "mlp": "gelu", "positions": "coupled"}),
    ("llama2", {"pos_encoding": "learned", "positions": "random_start"}),
    ("mixtral", {"positions": "none", "router_bias_rate": 0.01}),
]
ASK = """
const [number, prompts] = arguments, model = modelAt(PAGE.models[number], 0);
return prompts.map((prompt) => {
  const { text, steps } = answer(model, prompt);
  return [text, steps.map(({ said }) => [...said].sort((a, b) => b - a).slice(0, 2))];
});
"""
LOOK = """
const [number, prompt] = arguments, { reading } = answer(modelAt(PAGE.models[number], 0), prompt);
return reading.moments.map(({ layers }) =>
  layers.map(({ attention }) => attention.map((looks) => [...looks])));
"""
# What is written for a model, and what is right.
WRITE = """
const [problems, format] = arguments;
return problems.map((typed) => {
  const problem = readProblem(typed), prompt = writePrompt(problem, format);
  const right = evaluate(problem, format), back = readPrompt(prompt, format);
  const said = writeAnswer(right, format);
  return [prompt, said, readable(`7=${said}`, { ...format, traced: true }), back.operands.join()];
});
"""


def test_answers_and_probabilities_are_pythons(tmp_path: Path, browser: Chrome) -> None:
    browser.set_script_timeout(600)
    asked: list[tuple[str, dict[str, Any]]] = [*((name, {}) for name in ARCHITECTURES), *MIXED]
    paths = [
        checkpoint(tmp_path / f"{i}.ckpt", name, **changes)
        for i, (name, changes) in enumerate(asked)
    ]
    explore(paths, [], tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    for i, (path, (_, changes)) in enumerate(zip(paths, asked, strict=True)):
        model = rounded(path)
        # The three architectures themselves are asked more.
        prompts = problems(200 if changes else 2000)
        answers = browser.execute_script(ASK, i, prompts)
        same = 0
        for (text, rows), (expected, said) in zip(
            answers, answers_with_certainty(model, prompts), strict=True
        ):
            for (first, second), token in zip(rows, said, strict=False):
                assert (first, second) == pytest.approx(
                    (token.probability, token.its_probability), abs=1e-3
                )
                if first - second < 1e-5:
                    # Rounding may choose either, and what follows is another answer.
                    break
            else:
                assert text == expected
                assert len(rows) == len(said)
                same += 1
        assert same > 0.99 * len(prompts)
        check_attention(browser, i, model, prompts[0])


def check_attention(browser: Chrome, number: int, model: TransformerLM, prompt: str) -> None:
    _, table = attention(model, prompt, FORMATS["plain"])
    moments = browser.execute_script(LOOK, number, prompt)
    for row in table.itertuples():
        found = moments[row.query][row.layer][row.head][row.key]
        assert found == pytest.approx(row.weight, abs=1e-3)


def rounded(path: Path) -> TransformerLM:
    """The model, with its weights as the page has them."""
    model, _ = load_model(path)
    for tensor in model.state_dict().values():
        tensor.copy_(tensor.half())
    return model


def problems(n: int) -> list[str]:
    """Sums of one to three digits, all different."""
    draw = random.Random(0)
    found: dict[str, None] = {}
    while len(found) < n:
        a, b = (draw.randrange(10 ** draw.randint(1, 3)) for _ in range(2))
        found[f"{a}+{b}="] = None
    return list(found)


def test_every_word_of_a_configuration_is_known(tmp_path: Path, browser: Chrome) -> None:
    explore([checkpoint(tmp_path / "a.ckpt", "gpt2")], [], tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    for field, table in {"norm": "NORMS", "mlp": "MLPS", "positions": "NUMBERINGS"}.items():
        words = ModelConfig.model_fields[field].annotation.__args__  # type: ignore[union-attr]
        assert set(browser.execute_script(f"return Object.keys({table})")) == set(words)


def test_problems_are_written_as_in_each_format(tmp_path: Path, browser: Chrome) -> None:
    explore([checkpoint(tmp_path / "a.ckpt", "gpt2")], [], tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    typed = ["54+6", "7-70", "12*30", "96/8", "0-0", "99+99"]
    for name, modulus in [*((name, 0) for name in FORMATS), ("plain", 113), ("reverse", 113)]:
        changes = {"format": name, "modulus": modulus, "ops": "+-*" if modulus else "+-*/"}
        data: DataConfig = tiny_params(data={**TINY_DATA, **changes}).data
        convention = Convention.of(data)
        written = convention.format
        asked = [each for each in typed if not (modulus and "/" in each)]
        rows = browser.execute_script(WRITE, asked, format_in_numbers(convention))
        for problem, (prompt, said, number, operands) in zip(asked, rows, strict=True):
            assert prompt == written.ask(f"{problem}=")
            numbers, operators = written.read_prompt(prompt)
            answer = evaluate(numbers, operators, data.precedence, modulus)
            assert said == written.answer(answer)
            assert number == str(answer)
            assert operands == ",".join(map(str, numbers))
