"""A data folder says what it was drawn from, as long as that is true."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.common.errors import UserError
from src.config import DataConfig
from src.data.description import (
    UNDESCRIBED,
    Convention,
    check_drawn,
    convention_of,
    read_convention,
    read_description,
    write_description,
)
from src.data.formats import PLAIN
from src.data.records import SPLITS, Record
from src.params import load_params

from ..conftest import write_records

DATA = load_params().data


STANDARD = Convention(PLAIN, "standard")


def described(folder: Path, source: DataConfig | Convention) -> dict[str, Any]:
    """Three splits of a problem each, with their description; what that must hold."""
    digests = {}
    for number, split in enumerate(SPLITS):
        path = folder / f"{split}.jsonl"
        write_records(path, [Record(f"{number}+1=", str(number + 1))])
        digests[split] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_description(folder, source)
    told: dict[str, Any]
    if isinstance(source, Convention):
        told = {"data": None, "precedence": source.precedence, "format": "plain"}
    else:
        # As every folder of before there was a choice of formats, or a modulus.
        later = {"format": "plain", "modulus": 0, "carry_mix": 0.0, "both_orders": False}
        later |= {"length_exponent": 0.0, "length_mix": []}
        told = {"data": {k: v for k, v in source.model_dump().items() if later.get(k) != v}}
    return {**told, "sha256": digests}


@pytest.mark.parametrize(
    "source",
    [
        DATA,
        DATA.model_copy(update={"ops": "*", "seed": 7}),
        DATA.model_copy(update={"modulus": 97}),
        DATA.model_copy(update={"length_mix": [0.01, 0.09], "length_balance": 0.0}),
        STANDARD,
        UNDESCRIBED,
    ],
)
def test_a_description_says_what_was_written(
    source: DataConfig | Convention, tmp_path: Path
) -> None:
    expected = described(tmp_path, source)
    assert read_description(tmp_path) == expected
    # Other programs read it without this code.
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == expected


@pytest.mark.parametrize(
    ("told", "convention"),
    [
        ({"data": {"precedence": "standard"}}, STANDARD),
        ({"data": {"precedence": "standard", "format": "plain"}}, STANDARD),
        ({"data": None, "precedence": "standard", "format": "plain"}, STANDARD),
        ({"data": {"precedence": "standard", "modulus": 97}}, STANDARD._replace(modulus=97)),
        ({"data": {"precedence": "standard", "modulus": -97}}, None),
        ({"data": {"precedence": "standard", "modulus": 97.0}}, None),
        ({"data": {"precedence": "standard", "modulus": True}}, None),
        # Of before importing wrote it.
        ({"data": None}, None),
        ({"data": {"precedence": "standard", "format": "roman"}}, None),
        ({"data": {"precedence": "standard", "format": ["plain"]}}, None),
        ({"data": {"precedence": []}}, None),
        ({"data": 3}, None),
        (None, None),
    ],
)
def test_how_problems_are_written_is_told_or_not_known(
    told: object, convention: Convention | None, tmp_path: Path
) -> None:
    assert convention_of(told) == convention
    if isinstance(told, dict):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({**told, "sha256": {}}))
    assert read_convention(tmp_path) == (convention or UNDESCRIBED)
    assert read_convention(tmp_path / "nowhere") == UNDESCRIBED


def test_imported_data_of_older_versions_is_described_as_they_did(tmp_path: Path) -> None:
    expected = described(tmp_path, UNDESCRIBED)
    older = {"data": None, "sha256": expected["sha256"]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(older))
    assert read_description(tmp_path) == older


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_that_changed_is_no_longer_described(split: str, tmp_path: Path) -> None:
    described(tmp_path, DATA)
    path = tmp_path / f"{split}.jsonl"
    content = path.read_bytes()
    path.write_bytes(content + content)
    assert read_description(tmp_path) is None
    path.unlink()
    assert read_description(tmp_path) is None
    path.write_bytes(content)
    assert read_description(tmp_path) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model: x",
        "data: {N: 2}\nsha256: {}",
        "!!python/none",
        "[",
        "\x00",
        "data: 1\nsha256: {}",
    ],
)
def test_what_describes_nothing_is_no_description(text: str, tmp_path: Path) -> None:
    assert read_description(tmp_path) is None
    (tmp_path / "config.yaml").write_text(text)
    assert read_description(tmp_path) is None


def test_keys_that_are_unknown_here_make_no_description_but_may_be_replaced(
    tmp_path: Path,
) -> None:
    expected = described(tmp_path, DATA)
    newer = {**expected, "data": {**expected["data"], "base": 16}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(newer))
    assert read_description(tmp_path) is None
    write_description(tmp_path, DATA)
    assert read_description(tmp_path) == expected


def test_another_config_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model: {name: llama2}\n")
    with pytest.raises(UserError, match=r"config\.yaml: describes no data"):
        described(tmp_path, DATA)
    assert path.read_text() == "model: {name: llama2}\n"


def test_only_splits_that_were_drawn_are_replaced(tmp_path: Path) -> None:
    check_drawn(tmp_path, ["train.jsonl"])
    (tmp_path / "train.jsonl").write_text("mine")
    check_drawn(tmp_path, ["test.jsonl"])
    with pytest.raises(UserError, match=r"train\.jsonl: was not written by this command"):
        check_drawn(tmp_path, ["train.jsonl"])
    write_description(tmp_path, UNDESCRIBED)
    with pytest.raises(UserError, match=r"train\.jsonl: was not written by this command"):
        check_drawn(tmp_path, ["train.jsonl"])
    write_description(tmp_path, DATA)
    check_drawn(tmp_path, ["train.jsonl"])
