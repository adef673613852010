"""Others' models have the figures and tables that ours have, by the same measure."""

import json
from pathlib import Path
from typing import Any

import pytest

from src.checkpoint import save_checkpoint
from src.common.errors import UserError
from src.data.formats import FORMATS
from src.data.reading import read_records
from src.data.records import Record
from src.data_gen import write
from src.eval import evaluate, main
from src.evaluation.difficulty import KINDS
from src.evaluation.other_grading import evaluate_other
from src.huggingface.export import export

from ..conftest import ARCHITECTURES, read_csv, tiny_params, write_records
from ..test_eval import checkpoint
from ..test_loss import half_trained
from .others import RECORDS, fit, save, tokenizer, untrained


def half_trained_checkpoint(folder: Path, name: str, data_dir: Path) -> Path:
    """A checkpoint that answers some of the test split, not all."""
    model = half_trained(name, read_records(data_dir / "test.jsonl"))
    weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    params = tiny_params(name, models={"init_std": 0.1})
    save_checkpoint(folder / "mine.ckpt", weights, params, {"step": 0})
    return folder / "mine.ckpt"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_exported_checkpoint_has_the_results_of_the_checkpoint(
    name: str, tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = half_trained_checkpoint(tmp_path, name, data_dir)
    export(path, tmp_path / "hf")
    params = tiny_params(evaluation={"batch_size": 32})
    ours = evaluate(params, path, data_dir, tmp_path / "ours")
    theirs = evaluate_other(params, tmp_path / "hf", "{prompt}", data_dir, tmp_path / "theirs")
    assert 0.1 < theirs["exact_match"] < 0.9
    assert theirs["loss"] is None
    unknown = {"architecture", "loss", "max_expert_load", "router_entropy"}
    assert {key: value for key, value in theirs.items() if key not in unknown} == {
        key: value for key, value in ours.items() if key not in unknown
    }
    for table in (f"by_{kind}.csv" for kind in KINDS):
        assert (tmp_path / "theirs" / table).read_text() == (tmp_path / "ours" / table).read_text()
    mine, others = (read_csv(tmp_path / whose / "errors.csv") for whose in ("ours", "theirs"))
    said = [(one.pop("said"), other.pop("said")) for one, other in zip(mine, others, strict=True)]
    assert mine == others
    # What does not end, each cuts at a length of its own.
    assert all(one == other or (one.startswith(other) and len(other) == 7) for one, other in said)
    assert sum(one == other for one, other in said) > len(said) / 2
    # The same files, without a row where nothing is known.
    files = [sorted(p.name for p in (tmp_path / w).iterdir()) for w in ("ours", "theirs")]
    assert files[0] == files[1]
    for table in ("by_digit_position", "by_expert", "routing", "exhaustive"):
        assert read_csv(tmp_path / "theirs" / f"{table}.csv") == []
    printed = capsys.readouterr().out.splitlines()
    assert "leak check: the model's training data is not known" in printed
    # The last line of each, but for the name and the loss.
    one, other = (line for line in printed if "% of 100 right (" in line)
    assert other.partition(": ")[2] == one.partition(": ")[2].replace(
        f"loss {ours['loss']:.5f}, ", ""
    )


def test_behind_steps_the_answer_counts_as_it_does_for_ours(tmp_path: Path) -> None:
    written = FORMATS["scratchpad"]
    params = tiny_params(data={"format": written.name, "test_fraction": 0.4})
    write(params.data, tmp_path / "data")
    right = list(read_records(tmp_path / "data" / "test.jsonl"))
    # Of every second one, a step is learned wrong.
    model = half_trained("llama2", [*right[::2], *map(with_wrong_step, right[1::2])])
    weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    params_of_model = tiny_params("llama2", models={"init_std": 0.1})
    save_checkpoint(tmp_path / "mine.ckpt", weights, params_of_model, {"step": 0})
    export(tmp_path / "mine.ckpt", tmp_path / "hf")
    folders = tmp_path / "ours", tmp_path / "theirs"
    ours = evaluate(params, tmp_path / "mine.ckpt", tmp_path / "data", folders[0])
    theirs = evaluate_other(params, tmp_path / "hf", "{prompt}", tmp_path / "data", folders[1])
    for figure in ("exact_match", "exact_trace", "wrong"):
        assert theirs[figure] == ours[figure]
    assert 0 < ours["exact_trace"] < ours["exact_match"] < 1
    mine, others = (read_csv(folder / "errors.csv") for folder in folders)
    assert [row["prompt"] for row in mine] == [row["prompt"] for row in others]


def with_wrong_step(record: Record) -> Record:
    return Record(record.prompt, "9" + record.target[1:])


def test_the_command_grades_a_model_with_another_tokenizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    its, model = tokenizer(), untrained("llama", "LlamaForCausalLM")
    fit(model, its, [f"Q: {r.prompt} A: {r.target}\n" for r in RECORDS[:12]])
    save(tmp_path / "hf" / "tiny", model, its)
    write_records(tmp_path / "data" / "test.jsonl", RECORDS)
    main(["--hf", "hf/tiny", "--prompt", "Q: {prompt} A:", "--data_dir", "data"])
    assert capsys.readouterr().out.endswith("results: checkpoints/tiny/eval\n")
    out = tmp_path / "checkpoints" / "tiny" / "eval"
    metrics, about = (json.loads((out / f"{name}.json").read_text()) for name in ("eval", "about"))
    errors = read_csv(out / "errors.csv")
    assert len(RECORDS) - len(errors) == len(RECORDS) - metrics["wrong"] > 6
    assert metrics["exact_match"] == 1 - metrics["wrong"] / len(RECORDS)
    assert list(errors[0])[:3] == ["prompt", "target", "said"]
    assert not [row for row in errors if row["said"] == row["target"]]
    assert (about["name"], about["architecture"]) == ("tiny", "llama")
    assert (about["model"], about["prompt"]) == ("hf/tiny", "Q: {prompt} A:")
    assert about["n_problems"] == len(RECORDS)
    assert set(about["versions"]) == {"torch", "transformers"}

    # Again, and then another of the same name.
    main(["--hf", str(tmp_path / "hf" / "tiny"), "--data_dir", "data"])
    save(tmp_path / "tiny", model, its)
    with pytest.raises(UserError, match=r"^checkpoints/tiny/eval: has results of .*hf/tiny; name"):
        main(["--hf", "tiny", "--data_dir", "data"])
    (out / "about.json").unlink()
    with pytest.raises(UserError, match=r"eval: has results of checkpoints/tiny; name another"):
        main(["--hf", "tiny", "--data_dir", "data"])
    main(["--hf", "tiny", "--data_dir", "data", "--out_dir", "elsewhere"])
    assert (tmp_path / "elsewhere" / "about.json").exists()


def test_bad_rows_are_refused_or_counted(tmp_path: Path) -> None:
    folder = save(tmp_path / "hf", untrained("gpt2", "GPT2LMHeadModel"), tokenizer())
    write_records(tmp_path / "test.jsonl", [*RECORDS, RECORDS[0]])
    out = tmp_path / "out"
    with pytest.raises(UserError, match="stands in line 1 too; --skip_bad_rows"):
        evaluate_other(tiny_params(), folder, "{prompt}", tmp_path, out)
    metrics = evaluate_other(tiny_params(), folder, "{prompt}", tmp_path, out, True)
    assert (metrics["problems"], metrics["skipped_duplicate"]) == (len(RECORDS), 1)


def test_all_problems_are_not_graded(tmp_path: Path, data_dir: Path) -> None:
    params = tiny_params(evaluation={"exhaustive": True})
    with pytest.raises(UserError, match=r"^evaluation\.exhaustive = true: --hf grades the test"):
        evaluate_other(params, tmp_path, "{prompt}", data_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--hf x --ckpt y", "argument --ckpt: not allowed with argument --hf"),
        ("--hf x --inspect 1+2=", "argument --inspect: not allowed with argument --hf"),
        ("--prompt {prompt}", "--prompt is for --hf: a checkpoint is asked the problem alone"),
        ("--prompt {prompt} --ckpt y", "--prompt is for --hf"),
        ("--prompt Q --hf x", r"--prompt 'Q': must contain \{prompt\} exactly once"),
        ("--hf x --out_dir metrics", "metrics: the pipeline writes in metrics"),
        ("--hf x --out_dir models/x", "models/x: the pipeline writes in models"),
        ("--hf nowhere --data_dir DATA", "nowhere: no such folder"),
        ("--hf nowhere --data_dir nowhere", r"nowhere/test\.jsonl: no such file"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    flags: str, reason: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^{reason}"):
        main([str(data_dir) if word == "DATA" else word for word in flags.split()])
    assert list(tmp_path.iterdir()) == []


def test_ours_are_called_by_their_folder(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    checkpoint(folder, "gpt2").rename(folder / "best.ckpt")
    main(["--ckpt", str(folder), "--data_dir", str(data_dir)])
    about: dict[str, Any] = json.loads((folder / "eval" / "about.json").read_text())
    assert (about["name"], about["prompt"]) == ("wide", None)
