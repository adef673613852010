"""The model card of an exported model: the README.md of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ..data.lineage import data_of, digest_of, trainings
from ..tokenizer import VOCABULARY

Values = Mapping[str, Any]


def model_card(
    classes: Values,
    model: Values,
    training: Values,
    validation: Values,
    story: Values,
    evaluation: Values,
    example: tuple[str, str],
) -> str:
    """Markdown with the front matter that the Hugging Face Hub reads.

    Args:
        classes: content of config.json.
        model, training: the sections of params.yaml that made the model; training may be empty.
        validation: step, loss and exact_match of these weights; may be empty.
        story: origin of the weights, see `lineage.Origin`.
        evaluation: content of eval.json; may be empty.
        example: a prompt, and the model's answer.
    """
    name = f"{model['name']}-arithmetic"
    (architecture,) = classes["architectures"]
    prompt, answer = example
    front: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["arithmetic", str(classes["model_type"])],
    }
    if evaluation:
        result = {
            "task": {"type": "text-generation"},
            "dataset": {"type": "synthetic", "name": "arithmetic, test split"},
            "metrics": [{"type": "exact_match", "value": evaluation["exact_match"]}],
        }
        front["model-index"] = [{"name": name, "results": [result]}]
    return f"""---
{yaml.safe_dump(front, sort_keys=False)}---

# {name}

A small `{architecture}` that does arithmetic, one token a character: \
it continues a problem such as `{prompt}` with the answer. {_training_data(story)}

```python
from transformers import pipeline

answer = pipeline("text-generation", model="path/to/this/folder")
answer("{prompt}")  # [{{'generated_text': '{prompt}{answer}'}}]
```

The tokenizer puts `<bos>` in front. Decoding is greedy and ends at `<eos>`. The vocabulary is \
`{" ".join(VOCABULARY)}`; any other character, a space too, is an error.

## Results

{_results_table(validation, evaluation)}

## Made with

```yaml
{yaml.safe_dump(_sections(model, training, data_of(story)), sort_keys=False)}```
"""


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
            step = (began.get("metrics") or {}).get("step")
            told.append(
                f"{'That' if told[1:] else 'The'} training began with the weights of "
                f"`{began.get('file')}` ({f'step {step:,.0f}, ' if step else ''}SHA-256 of the "
                f"weights `{began.get('sha256')}`)"
            )
    return " ".join(told)


def _problems(story: Values) -> str:
    """A phrase for the problems of one training; empty where they are not recorded."""
    data = data_of(story)
    if not data:
        digest = digest_of(story, "train")
        return f"imported problems (SHA-256 of the file `{digest}`)" if digest else ""
    order = ""
    if data["N"] > 2:
        left = data["precedence"] == "left_to_right"
        order = ", from left to right" if left else ", `*` and `/` before `+` and `-`"
    return (
        f"{data['N']} numbers from {data['A']:,} to {data['B']:,} with "
        f"`{' '.join(data['ops'])}` between them{order}"
    )


def _results_table(validation: Values, evaluation: Values) -> str:
    lines = ["| split | problems | exact match | 95 % | loss |", "|---|---|---|---|---|"]
    if evaluation:
        low, high = evaluation["exact_match_low"], evaluation["exact_match_high"]
        lines.append(
            f"| test | {evaluation['problems']:,} | {evaluation['exact_match']:.2%} | "
            f"{low:.2%} .. {high:.2%} | {evaluation['loss']:.5f} |"
        )
    if validation:
        lines.append(
            f"| validation, at step {validation['step']:,.0f} | | {validation['exact_match']:.2%} "
            f"| | {validation['loss']:.5f} |"
        )
    if len(lines) == 2:
        return "None are known: the checkpoint holds no figures."
    lines.append(
        "\nExact match is the share of problems whose whole answer is right; loss is the "
        "cross-entropy of an answer's token in nats."
    )
    return "\n".join(lines)
