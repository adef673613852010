"""What is no causal language model, or has no tokenizer, is told in one line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.common.errors import UserError
from src.evaluation.other_opening import open_other

from .others import save, tokenizer, untrained


def gpt2(folder: Path) -> Path:
    return save(folder, untrained("gpt2", "GPT2LMHeadModel"), tokenizer())


def config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def missing(folder: Path) -> None:
    pass


def without_config(folder: Path) -> None:
    gpt2(folder)
    (folder / "config.json").unlink()


def without_weights(folder: Path) -> None:
    gpt2(folder)
    (folder / "model.safetensors").unlink()


def with_cut_weights(folder: Path) -> None:
    gpt2(folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def of_another_size(folder: Path) -> None:
    gpt2(folder)
    config(folder, n_embd=64)


def of_no_known_kind(folder: Path) -> None:
    gpt2(folder)
    config(folder, model_type="nothing")


def without_a_tokenizer(folder: Path) -> None:
    # transformers opens one that reads nothing.
    save(folder, untrained("gpt2", "GPT2LMHeadModel"), None)


def without_any_tokenizer(folder: Path) -> None:
    save(folder, untrained("llama", "LlamaForCausalLM"), None)


def without_a_head(folder: Path) -> None:
    save(folder, untrained("llama", "LlamaModel"), tokenizer())


def with_an_encoder(folder: Path) -> None:
    save(folder, untrained("t5", "T5ForConditionalGeneration"), tokenizer())


def that_looks_ahead(folder: Path) -> None:
    save(folder, untrained("bert", "BertForMaskedLM"), tokenizer())


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (missing, "no such folder"),
        (without_config, "no config.json in it, as transformers' save_pretrained writes"),
        (without_weights, "no causal language model that transformers opens: Error no file named"),
        (with_cut_weights, "no causal language model that transformers opens: "),
        (
            of_another_size,
            "no causal language model in it: transformer.h.0.attn.c_attn.bias is ",
        ),
        (of_no_known_kind, "no causal language model that transformers opens: "),
        (without_a_tokenizer, "no tokenizer in it that reads digits"),
        (without_any_tokenizer, "no tokenizer that transformers opens: "),
        (without_a_head, "no causal language model in it: lm_head.weight is missing"),
        (with_an_encoder, "no causal language model that transformers opens: Unrecognized"),
        (that_looks_ahead, "a bert that reads what comes later is no causal model"),
    ],
)
def test_what_cannot_be_graded_is_one_line(
    made: Callable[[Path], None], reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "hf"
    made(folder)
    capfd.readouterr()
    with pytest.raises(UserError) as caught:
        open_other(folder, "{prompt}", "cpu")
    assert str(caught.value).startswith(f"{folder}: {reason}")
    assert "\n" not in str(caught.value)
    # Neither a bar nor a report of its own.
    assert capfd.readouterr() == ("", "")


def test_code_in_the_folder_is_not_run(tmp_path: Path) -> None:
    folder = gpt2(tmp_path / "hf")
    ran = tmp_path / "ran"
    for name in ("modeling_mine.py", "configuration_mine.py"):
        (folder / name).write_text(f"open({str(ran)!r}, 'w')\n")
    own = {"AutoConfig": "configuration_mine.Mine", "AutoModelForCausalLM": "modeling_mine.Mine"}
    config(folder, model_type="mine", auto_map=own)
    with pytest.raises(UserError, match="transformers opens"):
        open_other(folder, "{prompt}", "cpu")
    assert not ran.exists()


def test_without_transformers_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = gpt2(tmp_path / "hf")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"^transformers is not installed: pip install -r req"):
        open_other(folder, "{prompt}", "cpu")


@pytest.mark.parametrize("template", ["", "Q:", "{prompt} or {prompt}", "{Prompt}", "{ prompt }"])
def test_a_template_has_one_place_for_the_problem(template: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must contain \{prompt\} exactly once"):
        open_other(tmp_path, template, "cpu")


def test_the_end_is_what_model_and_tokenizer_name_and_no_digit(tmp_path: Path) -> None:
    its = tokenizer("<s>")
    digit, quote, start = (its.convert_tokens_to_ids(token) for token in ("8", '"', "<s>"))
    model = untrained("llama", "LlamaForCausalLM")
    model.generation_config.eos_token_id = [digit, quote, 100_000]
    model.config.eos_token_id = digit
    other = open_other(save(tmp_path / "hf", model, its), "{prompt}", "cpu")
    assert other.ends == [0, quote]
    assert other.begin == [start]
    assert its.decode([0]) == "<|end|>"
