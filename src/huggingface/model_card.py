"""The model card of an exported model: the README.md of its folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from ..common.markdown import code
from ..config import NonNegativeFloat, Share
from ..data.description import Convention
from ..data.lineage import data_of, digest_of, trainings
from ..tokenizer import VOCABULARY
from .json_file import AnyPart, Part

Values = Mapping[str, Any]
_Step = Annotated[float, Field(ge=0, le=2**53)]


class _Validation(Part):
    step: _Step
    loss: NonNegativeFloat
    exact_match: Share


class _Evaluation(Part):
    problems: Annotated[int, Field(ge=1, le=2**63)]
    exact_match: Share
    exact_match_low: Share
    exact_match_high: Share
    loss: NonNegativeFloat


class _Began(Part):
    step: _Step | None = None


def model_card(
    classes: Values,
    model: Values,
    training: Values,
    validation: Values,
    story: Values,
    evaluation: Values,
    example: tuple[str, str],
    convention: Convention,
) -> str:
    """Markdown with the front matter that the Hugging Face Hub reads.

    A text of the checkpoint stays text in it, whatever it holds; figures that are no numbers, or
    not all there, are left out.

    Args:
        classes: content of config.json.
        model, training: the sections of params.yaml that made the model; training may be empty.
        validation: step, loss and exact_match of these weights; may be empty.
        story: origin of the weights, see `lineage.Origin`.
        evaluation: content of eval.json; may be empty.
        example: a prompt, and what the model says to it.
        convention: how problems are written.
    """
    tested, validated = _typed(_Evaluation, evaluation), _typed(_Validation, validation)
    sections = yaml.safe_dump(_sections(model, training, data_of(story)), sort_keys=False)
    fence = _fence(sections)
    name = f"{model['name']}-arithmetic"
    (architecture,) = classes["architectures"]
    prompt, said = example
    with_steps = " with steps and" if convention.format.traced else " with"
    front: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["arithmetic", str(classes["model_type"])],
    }
    if tested:
        result = {
            "task": {"type": "text-generation"},
            "dataset": {"type": "synthetic", "name": "arithmetic, test split"},
            "metrics": [{"type": "exact_match", "value": tested.exact_match}],
        }
        front["model-index"] = [{"name": name, "results": [result]}]
    return f"""---
{yaml.safe_dump(front, sort_keys=False)}---

# {name}

A small `{architecture}` that does arithmetic, one token a character: \
it continues a problem such as `{prompt}`{with_steps} the answer. \
{_writing(prompt, convention)}{_training_data(story)}

```python
from transformers import pipeline

answer = pipeline("text-generation", model="path/to/this/folder")
answer("{prompt}")  # [{{'generated_text': '{prompt}{said}'}}]
```

The tokenizer puts `<bos>` in front. Decoding is greedy and ends at `<eos>`. The vocabulary is \
`{" ".join(VOCABULARY)}`; any other character, a space too, is an error.

## Results

{_results_table(validated, tested, convention.format.traced)}

## Made with

{fence}yaml
{sections}{fence}
"""


def _typed(kind: type[AnyPart], values: object) -> AnyPart | None:
    try:
        return kind.model_validate(values)
    except ValidationError:
        return None


def _fence(text: str) -> str:
    """What begins and ends a block of code that no line of a text can end."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


def _name(value: object) -> str:
    """A file's name or a hash, as far as it has the length of one."""
    return code(value[:255] if isinstance(value, str) else None)


def _sections(model: Values, training: Values, data: Values) -> dict[str, Any]:
    sections = {"data": data, "model": model, "training": training}
    return {name: dict(values) for name, values in sections.items() if values}


def _training_data(story: Values) -> str:
    """Sentences on the problems and the initial weights of each training, the last one first."""
    told: list[str] = []
    for training in trainings(story):
        problems = _problems(training)
        if told:
            told[-1] += f", trained on {problems}." if problems else ", whose data is not recorded."
        elif problems:
            told.append(f"It was trained on {problems}; nothing makes it right on others.")
        else:
            told.append("On which problems it was trained is not recorded.")
        if began := training.get("init_from"):
            known = _typed(_Began, began.get("metrics"))
            step = f"step {known.step:,.0f}, " if known and known.step else ""
            told.append(
                f"{'That' if told[1:] else 'The'} training began with the weights of "
                f"{_name(began.get('file'))} ({step}SHA-256 of the weights "
                f"{_name(began.get('sha256'))})"
            )
    return " ".join(told)


def _problems(story: Values) -> str:
    """A phrase for the problems of one training; empty where they are not recorded."""
    data = data_of(story)
    if not data:
        digest = digest_of(story, "train")
        return f"imported problems (SHA-256 of the file {_name(digest)})" if digest else ""
    order = ""
    if data["N"] > 2:
        left = data["precedence"] == "left_to_right"
        order = ", from left to right" if left else ", `*` and `/` before `+` and `-`"
    if modulus := data.get("modulus"):
        order += f", answers modulo {modulus}"
    return (
        f"{data['N']} numbers from {data['A']:,} to {data['B']:,} with "
        f"`{' '.join(data['ops'])}` between them{order}"
    )


def _writing(prompt: str, convention: Convention) -> str:
    """A sentence on how problems are written, and a space; empty if it is as by hand."""
    written = convention.format
    if written.name == "plain":
        return ""
    told = f"Problems are written in the format `{written.name}`: "
    told += f"the target of `{prompt}` is `{convention.target(prompt)}`"
    if written.traced:
        told += ", in which the answer stands behind the last `=`"
    if written.from_units:
        told += ", the digits of an answer from the units up"
    return told + ". "


def _results_table(validated: _Validation | None, tested: _Evaluation | None, traced: bool) -> str:
    lines = ["| split | problems | exact match | 95 % | loss |", "|---|---|---|---|---|"]
    if tested:
        low, high = tested.exact_match_low, tested.exact_match_high
        lines.append(
            f"| test | {tested.problems:,} | {tested.exact_match:.2%} | {low:.2%} .. {high:.2%} | "
            f"{tested.loss:.5f} |"
        )
    if validated:
        lines.append(
            f"| validation, at step {validated.step:,.0f} | | {validated.exact_match:.2%} "
            f"| | {validated.loss:.5f} |"
        )
    if len(lines) == 2:
        return "None are known: the checkpoint holds no figures."
    lines.append(
        "\nExact match is the share of problems whose whole answer is right; loss is the "
        "cross-entropy of an answer's token in nats."
        + " In validation, steps have to be right too."
        * (traced and validated is not None)
    )
    return "\n".join(lines)
