"""The command explains what it is asked, writes all tables or none, and says what it cannot."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.checkpoint import load_checkpoint, save_checkpoint
from src.common.errors import UserError
from src.explain import explaining, subjects
from src.explain.__main__ import main
from src.explain.tables import TABLES, read

from ..conftest import ARCHITECTURES, tiny_params
from ..test_eval import checkpoint
from .conftest import Learned


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few sums, so that a model takes a second."""
    changed = {"problems": 200, "ablated": 60, "pairs": 10}
    names = ("problems", "ablated", "pairs")
    monkeypatch.setattr(
        explaining.explained, "__defaults__", tuple(changed[name] for name in names)
    )


def story(**data: Any) -> dict[str, Any]:
    """The origin of a model that learned sums of two digits, or what is said instead."""
    section = tiny_params(data=data).data.to_plain()
    return {"data": {"data": section, "sha256": {}}, "init_from": None}


def trained(folder: Path, name: str, learned: Callable[[str], Learned], **data: Any) -> Path:
    """A checkpoint of a model that knows some sums by heart."""
    weights = {f"model.{k}": v for k, v in learned(name).model.state_dict().items()}
    path = folder / f"{name}.ckpt"
    params = tiny_params(name, models={"init_std": 0.2})
    save_checkpoint(path, weights, params, {"step": 150}, story(**data))
    return path


def test_each_model_is_in_every_table(
    tmp_path: Path, learned: Callable[[str], Learned], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [trained(tmp_path, name, learned) for name in ARCHITECTURES]
    asked = [*map(str, paths[:2]), "--ckpt", str(paths[2]), "--out_dir", str(tmp_path / "out")]
    main(["--ckpt", *asked])
    tables = read(tmp_path / "out")
    assert tables.keys() == TABLES.keys()
    for name, table in tables.items():
        # A model that answers no pair right has no patches.
        found = set(table["model"])
        wanted = {"routing": {str(paths[2])}}.get(name, set(map(str, paths)))
        assert found <= wanted if name == "patches" else found == wanted
    for path in (tmp_path / "out").iterdir():
        # Rounded to four digits, also where other models have no rows.
        assert not re.search(r"\.\d{5}", path.read_text().replace(str(tmp_path), "")), path
    models = tables["models"]
    assert models["architecture"].tolist() == list(ARCHITECTURES)
    assert models["sha256"].tolist() == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    ]
    assert set(models["problems"]) == {200}
    assert set(tables["ablations"]["part"]) == {"nothing", "head", "expert"}
    assert set(tables["patches"]["part"]) == {"residual", "head"}
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{paths[0]}: gpt2, plain, 200 sums of 2 digits, sha256 ")
    assert sum("right without one expert (silent): " in line for line in said) == 1
    assert said[-1].startswith(f"tables: {tmp_path / 'out'};")

    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert before.keys() == {f"{name}.csv" for name in TABLES}
    main(["--ckpt", *asked])
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    main(["--ckpt", *asked, "--seed", "1"])
    after = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert all(before[name] != after[name] for name in before)


@pytest.mark.parametrize("name", ["reverse", "reverse_all", "padded", "reverse_padded"])
def test_other_formats_have_the_same_tables(
    name: str, tmp_path: Path, learned: Callable[[str], Learned]
) -> None:
    path = trained(tmp_path, "llama2", learned, format=name)
    # Numbers of any size are seeds.
    found = explaining.explained(subjects.opened(subjects.Subject("mine", path)), seed=10**30)
    assert found["models"]["format"].tolist() == [name]
    # Where it was not trained to, it answers nothing right, and no pair counts.
    assert all(len(found[each]) for each in ("roles", "probes", "lens", "ablations"))


def test_a_model_that_answers_nothing_right_is_explained_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint(tmp_path, "gpt2", story())
    main(["--ckpt", str(path), "--out_dir", str(tmp_path / "out")])
    assert (tmp_path / "out" / "patches.csv").exists()
    said = capsys.readouterr().out
    assert "into place 2 never" in said
    assert "not known: it answers no pair of sums right" in said


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (None, "does not say which problems it was trained on"),
        (story(ops="*"), "ops = *, modulus = 0"),
        (story(format="detailed"), "format detailed writes steps before the answer"),
        (story(B=99_999, n_samples=1000), "are 20 tokens, but the model's max_seq_len = 16"),
    ],
)
def test_what_cannot_be_explained_is_told_before_any_work(
    told: dict[str, Any] | None, message: str, tmp_path: Path, learned: Callable[[str], Learned]
) -> None:
    good = trained(tmp_path, "llama2", learned)
    bad = checkpoint(tmp_path, "gpt2", told, max_seq_len=16)
    with pytest.raises(UserError, match=rf"^{re.escape(str(bad))}: .*{re.escape(message)}"):
        main(["--ckpt", str(good), str(bad), "--out_dir", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_nothing_that_others_wrote_is_lost(tmp_path: Path) -> None:
    mine = tmp_path / "lens.csv"
    mine.write_text("my,own\n")
    with pytest.raises(UserError, match=r"lens.csv: was not written by this command"):
        main(["--ckpt", str(tmp_path / "none.ckpt"), "--out_dir", str(tmp_path)])
    assert mine.read_text() == "my,own\n"
    with pytest.raises(UserError, match=r"none.ckpt: no such file"):
        main(["--ckpt", str(tmp_path / "none.ckpt"), "--out_dir", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "-1"], "must be at least 0"),
        (["--seed", "one"], "invalid number value: 'one'"),
        (["--ckpt"], "expected at least one argument"),
        (["--ckpt", "a", "--rev", "b"], "not allowed with argument"),
        (["--outdir", "x"], "did you mean --out_dir?"),
    ],
)
def test_wrong_flags_are_told(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        main(words)


def test_tables_of_another_version_are_told(tmp_path: Path) -> None:
    assert read(tmp_path) == {}
    (tmp_path / "models.csv").write_text("model,architecture\n")
    with pytest.raises(UserError, match=r"roles.csv: cannot be read"):
        read(tmp_path)
    (tmp_path / "roles.csv").write_text("model,answer_digits,layer\n")
    with pytest.raises(UserError, match="has no column head; explain again"):
        read(tmp_path)


def test_a_checkpoint_keeps_its_weights(tmp_path: Path, learned: Callable[[str], Learned]) -> None:
    opened = subjects.opened(subjects.Subject("mine", trained(tmp_path, "mixtral", learned)))
    explaining.explained(opened, seed=0)
    before = load_checkpoint(opened.loaded.path).model.state_dict()
    for name, tensor in opened.loaded.model.state_dict().items():
        assert tensor.equal(before[name])
