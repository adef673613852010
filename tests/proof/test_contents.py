"""The entries of a checkpoint are typed: anything else is refused with key, value and rule."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from src.checkpoint import load_checkpoint, save_checkpoint
from src.common.errors import UserError
from src.common.findings import finding
from src.models import build_model
from src.proof.contents import Contents

from ..conftest import tiny_params

DATA = {"data": tiny_params().data.to_plain(), "sha256": {"train": "ab"}}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a checkpoint holds."""
    path, params = tmp_path_factory.mktemp("saved") / "best.ckpt", tiny_params()
    weights = build_model(params.model_config_in_use).state_dict()
    named = {f"model.{name}": tensor for name, tensor in weights.items()}
    first = {"file": "a.ckpt", "sha256": "12", "metrics": {"step": 3}, "story": {"data": DATA}}
    save_checkpoint(
        path, named, params, {"step": 3, "loss": 0.5}, {"data": DATA, "init_from": first}
    )
    read: dict[str, Any] = torch.load(path, weights_only=True)
    return read


def changed(content: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """A copy in which a dotted key has another value."""
    first, _, rest = key.partition(".")
    return {**content, first: changed(content[first], rest, value) if rest else value}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("metrics", None, "metrics = None: must be a valid dictionary"),
        ("metrics.loss", "0.5", "metrics.loss = '0.5': must be a finite number"),
        ("metrics.loss", float("nan"), "metrics.loss = nan: must be a finite number"),
        ("metrics.step", 10**400, "metrics.step = 1000"),
        ("metrics.step", True, "metrics.step = True: must be a finite number"),
        ("metrics.loss", torch.zeros(()), r"metrics.loss = tensor\(0.\): must be a finite number"),
        ("hyper_parameters", [], r"hyper_parameters = \[\]: must be"),
        ("hyper_parameters.model.d_model", 33, "d_model = 33: must be divisible by n_heads = 2"),
        ("hyper_parameters.training", {}, "hyper_parameters.training.batch_size: missing"),
        ("hyper_parameters.training.seed", "x", "training.seed = 'x': must be a valid integer"),
        ("vocabulary", [1], "vocabulary.0 = 1: must be a valid string"),
        ("story", "?", r"story = '\?': must be"),
        ("story.data.data.N", 1, "story.data.data.N = 1: must be greater than or equal to 2"),
        ("story.data.data", {"N": 2}, "story.data.data.A: missing"),
        ("story.data.data", [], r"story.data.data = \[\]: must be"),
        ("story.data.sha256", 7, "story.data.sha256 = 7: must be a valid dictionary"),
        ("story.data.sha256.train", "`x`", "story.data.sha256.train = '`x`': String should match"),
        ("story.init_from", 3, "story.init_from = 3: must be"),
        (
            "story.init_from.file",
            "a\x1b[2J",
            r"story.init_from.file = 'a\\x1b\[2J': must be printable",
        ),
        (
            "story.init_from.story.data.data.ops",
            "^",
            r"init_from.story.data.data.ops = '\^': must be",
        ),
    ],
)
def test_odd_contents_are_refused_by_key(
    key: str, value: object, said: str, content: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "x.ckpt"
    torch.save(changed(content, key, value), path)
    with pytest.raises(UserError, match=f"x.ckpt: not a checkpoint of this program: .*{said}"):
        load_checkpoint(path)


def test_a_story_without_end_is_refused(content: dict[str, Any]) -> None:
    story: dict[str, Any] = {}
    for _ in range(10**4):
        story = {"init_from": {"file": "a", "sha256": "12", "metrics": {}, "story": story}}
    with pytest.raises(ValidationError) as refused:
        Contents.model_validate(content | {"story": story})
    assert len(finding(refused.value).split(" = ")[1]) < 400


def test_other_weights_than_those_that_were_written_are_refused(
    content: dict[str, Any], tmp_path: Path
) -> None:
    path, name = tmp_path / "x.ckpt", "model.norm.weight"
    weights = content["state_dict"]
    torch.save(content | {"state_dict": weights | {name: weights[name] + 1e-6}}, path)
    with pytest.raises(UserError, match=r"x.ckpt: its weights are not those that it was written"):
        load_checkpoint(path)
    # Who averages weights, say, removes the hash.
    others = {key: value for key, value in content.items() if key != "sha256"}
    torch.save(others | {"state_dict": weights | {name: weights[name] + 1e-6}}, path)
    load_checkpoint(path)
