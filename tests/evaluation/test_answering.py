"""An answer counts, not the steps; without steps, teacher forcing and decoding say the same."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from src.checkpoint import save_checkpoint
from src.data.formats import FORMATS, Format
from src.data.reading import read_records
from src.data.records import Record, to_records, to_tokens
from src.data_gen import write
from src.dataset import ArithmeticDataset
from src.eval import evaluate
from src.evaluation.answering import answered_right, answers_to, hear
from src.evaluation.difficulty import KINDS
from src.evaluation.grading import by_digit_position, grade
from src.generation import CUT, generate_answers
from src.models import TransformerLM
from src.ops.sampling import sampled
from src.splits.space import ProblemSpace

from ..conftest import read_csv, tiny_params
from ..test_loss import half_trained

# Of long targets too, and of numbers below 0.
SPACE = ProblemSpace(2, 0, 99, "+-*/", "left_to_right")
LONG = {"max_seq_len": 64}


def problems_of(written: Format, n: int = 60) -> list[Record]:
    every = SPACE.enumerate()
    assert every is not None
    rows = np.random.default_rng(0).permutation(len(every))[:n]
    return to_records(written.tokens(every[rows]))


@pytest.mark.parametrize("name", FORMATS)
def test_teacher_forcing_knows_whether_the_whole_target_is_decoded(name: str) -> None:
    written = FORMATS[name]
    records = problems_of(written)
    model = half_trained("llama2", records, **LONG)
    whole = grade(model, ArithmeticDataset(records), 32).exact
    said = answers_to(model, [record.prompt for record in records], written, 7)
    assert whole.tolist() == [text == r.target for text, r in zip(said, records, strict=True)]
    assert 0 < whole.sum() < len(records)
    right = answered_right(model, to_tokens(records), written, 7)
    expected = [written.is_right(text, r.target) for text, r in zip(said, records, strict=True)]
    assert right.tolist() == expected
    if not written.traced:
        assert right.tolist() == whole.tolist()


@pytest.mark.parametrize("name", [n for n, written in FORMATS.items() if written.traced])
def test_a_right_answer_behind_a_wrong_step_is_right(name: str) -> None:
    written = FORMATS[name]
    right = problems_of(written, 24)
    # Taught a wrong step in half of them, and the right answer in all.
    taught = [Record(r.prompt, wrong_step(r.target)) if i % 2 else r for i, r in enumerate(right)]
    assert all(written.is_right(a.target, b.target) for a, b in zip(taught, right, strict=True))
    model = taught_by_heart(taught)
    assert grade(model, ArithmeticDataset(taught), 32).exact.all()
    whole = grade(model, ArithmeticDataset(right), 32).exact
    assert whole.tolist() == [a == b for a, b in zip(taught, right, strict=True)]
    assert answered_right(model, to_tokens(right), written, 5).all()
    missed = pd.DataFrame(right)[~whole]
    heard, found = hear(model, missed, written, 5)
    assert found.all()
    assert len(missed) > 8
    assert heard["said"].tolist() == [r.target for r in taught if r not in right]
    assert "said" not in missed


def wrong_step(target: str) -> str:
    """With another digit in front of the answer, if there is one."""
    steps, equals, answer = target.rpartition("=")
    if not equals:
        return target
    place = next(i for i, c in enumerate(steps) if c.isdigit())
    other = str((int(steps[place]) + 1) % 10)
    return steps[:place] + other + steps[place + 1 :] + equals + answer


def taught_by_heart(records: list[Record]) -> TransformerLM:
    return half_trained("llama2", records, low=1.0, high=1.0, **LONG)


def test_an_answer_that_does_not_end_is_wrong() -> None:
    written = FORMATS["scratchpad"]
    records = [Record("1+2=", "30=3"), Record("2+2=", "40=4")]
    model = taught_by_heart(records)
    prompts = [record.prompt for record in records]
    assert answers_to(model, prompts, written, 2) == ["30=3", "40=4"]
    # <bos>1+2=30=3 has no room for <eos>.
    model.max_seq_len = 9
    assert generate_answers(model, prompts) == ["30=3", "40=4"]
    assert answers_to(model, prompts, written, 2) == ["30=3" + CUT, "40=4" + CUT]
    assert not hear(model, pd.DataFrame(records), written, 2)[1].any()


def test_a_longer_prompt_leaves_a_shorter_one_its_room() -> None:
    written = FORMATS["scratchpad"]
    records = [Record("10-10=", "00/00=0"), Record("9*9=", "18=18")]
    model = taught_by_heart(records)
    model.max_seq_len = max(len(record.text) for record in records) - 8 + 1
    prompts = [record.prompt for record in records]
    assert answers_to(model, prompts, written, 2) == [record.target for record in records]


def test_position_1_are_the_units_and_steps_are_not_counted() -> None:
    torch.manual_seed(0)
    records = {
        "plain": [Record("99+1=", "100"), Record("1-13=", "-12")],
        "reverse": [Record("99+1=", "001"), Record("1-13=", "-21")],
        "padded": [Record("0099+0001=", "00100"), Record("0001-0013=", "-00012")],
        "scratchpad": [Record("99+1=", "01/01=001"), Record("1-13=", "-20/10=-21")],
    }
    for name, each in records.items():
        grades = grade(half_trained("gpt2", each, low=0.0, **LONG), ArithmeticDataset(each), 2)
        targets, written = [record.target for record in each], FORMATS[name]
        table = by_digit_position(grades, targets, written).set_index("position")
        lengths = [len(written.answer_in(target).removeprefix("-")) for target in targets]
        # The end and the digits of both, and the sign of the second.
        places = [*range(lengths[0] + 1), *range(lengths[1] + 2)]
        assert table["problems"].to_dict() == Counter(places)
        # By hand: the place of each token from the end, or from the front.
        marks = iter(grades.token_correct.tolist())
        right: Counter[int] = Counter()
        for target in targets:
            answer = written.answer_in(target)
            digits, sign = answer.removeprefix("-"), answer.startswith("-")
            order = list(range(1, len(digits) + 1))
            order = [*[len(digits) + 1] * sign, *(order if written.from_units else order[::-1]), 0]
            for place in [None] * (len(target) - len(answer)) + order:
                mark = next(marks)
                if place is not None:
                    right[place] += mark
        assert (table["problems"] - table["wrong"]).to_dict() == {p: right[p] for p in table.index}


@pytest.mark.parametrize("name", ["reverse", "scratchpad"])
def test_an_evaluation_counts_answers_and_tells_of_traces_apart(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = FORMATS[name]
    data = {"format": name, "B": 9, "n_samples": 90, "test_fraction": 0.4}
    params = tiny_params(data=data, models=LONG, evaluation={"exhaustive": True})
    write(params.data, tmp_path / "data")
    every = ProblemSpace(2, 0, 9, "+", "left_to_right").enumerate()
    assert every is not None
    records = to_records(written.tokens(every))
    if written.traced:
        taught = [
            Record(r.prompt, wrong_step(r.target)) if i % 2 else r for i, r in enumerate(records)
        ]
    else:
        taught = records
    model = half_trained("llama2", taught, **LONG)
    weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    model_params = tiny_params("llama2", models={"init_std": 0.1, **LONG})
    save_checkpoint(tmp_path / "mine.ckpt", weights, model_params, {"step": 0})
    out = tmp_path / "out"
    metrics = evaluate(params, tmp_path / "mine.ckpt", tmp_path / "data", out)

    said = dict(zip((r.prompt for r in records), said_of(model, records, written), strict=True))
    right = {r.prompt for r in records if written.is_right(said[r.prompt], r.target)}
    whole = {r.prompt for r in records if said[r.prompt] == r.target}
    test = [r.prompt for r in read_records(tmp_path / "data" / "test.jsonl")]
    assert metrics["exact_match"] == np.mean([prompt in right for prompt in test])
    assert metrics["wrong"] == sum(prompt not in right for prompt in test)
    assert metrics["exhaustive_problems"] == len(records)
    assert metrics["exhaustive_wrong"] == len(records) - len(right)
    printed = capsys.readouterr().out
    if written.traced:
        assert len(whole) < len(right) < len(records)
        assert metrics["exact_trace"] == np.mean([prompt in whole for prompt in test])
        assert f"steps: {metrics['exact_trace']:.2%} of targets have no wrong token" in printed
        assert "  right, a step is wrong\n" in printed
    else:
        assert "exact_trace" not in metrics
        assert "steps: " not in printed
    errors = read_csv(out / "errors.csv")
    assert {row["prompt"]: row["said"] for row in errors} == {
        prompt: text for prompt, text in said.items() if prompt not in right
    }
    rows = [row for row in read_csv(out / "exhaustive.csv") if row["kind"] in ("all", *KINDS)]
    for kind in ("all", "operand_lengths", "answer_length", "carries", "operators"):
        of_kind = [row for row in rows if row["kind"] == kind]
        assert sum(int(row["problems"]) for row in of_kind) == len(records)
        assert sum(int(row["wrong"]) for row in of_kind) == len(errors)
        assert len({(row["split"], row["value"]) for row in of_kind}) == len(of_kind)
        by_value: Counter[str] = Counter()
        for row in of_kind:
            by_value[row["split"]] += int(row["wrong"])
        assert by_value == Counter(
            {row["split"]: 0 for row in of_kind} | Counter(e["split"] for e in errors)
        )


def said_of(model: TransformerLM, records: list[Record], written: Format) -> list[str]:
    return answers_to(model, [record.prompt for record in records], written, 64)


@pytest.mark.parametrize("name", ["reverse", "scratchpad"])
def test_with_a_temperature_the_answers_that_are_drawn_are_graded(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = FORMATS[name]
    data = {"format": name, "B": 9, "n_samples": 90, "test_fraction": 0.4}
    drawn = {"temperature": 0.8, "top_k": 3}
    grid = {"lengths": 2, "length_problems": 15, "batch_size": 7}
    params = tiny_params(data=data, models=LONG, evaluation=drawn | grid)
    write(params.data, tmp_path / "data")
    records = list(read_records(tmp_path / "data" / "test.jsonl"))
    model = half_trained("llama2", records, **LONG)
    weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    model_params = tiny_params("llama2", models={"init_std": 0.1, **LONG})
    for file in ("best", "last"):
        save_checkpoint(tmp_path / f"{file}.ckpt", weights, model_params, {"step": 7.0})

    prompts = [record.prompt for record in records]
    pick = sampled(0.8, 3)
    said = answers_to(model, prompts, written, 64, pick=pick)
    for size in (1, 7):
        assert answers_to(model, prompts, written, size, pick=pick) == said
    assert said != answers_to(model, prompts, written, 64)
    right = [written.is_right(text, r.target) for text, r in zip(said, records, strict=True)]
    assert 0 < sum(right) < len(records)
    metrics = evaluate(params, tmp_path / "best.ckpt", tmp_path / "data", tmp_path / "out")
    assert metrics["exact_match"] == np.mean(right)
    assert metrics["wrong"] == right.count(False)
    assert {key: metrics[key] for key in drawn} == drawn
    errors = read_csv(tmp_path / "out" / "errors.csv")
    assert [row["said"] for row in errors] == [
        text for text, good in zip(said, right, strict=True) if not good
    ]
    if written.traced:
        exact = [text == record.target for text, record in zip(said, records, strict=True)]
        assert metrics["exact_trace"] == np.mean(exact) <= metrics["exact_match"]
    assert "answers: drawn at temperature 0.8" in capsys.readouterr().out

    # Greedily, it is what it was; and what one pass over the true answers tells is the same.
    greedy = tiny_params(data=data, models=LONG, evaluation=grid)
    others = evaluate(greedy, tmp_path / "best.ckpt", tmp_path / "data", tmp_path / "greedy")
    assert others["loss"] == metrics["loss"]
    assert read_csv(tmp_path / "greedy" / "errors.csv") != errors
    assert not {"temperature", "top_k"} & others.keys()
    # Also where others of the training are graded beside, and lengths.
    chosen = tiny_params(
        data=data, models=LONG, evaluation=drawn | grid | {"weights": "best_on_test"}
    )
    assert evaluate(chosen, tmp_path, tmp_path / "data", tmp_path / "chosen") == metrics | {
        "weights": "best_on_test",
        "chosen_step": 7,
    }
