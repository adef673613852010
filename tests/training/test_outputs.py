"""What a training leaves, and that one called by hand replaces nothing unasked."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from src.checkpoint import load_checkpoint, load_model
from src.common.errors import UserError
from src.common.folders import claimed
from src.lightning_module import initial_module
from src.params import load_params
from src.train import main

from ..conftest import read_csv, tiny_params

FILES = {
    "best.ckpt",
    "best-2.ckpt",
    "last.ckpt",
    "config.yaml",
    "samples.txt",
    "train.json",
    "train.csv",
    "val.csv",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own with a stand-alone configuration, mine.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("src.train.RUNS_DIR", Path("runs"))
    write_config()
    return tmp_path


def write_config(**training: Any) -> None:
    params = tiny_params("gpt2", training={"keep_best": 2, "max_steps": 25} | training)
    content = {
        "model": params.model_config_in_use.to_plain(),
        "training": params.training.to_plain(),
        "runtime": params.runtime.model_dump(),
    }
    Path("mine.yaml").write_text(yaml.safe_dump(content))


def train(data_dir: Path, *flags: str) -> None:
    main(["--config", "mine.yaml", "--data_dir", str(data_dir), *flags])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_by_hand_all_lies_in_the_configurations_folder(
    here: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(data_dir)
    folder = Path("checkpoints/mine")
    assert set(contents(folder)) == FILES
    assert {path.name for path in here.iterdir()} == {"mine.yaml", "checkpoints", "runs"}
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"training gpt2 on {data_dir}; results will be in checkpoints/mine, ")
    assert last.startswith("checkpoints/mine: gpt2, 25 steps, val_loss ")
    # Which are kept: those with the lowest losses, of three validations.
    rows = sorted(read_csv(folder / "val.csv"), key=lambda row: float(row["loss"]))
    for name, row in zip(("best.ckpt", "best-2.ckpt"), rows, strict=False):
        metrics = torch.load(folder / name, weights_only=True)["metrics"]
        assert (metrics["step"], metrics["loss"]) == (int(row["step"]), float(row["loss"]))
    best, second = (load_model(folder / name)[0] for name in ("best.ckpt", "best-2.ckpt"))
    same = map(torch.equal, best.parameters(), second.parameters())
    assert not any(same)


@pytest.mark.parametrize("keep_best", [1, 3])
def test_as_many_are_kept_as_there_are_and_should_be(
    keep_best: int, here: Path, data_dir: Path
) -> None:
    # A rate that rises far too high: the last validation is the worst.
    settings = {"learning_rate": 3.0, "warmup_steps": 34, "max_steps": 35, "patience": 9}
    write_config(keep_best=keep_best, **settings)
    train(data_dir, "--out_dir", "out")
    losses = {}
    for path in Path("out").glob("best*.ckpt"):
        metrics = torch.load(path, weights_only=True)["metrics"]
        losses[path.name] = metrics["loss"]
    expected = sorted(float(row["loss"]) for row in read_csv(Path("out/val.csv")))[:keep_best]
    names = ["best.ckpt", "best-2.ckpt", "best-3.ckpt"][:keep_best]
    assert losses == dict(zip(names, expected, strict=True))


def test_snapshots_are_of_their_steps_and_change_nothing_else(here: Path, data_dir: Path) -> None:
    train(data_dir, "--out_dir", "plain")
    write_config(snapshots=[0, 7, 25])
    train(data_dir, "--out_dir", "kept")
    assert {path.name for path in Path("kept").iterdir()} == FILES | {
        f"snapshot-{step}.ckpt" for step in (0, 7, 25)
    }
    for name in ("train.csv", "val.csv", "samples.txt"):
        assert Path("kept", name).read_bytes() == Path("plain", name).read_bytes()
    loaded = {step: load_checkpoint(Path(f"kept/snapshot-{step}.ckpt")) for step in (0, 7, 25)}
    assert [each.metrics["step"] for each in loaded.values()] == [0, 7, 25]
    weights = {step: each.model.state_dict() for step, each in loaded.items()}
    params = load_params(Path("mine.yaml"))
    first = initial_module(params).model.state_dict()
    last = load_model(Path("plain/last.ckpt"))[0].state_dict()
    for name in first:
        assert torch.equal(weights[0][name], first[name])
        assert torch.equal(weights[25][name], last[name])
    assert not all(torch.equal(weights[7][name], last[name]) for name in last)
    # Another choice leaves none of the first.
    write_config(snapshots=[3])
    train(data_dir, "--out_dir", "kept", "--overwrite")
    assert [path.name for path in Path("kept").glob("snapshot*")] == ["snapshot-3.ckpt"]


def test_a_second_training_is_refused_until_it_may_overwrite(here: Path, data_dir: Path) -> None:
    train(data_dir)
    folder = Path("checkpoints/mine")
    (folder / "notes.txt").write_text("mine")
    (folder / "best-of-all.ckpt").write_text("mine too")
    before = contents(folder)
    write_config(keep_best=1, seed=1)
    with pytest.raises(UserError, match=r"^checkpoints/mine: .* there already; --overwrite .*out_"):
        train(data_dir)
    assert contents(folder) == before
    train(data_dir, "--overwrite")
    after = contents(folder)
    # What an earlier training kept more of goes, what no training wrote stays.
    assert set(after) == (FILES - {"best-2.ckpt"}) | {"notes.txt", "best-of-all.ckpt"}
    assert after["best.ckpt"] != before["best.ckpt"]
    assert after["notes.txt"] == b"mine"
    assert after["best-of-all.ckpt"] == b"mine too"
    assert json.loads(after["train.json"])["steps"] == 25


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_a_file_of_no_training_is_never_replaced(
    flags: tuple[str, ...], here: Path, data_dir: Path
) -> None:
    Path("own").mkdir()
    Path("own/config.yaml").write_text("somebody's")
    with pytest.raises(UserError, match=r"^own: config.yaml is "):
        train(data_dir, "--out_dir", "own", *flags)
    assert contents(Path("own")) == {"config.yaml": b"somebody's"}


@pytest.mark.parametrize("place", ["models", "models/x", "metrics", "data/arithmetic", "link/x"])
def test_the_pipelines_folders_are_refused(place: str, here: Path, data_dir: Path) -> None:
    Path("models").mkdir()
    Path("link").symlink_to("models")
    with pytest.raises(UserError, match=f"^{place}: the pipeline writes in "):
        train(data_dir, "--out_dir", place)
    assert not list(Path("models").iterdir())
    assert not Path("runs").exists()


def test_a_configuration_called_dots_does_not_write_here(here: Path, data_dir: Path) -> None:
    Path("mine.yaml").rename("...yaml")
    with pytest.raises(UserError, match=r"^'\.\.': no name for a folder in checkpoints; --out_dir"):
        main(["--config", "...yaml", "--data_dir", str(data_dir)])
    assert [path.name for path in here.iterdir()] == ["...yaml"]


def test_two_trainings_at_once_do_not_write_to_one_place(here: Path, data_dir: Path) -> None:
    out = Path("checkpoints/mine")
    with (
        claimed(here / out),
        pytest.raises(UserError, match=r"^checkpoints/mine: process \d+ writes there"),
    ):
        train(data_dir)
    assert not out.exists()
    train(data_dir)
    assert out.exists()


def test_the_folder_of_a_run_is_no_place_for_results(here: Path, data_dir: Path) -> None:
    # It is emptied when the run is complete.
    train(data_dir)
    (lock,) = Path("runs").glob("gpt2-*/lock")
    with pytest.raises(UserError, match=r"lies in runs/gpt2-.*, which is emptied"):
        train(data_dir, "--out_dir", str(lock.parent / "out"))


def test_without_flags_it_is_the_pipelines_stage(
    here: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = tiny_params("gpt2", training={"max_steps": 10})
    monkeypatch.setattr("src.train.load_params", lambda *_: params)
    monkeypatch.setattr("src.train.DATA_DIR", data_dir)
    for _ in range(2):
        main([])
        written = {path.parent.name for path in here.rglob("*.*") if path.is_file()}
        assert written == {here.name, "models", "metrics", "runs"}


def test_an_evaluation_of_what_was_replaced_is_named(
    here: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("checkpoints/mine/eval").mkdir(parents=True)
    train(data_dir)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("checkpoints/mine/eval: of an earlier training; python -m src.eval ")
