"""A training that begins with a checkpoint's weights: which it takes, and what it tells of them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from src.checkpoint import load_checkpoint, load_model, read_tensors, weights_hash
from src.common.checkpoint_files import find_checkpoint
from src.common.errors import UserError
from src.config import Params
from src.data.description import read_description
from src.data.lineage import data_of, trainings
from src.data.reading import read_splits
from src.data_gen import write
from src.huggingface.export import export
from src.huggingface.import_checkpoint import import_hf
from src.params import load_params
from src.train import main, train
from src.training.initial_weights import load_start
from src.training.run_dir import run_name

from ..conftest import ARCHITECTURES, tiny_params
from ..test_eval import checkpoint

OUTPUTS = ("best.ckpt", "last.ckpt")


def begun(path: Path, name: str = "llama2", **sections: Any) -> Params:
    """Parameters of a training that begins with that file; hardly any learning."""
    training = {
        "init_from": str(path),
        "max_steps": 2,
        "warmup_steps": 1,
        "val_check_interval": 2.0,
    }
    return tiny_params(name, training=training | sections.pop("training", {}), **sections)


def refused(params: Params, *outputs: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_start(params, outputs)
    return str(caught.value)


def data_of_subtraction(folder: Path) -> Path:
    write(tiny_params(data={"ops": "-"}).data, folder)
    return folder


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_training_begins_with_the_weights_and_tells_so(
    name: str, tmp_path: Path, data_dir: Path
) -> None:
    path = checkpoint(tmp_path, name)
    first = load_model(path)[0].state_dict()
    # So small a rate that the weights stay nearly the same.
    params = begun(path, name, training={"learning_rate": 1e-6})
    train(params, data_dir, tmp_path / "models", tmp_path / "metrics", tmp_path / "runs")
    best = read_tensors(tmp_path / "models" / "best.ckpt")
    for key, tensor in first.items():
        torch.testing.assert_close(best["state_dict"][f"model.{key}"], tensor, rtol=0, atol=1e-4)
    told = best["story"]
    assert told["data"] == read_description(data_dir) is not None
    assert told["init_from"] == {
        "file": f"{name}.ckpt",
        "sha256": weights_hash(first),
        "metrics": {"step": 0},
        "story": {"data": None, "init_from": None},
    }
    assert best["hyper_parameters"]["training"]["init_from"] == f"{name}.ckpt"
    # The copy of the configuration begins there too.
    copy = load_params(tmp_path / "models" / "config.yaml")
    assert copy.training.init_from == str(path)


def test_a_chain_is_told_with_the_data_of_each_training(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    data = data_of_subtraction(tmp_path / "data")
    for nth in ("one", "two"):
        folder = tmp_path / nth
        train(begun(path), data, folder / "models", folder / "metrics", folder / "runs")
        path = folder / "models" / "last.ckpt"
        data = tmp_path / "data"
        if nth == "one":
            (data / "config.yaml").unlink()
    newest, middle, oldest = trainings(load_checkpoint(path).story)
    assert newest["data"] is None
    assert middle["data"]["data"]["ops"] == "-"
    assert data_of(middle) == tiny_params(data={"ops": "-"}).data.to_plain()
    assert (newest["init_from"]["file"], middle["init_from"]["file"]) == (
        "last.ckpt",
        "llama2.ckpt",
    )
    assert newest["init_from"]["metrics"]["step"] == 2
    assert oldest == {"data": None, "init_from": None}


def test_bytes_do_not_depend_on_where_the_first_weights_lie(tmp_path: Path, data_dir: Path) -> None:
    found = []
    for place in (tmp_path / "here", tmp_path / "there" / "deeper"):
        place.mkdir(parents=True)
        params = begun(checkpoint(place))
        train(params, data_dir, place / "models", place / "metrics", place / "runs")
        found.append([(place / "models" / name).read_bytes() for name in OUTPUTS])
        (run,) = (path for path in (place / "runs").iterdir() if path.is_dir())
        found[-1].append(run.name.encode())
    assert found[0] == found[1]
    assert str(tmp_path).encode() not in b"".join(found[0])


def test_a_run_is_known_by_the_weights_it_begins_with(tmp_path: Path, data_dir: Path) -> None:
    path = checkpoint(tmp_path)
    params, splits = begun(path), read_splits(data_dir)

    def name() -> str:
        start = load_start(params, [])
        assert start
        return run_name(params, splits, start.sha256)

    before = name()
    assert name() == before != run_name(params, splits)
    checkpoint(tmp_path, init_std=0.1)  # of the same name
    assert name() != before


def test_an_imported_model_is_a_beginning(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "gpt2")
    export(path, tmp_path / "hf")
    import_hf(tmp_path / "hf", tmp_path / "back.ckpt")
    start = load_start(begun(tmp_path / "back.ckpt", "gpt2"), [])
    assert start
    assert start.sha256 == weights_hash(load_model(path)[0].state_dict())


@pytest.mark.parametrize(
    ("key", "theirs"),
    [("d_model", 64), ("n_layers", 1), ("rope_theta", 1e4), ("norm", "layernorm")],
)
def test_another_model_is_refused_by_its_key(key: str, theirs: Any, tmp_path: Path) -> None:
    path = checkpoint(tmp_path, **{key: theirs})
    ours = getattr(tiny_params().model_config_in_use, key)
    assert refused(begun(path)) == (
        f"training.init_from: {path}: has {key} = {theirs}, the configuration {key} = {ours}"
    )


def test_what_the_weights_do_not_depend_on_may_differ(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, dropout=0.3, n_experts=8, max_seq_len=16)
    assert load_start(begun(path, models={"max_seq_len": 40}), [])
    # Learned positions are weights.
    path = checkpoint(tmp_path, "gpt2", max_seq_len=16, rope_theta=3.0)
    assert "has max_seq_len = 16, the configuration max_seq_len = 24" in refused(
        begun(path, "gpt2")
    )
    path = checkpoint(tmp_path, "mixtral", top_k=1)
    assert "has name = mixtral, the configuration name = llama2" in refused(begun(path))
    assert "has top_k = 1, the configuration top_k = 2" in refused(begun(path, "mixtral"))
    path = checkpoint(tmp_path, "mixtral", router_bias_rate=0.01)
    assert "has router_bias_rate = 0.01, the configuration" in refused(begun(path, "mixtral"))


def test_what_is_not_there_or_would_be_overwritten_is_one_line(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkpoint(tmp_path)
    missing = tmp_path / "nothing.ckpt"
    assert refused(begun(missing)).startswith(f"training.init_from: {missing}: no such file")
    (tmp_path / "models").mkdir()
    best = path.rename(tmp_path / "models" / "best.ckpt")
    (tmp_path / "link").symlink_to("models")
    for named in (best, best.parent, tmp_path / "link" / "best.ckpt"):
        assert "best.ckpt: this training would overwrite it" in refused(begun(named), best)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"training.init_from: x.ckpt: no such file"):
        main(["--data_dir", str(data_dir), "--init_from", "x.ckpt"])
    assert load_start(tiny_params(), [best]) is None


def test_a_folder_stands_for_its_best_or_newest_checkpoint(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path / "a.ckpt") == tmp_path / "a.ckpt"
    with pytest.raises(UserError, match=r"no best.ckpt in it, and no state of a running training"):
        find_checkpoint(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    for name in (
        "progress-000000090-0123456789abcdef.ckpt",
        "progress-000000100-0123456789abcdef.ckpt",
        "progress-000000900-0123456789abcdef.damaged",
        ".progress.7.tmp",
        "checkpoints/step=95.ckpt",
        "checkpoints/step=20.ckpt",
    ):
        (tmp_path / name).touch()
    assert find_checkpoint(tmp_path).name == "progress-000000100-0123456789abcdef.ckpt"
    assert find_checkpoint(tmp_path / "checkpoints").name == "step=95.ckpt"
    (tmp_path / "checkpoints" / "step=110.ckpt").touch()
    assert find_checkpoint(tmp_path).name == "step=110.ckpt"
    (tmp_path / "best.ckpt").touch()
    assert find_checkpoint(tmp_path).name == "best.ckpt"
