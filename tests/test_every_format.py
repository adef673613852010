"""Each format goes the whole way: generated, trained on, graded, asked, exported, read back."""

import json
import re
from pathlib import Path

import pytest

from src.checkpoint import load_checkpoint
from src.common.errors import BadRowError, UserError
from src.data.description import Convention, read_convention
from src.data.formats import FORMATS, format_of
from src.data.reading import read_records, read_splits
from src.data.records import Record
from src.data_gen import write
from src.eval import evaluate, inspect
from src.huggingface.export import export
from src.huggingface.import_checkpoint import import_hf
from src.inspection.questions import question
from src.predict import main as predict
from src.train import train

from .conftest import ARCHITECTURES, read_csv, tiny_params, write_records

# On the others every day would tell little more.
EVERY_DAY = ("reverse", "scratchpad")
NAMES = [
    name if name in EVERY_DAY else pytest.param(name, marks=pytest.mark.slow) for name in FORMATS
]
DATA = {"ops": "+-*/", "B": 30, "n_samples": 600}


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_way(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    architecture = ARCHITECTURES[list(FORMATS).index(name) % len(ARCHITECTURES)]
    params = tiny_params(
        architecture,
        data={"format": name, **DATA},
        models={"max_seq_len": 64},
        training={"max_steps": 12},
        evaluation={"exhaustive": True},
    )
    data, models, out = tmp_path / "data", tmp_path / "models", tmp_path / "out"
    write(params.data, data)
    train(params, data, models, tmp_path / "metrics", tmp_path / "runs")
    metrics = evaluate(params, models / "best.ckpt", data, out)
    capsys.readouterr()

    written = format_of(params.data)
    assert read_convention(data).format == written
    for line in (models / "samples.txt").read_text().splitlines():
        assert re.fullmatch(r"[0-9+*/-]+=\S*  (right|right, a step is wrong|wrong, \S+)", line)
    assert ("exact_trace" in metrics) == written.traced
    assert metrics == json.loads((out / "eval.json").read_text())
    assert metrics["in_training"] == 0
    errors = read_csv(out / "errors.csv")
    assert len(errors) == metrics["exhaustive_wrong"]
    assert not any(written.is_right(row["said"], row["target"]) for row in errors)
    places = [int(row["position"]) for row in read_csv(out / "by_digit_position.csv")]
    longest = params.data.largest_answer
    assert max(places) <= len(str(longest)) + 1

    # A person types a problem as people write it.
    predict(["12+3=", "--ckpt", str(models)])
    record = written.write([12, 3], "+", 15)
    said = capsys.readouterr().out
    assert said.startswith(record.prompt)
    assert re.match(rf"\S+  (right|wrong, {re.escape(record.target)})", said)
    inspect(params, models / "best.ckpt", "12+3=", tmp_path / "attention.png")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == said.strip()
    assert (tmp_path / "attention.png").stat().st_size > 1000

    # There and back: the weights are the same, so all that is said is too.
    export(models / "best.ckpt", tmp_path / "hf")
    import_hf(tmp_path / "hf", tmp_path / "back.ckpt")
    ours, back = (
        load_checkpoint(path).model.state_dict()
        for path in (models / "best.ckpt", tmp_path / "back.ckpt")
    )
    assert ours.keys() == back.keys()
    assert all(bool((weight == back[key]).all()) for key, weight in ours.items())


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_in_another_format_is_refused_with_what_would_be_right(
    name: str, tmp_path: Path
) -> None:
    params = tiny_params(data={"format": name})
    write(params.data, tmp_path)
    read_splits(tmp_path)
    written = format_of(params.data)
    right = written.write([54, 46], "+", 100)
    others = {FORMATS[other].fitted(params.data).write([54, 46], "+", 100) for other in FORMATS}
    assert len(others) > 4
    for other in others - {right}:
        write_records(tmp_path / "test.jsonl", [other])
        if Convention(written, "standard").target(other.prompt) == other.target:
            # Read as it is written: 45 + 64 is a problem in every format.
            assert list(read_records(tmp_path / "test.jsonl")) == [other]
            continue
        with pytest.raises(BadRowError, match=rf"^{re.escape(str(tmp_path / 'test.jsonl'))}, line"):
            read_records(tmp_path / "test.jsonl")
    write_records(tmp_path / "test.jsonl", [Record(right.prompt, right.target + "1")])
    with pytest.raises(
        BadRowError,
        match=rf"line 1: the answer to {re.escape(right.prompt)} is {re.escape(right.target)}, not",
    ):
        read_records(tmp_path / "test.jsonl")


@pytest.mark.parametrize("name", [name for name, f in FORMATS.items() if f.traced])
def test_what_a_format_cannot_write_is_refused_in_a_line(name: str) -> None:
    convention = Convention.of(tiny_params(data={"format": name}).data)
    with pytest.raises(UserError, match=r"^1\+2\+3=: must have two operands$"):
        question("1+2+3=", 64, convention)
    with pytest.raises(UserError, match=r"^5/0=: 5/0 has no whole result$"):
        question("5/0=", 64, convention)
    with pytest.raises(UserError, match=r"^54321\+9876=: \d+ tokens with its answer, .* 24$"):
        question("54321+9876=", 24, convention)
