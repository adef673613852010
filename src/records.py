"""The data format: one JSON object a line with prompt, target and text."""

import json
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from .errors import UserError
from .files import open_replacing
from .problems import evaluate
from .tokenizer import BOS, EOS

SPLITS = ("train", "val", "test")

_PROMPT = re.compile(r"[0-9]+([-+*/][0-9]+)+=")
_TARGET = re.compile(r"-?[0-9]+")


class Record(NamedTuple):
    """One problem and its answer.

    >>> Record("554+456=", "1010").text
    '<bos>554+456=1010<eos>'
    """

    prompt: str
    target: str

    @property
    def text(self) -> str:
        """What a model is trained on."""
        return f"{BOS}{self.prompt}{self.target}{EOS}"


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write a split; the file appears whole or not at all.

    A line reads ``{"prompt": "554+456=", "target": "1010", "text": "<bos>554+456=1010<eos>"}``.
    """
    # The format has no character that JSON escapes: a template is 10 times faster than json.
    with open_replacing(path) as file:
        for prompt, target in records:
            text = f"{BOS}{prompt}{target}{EOS}"
            file.write(f'{{"prompt": "{prompt}", "target": "{target}", "text": "{text}"}}\n')


def read_records(path: Path) -> list[Record]:
    """Read a split and check each line.

    Raises:
        UserError: for a missing or empty file, or with the line and what is wrong with it.
    """
    records = []
    # The file does not say how its operators bind, but must be of one mind.
    precedences = ["left_to_right", "standard"]
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    record = _parse(line)
                    precedences = _agreeing(record, precedences)
                    records.append(record)
                except ValueError as error:
                    raise UserError(f"{path}, line {number}: {error}") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; python -m src.data_gen writes it") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from None
    if not records:
        raise UserError(f"{path}: holds no problems")
    return records


def read_splits(folder: Path) -> dict[str, list[Record]]:
    """All splits of a data set.

    Raises:
        UserError: as `read_records`, and for a problem that occurs twice.
    """
    splits = {split: read_records(folder / f"{split}.jsonl") for split in SPLITS}
    prompts = {split: {record.prompt for record in splits[split]} for split in SPLITS}
    for split in SPLITS:
        if twice := len(splits[split]) - len(prompts[split]):
            raise UserError(f"{folder / split}.jsonl: {twice} problems occur more than once")
    for one, other in combinations(SPLITS, 2):
        if shared := prompts[one] & prompts[other]:
            example = min(shared)
            raise UserError(
                f"{folder}: {len(shared)} problems are in both {one} and {other}, such as {example}"
            )
    return splits


def _agreeing(record: Record, precedences: list[str]) -> list[str]:
    """Those precedences under which the target is the answer."""
    answers, problem = {}, ""
    for precedence in precedences:
        try:
            answers[precedence] = str(evaluate(record.prompt, precedence))
        except ValueError as error:
            problem = str(error)
    agreeing = [p for p, answer in answers.items() if answer == record.target]
    if not agreeing:
        right = " or ".join(sorted(set(answers.values())))
        raise ValueError(
            f"the answer to {record.prompt} is {right}, not {record.target}" if right else problem
        )
    return agreeing


def _parse(line: str) -> Record:
    try:
        fields = json.loads(line)
        record = Record(fields["prompt"], fields["target"])
        text = fields["text"]
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    except (KeyError, TypeError, RecursionError):
        raise ValueError("not an object with prompt, target and text") from None
    if not (isinstance(record.prompt, str) and _PROMPT.fullmatch(record.prompt)):
        raise ValueError(f"prompt {record.prompt!r} is not of the form 554+456=")
    if not (isinstance(record.target, str) and _TARGET.fullmatch(record.target)):
        raise ValueError(f"target {record.target!r} is not a whole number in digits")
    if text != record.text:
        raise ValueError(f"text {text!r} is not {record.text!r}")
    return record
