"""The picture shows what attention really weighs."""

import re
import struct
from pathlib import Path

import pytest
import torch

from src import predict
from src.common.errors import UserError
from src.data.formats import PLAIN
from src.eval import main
from src.generation import generate_answers
from src.inspection.attention_map import attention, draw
from src.models import build_model
from src.tokenizer import BOS, CharTokenizer

from ..conftest import ARCHITECTURES, tiny_model, tiny_params
from ..huggingface.test_export import decisive
from ..test_eval import checkpoint


@pytest.mark.parametrize("positions", ["sequential", "coupled"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_token_spreads_its_attention_over_itself_and_those_before(
    name: str, positions: str
) -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model(name, init_std=0.2, positions=positions)).eval()
    answer, table = attention(model, "54+46=", PLAIN)
    assert answer == generate_answers(model, ["54+46="])[0]
    T = len(CharTokenizer().encode(f"{BOS}54+46={answer}"))
    assert len(table) == 2 * 2 * T * (T + 1) // 2
    assert (table["key"] <= table["query"]).all()
    sums = table.groupby(["layer", "head", "query"])["weight"].sum()
    assert sums.to_numpy() == pytest.approx(1, abs=1e-5)
    # From the last token of the prompt on, what each token says is the answer.
    said = table.drop_duplicates("query").set_index("query")["said"].tolist()
    assert "".join(said[6:-1]) == answer
    assert model(torch.tensor([[1, 4]])).shape == (1, 2, 18)  # its hooks are gone


def test_the_command_draws_a_png(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint(tmp_path, "gpt2")
    monkeypatch.setattr("src.eval.ATTENTION", tmp_path / "attention.png")
    main(["--ckpt", str(path), "--inspect", "1+2="])
    line, picture = capsys.readouterr().out.splitlines()
    assert re.match(r"1\+2=\S*  wrong, 3  ", line)
    assert picture == f"attention: {tmp_path / 'attention.png'}"
    data = (tmp_path / "attention.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert min(width, height) > 300


def test_the_command_says_what_predict_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("src.eval.ATTENTION", tmp_path / "attention.png")
    data = tiny_params().data.model_dump()
    story = {"data": {"data": data, "sha256": {}}, "init_from": None}
    path = decisive(tmp_path, "llama2", story)
    for prompt, verdict in (("12+34=", "right"), ("7*8=", "wrong, 56 (trained on + only)")):
        main(["--ckpt", str(path), "--inspect", prompt])
        line, _ = capsys.readouterr().out.splitlines()
        assert line.startswith(f"{prompt}46  {verdict}  4 100.00% (")
        predict.main([prompt, "--ckpt", str(path)])
        assert capsys.readouterr().out == f"{line}\n"
    (tmp_path / "attention.png").unlink()
    with pytest.raises(UserError, match="7/2=: 7/2 has no whole result"):
        main(["--ckpt", str(path), "--inspect", "7/2="])
    assert not (tmp_path / "attention.png").exists()


def test_a_picture_of_more_tokens_is_larger(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model()).eval()
    sizes = []
    for prompt in ("1+2=", "123+456="):
        answer, table = attention(model, prompt, PLAIN)
        rows = table[table["query"] < len(prompt)]
        draw(prompt, "", rows, "title", tmp_path / "picture.png")
        sizes.append(struct.unpack(">II", (tmp_path / "picture.png").read_bytes()[16:24]))
        assert answer is not None
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("prompt", ["1+2", "one+two=", "=", "", "1+2=3", "1++2="])
def test_what_is_no_problem_is_refused(prompt: str) -> None:
    with pytest.raises(UserError, match=r"must be of the form 554\+456="):
        attention(build_model(tiny_model()), prompt, PLAIN)


def test_a_problem_that_leaves_no_room_for_an_answer_is_refused() -> None:
    with pytest.raises(UserError, match=r"24 tokens.*max_seq_len = 24"):
        attention(build_model(tiny_model()), "1+" * 10 + "11=", PLAIN)
