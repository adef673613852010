"""Checkpoints: the same bytes anywhere, and nothing in them is executed."""

import os
import pickle
import shutil
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from src.checkpoint import (
    load_checkpoint,
    load_model,
    read_tensors,
    save_checkpoint,
    weights_hash,
)
from src.common.errors import UserError
from src.data.reading import read_splits
from src.dataset import ArithmeticDataset
from src.lightning_module import LitLM, initial_module
from src.training import fit
from src.training.distributed import this_process
from src.training.run_dir import save_progress

from .conftest import ARCHITECTURES, tiny_params


def saved(path: Path, name: str = "llama2", **model: Any) -> LitLM:
    params = tiny_params(name, models=model)
    torch.manual_seed(0)
    lit = LitLM(params.model_config_in_use.to_plain(), params.training.to_plain())
    save_checkpoint(path, lit.state_dict(), params, {"step": 3, "loss": 0.5})
    return lit.eval()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_lightning_torch_and_we_read_the_same_weights(name: str, tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    lit = saved(path, name)
    model, config = load_model(path)
    assert config == lit.model_config
    assert not model.training
    input_ids = torch.arange(3, 15)[None]
    with torch.no_grad():
        expected = lit(input_ids)
        assert torch.equal(model(input_ids), expected)
        assert torch.equal(LitLM.load_from_checkpoint(path).eval()(input_ids), expected)
    content = torch.load(path, weights_only=True)
    assert content["metrics"] == {"step": 3, "loss": 0.5}


def test_a_key_at_its_default_is_left_out(tmp_path: Path) -> None:
    for positions in ("sequential", "abacus"):
        path = tmp_path / f"{positions}.ckpt"
        saved(path, positions=positions)
        kept = torch.load(path, weights_only=True)["hyper_parameters"]["model"]
        assert kept.get("positions") == (None if positions == "sequential" else positions)
        assert load_model(path)[1].positions == positions
        assert LitLM.load_from_checkpoint(path).model_config.positions == positions


def test_bytes_do_not_depend_on_folder_or_name(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    saved(tmp_path / "best.ckpt")
    saved(tmp_path / "elsewhere" / "last.ckpt")
    one = (tmp_path / "best.ckpt").read_bytes()
    assert one == (tmp_path / "elsewhere" / "last.ckpt").read_bytes()
    assert str(tmp_path).encode() not in one


def fitted(folder: Path, data_dir: Path, name: str, story: dict[str, Any]) -> LitLM:
    """What a training of 20 steps leaves in its folder while it runs; its last weights."""
    params = tiny_params(name, training={"max_steps": 20})
    splits = read_splits(data_dir)
    data = {split: ArithmeticDataset(splits[split]) for split in ("train", "val")}
    fitted = fit.fit(
        params, data, folder, this_process(params.runtime), initial_module(params), story=story
    )
    lit = LitLM(params.model_config_in_use.to_plain(), params.training.to_plain())
    lit.load_state_dict(fitted.last_weights)
    return lit.eval()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_states_of_a_running_training_are_read(
    name: str, tmp_path: Path, data_dir: Path
) -> None:
    story = {"data": {"data": None, "sha256": {"train": "ab"}}, "init_from": None}
    tmp_path.joinpath("run").mkdir()
    lit = fitted(tmp_path / "run", data_dir, name, story)
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.path.name == "step=20.ckpt"
    assert loaded.metrics.keys() >= {"step", "loss", "exact_match"}
    input_ids = torch.arange(3, 15)[None]
    with torch.no_grad():
        assert torch.equal(loaded.model(input_ids), lit(input_ids))
    (state,) = tmp_path.glob("run/progress-*10-*.ckpt")
    for path in (state, loaded.path):
        loaded = load_checkpoint(path)
        assert loaded.metrics["step"] == (10 if path == state else 20)
        assert loaded.story == story


def test_a_state_that_a_training_replaces_meanwhile_is_read(tmp_path: Path) -> None:
    lit = saved(tmp_path / "state.ckpt")
    steps: list[int] = []
    run, ended = tmp_path / "run", threading.Event()
    run.mkdir()
    state = (tmp_path / "state.ckpt").read_bytes()

    def write(path: Path) -> None:
        path.write_bytes(state)

    def save() -> None:
        save_progress(run, len(steps) + 1, write)
        steps.append(len(steps) + 1)

    def keep_saving() -> None:
        while not ended.is_set():
            save()

    save()
    training = threading.Thread(target=keep_saving)
    training.start()
    try:
        loads = 0
        while loads < 20 or len(steps) < 20:
            assert training.is_alive()
            model, _ = load_model(run)
            assert torch.equal(model.lm_head.weight, lit.model.lm_head.weight)
            loads += 1
    finally:
        ended.set()
        training.join()
    with pytest.raises(UserError, match=r"run/gone.ckpt: no such file"):
        load_model(run / "gone.ckpt")


class Payload:
    """Would leave a file behind if anything unpickled it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_a_pickled_payload_is_refused_and_does_not_run(tmp_path: Path) -> None:
    trace, path = tmp_path / "executed", tmp_path / "evil.ckpt"
    torch.save({"state_dict": Payload(trace)}, path)
    with pytest.raises(UserError, match=r"evil.ckpt: refused: .*more than tensors"):
        load_model(path)
    assert not trace.exists()
    # The payload is real: with weights_only=False it runs.
    torch.load(path, weights_only=False)
    assert trace.exists()


def test_what_is_no_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with pytest.raises(UserError, match=r"x.ckpt: no such file"):
        load_model(path)
    path.write_text("model: llama2\n")
    with pytest.raises(UserError, match=r"x.ckpt"):
        load_model(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"x.ckpt"):
        load_model(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(UserError, match=r"x.ckpt"):
        load_model(path)
    torch.save([torch.zeros(2)], path)
    with pytest.raises(UserError, match=r"x.ckpt: not a checkpoint of this program"):
        load_model(path)


def test_what_torch_warns_of_is_refused_without_its_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with warnings.catch_warnings():
        # Everywhere else in tests, warnings are errors.
        warnings.simplefilter("ignore")
        odd = torch.quantize_per_tensor(torch.zeros(2), 1, 0, torch.qint8)
        torch.save({"state_dict": odd}, path)
    with pytest.raises(UserError, match=r"x.ckpt: not a checkpoint of this program"):
        load_model(path)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "whole.ckpt")
    whole, path = (tmp_path / "whole.ckpt").read_bytes(), tmp_path / "part.ckpt"
    for share in (0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match=r"part.ckpt"):
            load_model(path)


def test_another_vocabulary_or_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    saved(path)
    content = torch.load(path, weights_only=True)
    torch.save(content | {"vocabulary": ["a", "b"]}, path)
    with pytest.raises(UserError, match=r"another vocabulary: \['a', 'b'\]"):
        load_model(path)
    content["hyper_parameters"]["model"]["d_ff"] = 40
    torch.save(content, path)
    with pytest.raises(UserError, match=r"the weights do not fit the configuration"):
        load_model(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "best.ckpt"
    saved(path)
    before = path.read_bytes()
    shutil.copy(path, tmp_path / "kept.ckpt")
    params = tiny_params()
    with pytest.raises(AttributeError):
        save_checkpoint(path, {"model.x": "no tensor"}, params, {})  # type: ignore[dict-item]
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["best.ckpt"]


def test_a_checkpoint_tells_where_its_weights_come_from(tmp_path: Path) -> None:
    path, params = tmp_path / "best.ckpt", tiny_params()
    weights = saved(path).state_dict()
    assert load_checkpoint(path).story == {"data": None, "init_from": None}
    data = {"data": params.data.to_plain(), "sha256": {"train": "ab"}}
    first = {"file": "a.ckpt", "sha256": "12", "metrics": {"step": 3}}
    told = {"data": data, "init_from": None}
    chain = {"data": None, "init_from": {**first, "story": told}}
    save_checkpoint(path, weights, params, {}, chain)
    assert load_checkpoint(path).story == chain
    # Files of before have none.
    content = torch.load(path, weights_only=True)
    del content["story"], content["sha256"]
    torch.save(content, path)
    assert load_checkpoint(path).story == {}


def test_the_hash_of_weights_is_of_values_and_shapes(tmp_path: Path) -> None:
    saved(tmp_path / "one.ckpt")
    weights = read_tensors(tmp_path / "one.ckpt")["state_dict"]
    known = weights_hash(weights)
    assert weights_hash(dict(reversed(weights.items()))) == known
    name = "model.blocks.0.attention.qkv.weight"
    changed = weights | {name: weights[name].clone()}
    assert weights_hash(changed) == known
    changed[name][0, 0] += 1e-3
    assert weights_hash(changed) != known
    assert weights_hash(weights | {name: weights[name].t()}) != known
    assert weights_hash(weights | {name: weights[name].bfloat16()}) != known
