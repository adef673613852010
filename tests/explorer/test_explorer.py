"""The command writes one page, of the same bytes for the same models, or says in a line why not."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src.checkpoint import load_model
from src.common.errors import UserError
from src.explorer.__main__ import main
from src.explorer.runs import runs_of

from .models import checkpoint


def carried(page: Path) -> dict[str, Any]:
    """What the page knows of its models."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    assert found
    return dict(json.loads(found[1]))


def test_the_page_carries_the_weights_in_16_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint(tmp_path / "mine.ckpt", "mixtral", data={"format": "padded"})
    out = tmp_path / "page.html"
    main(["--ckpt", str(path), "--out", str(out)])
    size = out.stat().st_size / 1e6
    assert capsys.readouterr().out == f"{out}  {size:.1f} MB  {path}\n"
    (about,) = carried(out)["models"]
    (weights,) = about["weights"]
    assert weights["step"] == 30
    assert about["format"]["name"] == "padded"
    assert about["format"]["operand_width"] == 2
    found = re.search(rf'id="{weights["id"]}">([^<]*)<', out.read_text())
    assert found
    numbers = np.frombuffer(base64.b64decode(found[1]), "<f2")
    model, _ = load_model(path)
    at = 0
    for name, shape in about["tensors"]:
        size = int(np.prod(shape))
        carried_tensor = torch.from_numpy(numbers[at : at + size].reshape(shape).copy())
        assert torch.equal(carried_tensor, model.state_dict()[name].half())
        at += size
    # Tied to the embeddings, the head is not carried twice.
    assert at == len(numbers) == model.num_parameters()


def test_the_same_models_give_the_same_bytes(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "a.ckpt", "llama2")
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in pages:
        main(["--ckpt", str(path), "--out", str(page)])
    assert pages[0].read_bytes() == pages[1].read_bytes()
    # It may be replaced by itself.
    main(["--ckpt", str(path), "--out", str(pages[0])])


def test_nothing_in_the_page_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    main(["--ckpt", str(checkpoint(tmp_path / "a.ckpt", "gpt2")), "--out", str(out)])
    text = out.read_text()
    assert "default-src &#39;none&#39;" in text
    assert set(re.findall(r"https?://[^\"' ]*", text)) == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r'(?:src|href)="([^"]*)"', text)) == {"data:,"}


def test_weights_of_the_way_are_found_beside_and_in_their_order(tmp_path: Path) -> None:
    checkpoint(tmp_path / "best.ckpt", "gpt2", seed=9)
    for step in (0, 1000, 200):
        checkpoint(tmp_path / f"snapshot-{step}.ckpt", "gpt2", seed=step)
    for named in (tmp_path, tmp_path / "best.ckpt"):
        ((run,), _) = runs_of([named], [])
        assert list(run.snapshots) == [0, 200, 1000]
    main(["--ckpt", str(tmp_path), "--out", str(tmp_path / "page.html")])
    (about,) = carried(tmp_path / "page.html")["models"]
    assert [each["step"] for each in about["weights"]] == [0, 200, 1000, 30]
    assert len({each["id"] for each in about["weights"]}) == 4


def refused(words: list[str]) -> str:
    with pytest.raises(UserError) as caught:
        main(words)
    return str(caught.value)


def test_what_cannot_be_shown_is_a_line_and_no_page(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    good = checkpoint(tmp_path / "good" / "best.ckpt", "gpt2")
    words = ["--ckpt", str(good), "--out", str(out)]
    assert "no such file" in refused(["--ckpt", str(tmp_path / "none.ckpt"), *words])
    (tmp_path / "damaged.ckpt").write_bytes(good.read_bytes()[:-9])
    assert "damaged.ckpt" in refused(["--ckpt", str(tmp_path / "damaged.ckpt"), *words])
    large = checkpoint(tmp_path / "large.ckpt", "llama2", init_std=1e5)
    assert "do not fit in 16 bits" in refused(["--ckpt", str(large), *words])
    assert "not allowed with" in refused([*words, "--rev", "HEAD"])
    other = checkpoint(tmp_path / "good" / "snapshot-0.ckpt", "gpt2", d_ff=16)
    assert f"{other}: has another architecture" in refused(words)
    assert not out.exists()


def test_a_file_of_another_origin_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    out.write_text("<title>My page</title>")
    said = refused(["--ckpt", str(tmp_path), "--out", str(out)])
    assert said == f"{out}: was not written by this command; name another file"
    assert out.read_text() == "<title>My page</title>"
