"""Which weights of a training are graded: each choice gives what its file gives by itself."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from src.checkpoint import save_checkpoint
from src.common.errors import UserError
from src.common.files import METRICS_DIR
from src.data.reading import read_records
from src.data_gen import write
from src.eval import evaluate, main
from src.models import TransformerLM, build_model

from ..conftest import tiny_params
from ..test_loss import half_trained

LONG = {"max_seq_len": 64}
DATA = {"B": 9, "n_samples": 90, "test_fraction": 0.4}


def params_of(written: str, **evaluation: Any) -> Any:
    data = {"format": written, **DATA}
    models = {"init_std": 0.1, **LONG}
    return tiny_params(data=data, models=models, evaluation=evaluation)


def save(model: TransformerLM, path: Path, step: int) -> None:
    weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    save_checkpoint(path, weights, params_of("plain"), {"step": float(step)})


@pytest.fixture(scope="module", params=["reverse", "scratchpad"])
def training(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/ and data/ of a training whose last but one checkpoint knows the test split best."""
    folder = tmp_path_factory.mktemp(request.param)
    write(params_of(request.param).data, folder / "data")
    records = list(read_records(folder / "data" / "test.jsonl"))
    models = folder / "models"
    models.mkdir()
    torch.manual_seed(1)
    save(build_model(params_of(request.param).model_config_in_use), models / "best.ckpt", 10)
    for name, step, low, high in (
        ("best-2", 20, 0.2, 0.5),
        ("best-10", 30, 0.6, 0.9),
        ("last", 40, 0.2, 0.5),
    ):
        # The last one of other weights than the one that is as good.
        shown = records if name != "last" else records[::-1]
        save(half_trained("llama2", shown, low, high, **LONG), models / f"{name}.ckpt", step)
    return folder


def graded(training: Path, checkpoint: str, out: Path, **evaluation: Any) -> dict[str, Any]:
    written = training.name.rstrip("0123456789")
    return evaluate(params_of(written, **evaluation), training / checkpoint, training / "data", out)


def test_last_grades_the_last_weights(
    training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = graded(training, "models/last.ckpt", tmp_path / "alone")
    chosen = graded(training, "models", tmp_path / "chosen", weights="last")
    assert chosen == alone | {"weights": "last"}
    assert 0 < alone["wrong"] < alone["problems"]
    assert "weights graded: last, not chosen by validation loss" in capsys.readouterr().out
    assert (tmp_path / "chosen/errors.csv").read_bytes() == (
        tmp_path / "alone/errors.csv"
    ).read_bytes()


def test_both_adds_figures_of_the_last_weights(
    training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lengths = {"lengths": 2, "length_problems": 20}
    best = graded(training, "models", tmp_path / "best", **lengths)
    last = graded(training, "models/last.ckpt", tmp_path / "last", **lengths)
    both = graded(training, "models", tmp_path / "both", weights="both", **lengths)
    names = ("exact_match", "wrong", "exact_match_lengths")
    assert both == best | {f"last_{name}": last[name] for name in names}
    assert last["wrong"] != best["wrong"]
    assert f"last weights: {last['exact_match']:.2%} right\n" in capsys.readouterr().out


def test_where_the_best_weights_are_the_last_they_are_graded_once(
    training: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    for name in ("best", "last"):
        content = (training / "models" / "best-2.ckpt").read_bytes()
        (tmp_path / "models" / f"{name}.ckpt").write_bytes(content)
    monkeypatch.setattr("src.evaluation.weights.grade", None)
    written = training.name.rstrip("0123456789")
    both = evaluate(
        params_of(written, weights="both"), tmp_path / "models", training / "data", tmp_path / "out"
    )
    assert both["last_exact_match"] == both["exact_match"]
    assert both["last_wrong"] == both["wrong"]


def test_best_on_test_is_the_checkpoint_with_most_right_answers(
    training: Path, tmp_path: Path
) -> None:
    each = {
        name: graded(training, f"models/{name}.ckpt", tmp_path / name)["wrong"]
        for name in ("best", "best-2", "best-10", "last")
    }
    assert min(each, key=lambda name: each[name]) == "best-10"
    alone = graded(training, "models/best-10.ckpt", tmp_path / "alone")
    chosen = graded(training, "models", tmp_path / "chosen", weights="best_on_test")
    assert chosen == alone | {"weights": "best_on_test", "chosen_step": 30}


def test_a_file_that_is_named_is_graded_itself(training: Path, tmp_path: Path) -> None:
    best = graded(training, "models/best.ckpt", tmp_path / "best")
    for weights in ("last", "both", "best_on_test"):
        assert graded(training, "models/best.ckpt", tmp_path / "one", weights=weights) == best


def test_a_folder_without_the_last_weights_is_refused(training: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(UserError, match=r"models/last\.ckpt: no such file"):
        evaluate(
            params_of("plain", weights="last"),
            tmp_path / "models",
            training / "data",
            tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


def test_the_stage_takes_the_pipelines_models(
    training: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(training / "models")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "arithmetic").symlink_to(training / "data")
    written = training.name.rstrip("0123456789")
    params = params_of(written, weights="last")
    monkeypatch.setattr("src.eval.load_params", lambda path: params)
    main([])
    metrics = json.loads((METRICS_DIR / "eval.json").read_text())
    expected = graded(training, "models/last.ckpt", tmp_path / "alone")
    assert metrics == expected | {"weights": "last"}
