"""What is no causal language model, or has no tokenizer, is told in one line."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

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


def with_a_tokenizer_of_letters(folder: Path) -> None:
    letters = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"a": 0, "b": 1}, "?")))
    save(folder, untrained("gpt2", "GPT2LMHeadModel"), letters)


def without_a_head(folder: Path) -> None:
    save(folder, untrained("llama", "LlamaModel"), tokenizer())


def with_an_encoder(folder: Path) -> None:
    save(folder, untrained("t5", "T5ForConditionalGeneration"), tokenizer())


def that_looks_ahead(folder: Path) -> None:
    save(folder, untrained("bert", "BertForMaskedLM"), tokenizer())


def of_sizes_that_no_file_holds(folder: Path) -> None:
    gpt2(folder)
    config(folder, n_embd=2**16)


def of_layers_that_no_file_holds(folder: Path) -> None:
    gpt2(folder)
    config(folder, n_layer=10**6)


def of_positions_that_no_file_holds(folder: Path) -> None:
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "rotary_dim": 8, "n_positions": 64}
    save(folder, untrained("gptj", "GPTJForCausalLM", **sizes), tokenizer())
    config(folder, n_positions=10**8)


def of_an_escape_sequence(folder: Path) -> None:
    gpt2(folder)
    config(folder, dtype="\x1b[2J")


def with_nan_weights(folder: Path) -> None:
    model = untrained("gpt2", "GPT2LMHeadModel")
    model.get_parameter("transformer.h.0.attn.c_attn.bias").data[5] = float("nan")
    save(folder, model, tokenizer())


def that_computes_nan(folder: Path) -> None:
    gpt2(folder)
    config(folder, layer_norm_epsilon=float("nan"))


def that_returns_tuples(folder: Path) -> None:
    gpt2(folder)
    config(folder, return_dict=False)


def with_a_tokenizer_that_panics(folder: Path) -> None:
    gpt2(folder)
    path = folder / "tokenizer.json"
    unknown = {"SpecialToken": {"id": "unknown", "type_id": 0}}
    post = {"type": "TemplateProcessing", "single": [unknown], "pair": [], "special_tokens": {}}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"post_processor": post}))


def with_deep_nesting(folder: Path) -> None:
    gpt2(folder)
    (folder / "config.json").write_text("[" * 100_000)


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
        (of_sizes_that_no_file_holds, "config.json asks for more weights than "),
        (of_layers_that_no_file_holds, "config.json asks for more weights than "),
        (
            of_an_escape_sequence,
            r"no tokenizer that transformers opens: module 'torch' has no attr",
        ),
        (with_nan_weights, "transformer.h.0.attn.c_attn.bias holds NaN or infinite values"),
        (that_computes_nan, "what its model computes is NaN"),
        (that_returns_tuples, "its model cannot be used: 'tuple' object has no attribute"),
        (with_a_tokenizer_that_panics, "no tokenizer in it that reads digits: no entry found for"),
        (with_deep_nesting, "no tokenizer that transformers opens: maximum recursion depth exceed"),
        (of_no_known_kind, "no causal language model that transformers opens: "),
        (without_a_tokenizer, "no tokenizer in it that reads digits"),
        (with_a_tokenizer_of_letters, "no tokenizer in it that reads digits"),
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
    assert str(caught.value).isprintable()
    # Neither a bar nor a report of its own.
    assert capfd.readouterr() == ("", "")


def test_only_files_of_the_folder_are_opened(tmp_path: Path) -> None:
    folder = gpt2(tmp_path / "hf")
    (folder / "model.safetensors").rename(tmp_path / "secret.safetensors")
    index = folder / "model.safetensors.index.json"
    content = {"metadata": {}, "weight_map": {"transformer.wte.weight": "../secret.safetensors"}}
    index.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"^\S+\.index\.json: names a file that is not beside it$"):
        open_other(folder, "{prompt}", "cpu")
    index.unlink()
    # One without a writer would be waited for.
    os.mkfifo(folder / "model.safetensors")
    with pytest.raises(UserError, match=r"^\S+model\.safetensors: no regular file$"):
        open_other(folder, "{prompt}", "cpu")


def test_names_in_a_tokenizers_files_are_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = gpt2(tmp_path / "hf")
    odd = {"eos_token": {"content": "<|end|>", "\x1b[2J": 1}}
    (folder / "special_tokens_map.json").write_text(json.dumps(odd))
    capfd.readouterr()
    open_other(folder, "{prompt}", "cpu")
    assert capfd.readouterr() == ("", "")


def test_odd_numbers_of_a_config_that_do_not_matter_are_passed_over(tmp_path: Path) -> None:
    folder = save(tmp_path / "hf", untrained("llama", "LlamaForCausalLM"), tokenizer())
    config(folder, eos_token_id=[-5, 0, 10**6], num_experts_per_tok="x", num_local_experts=[4])
    other = open_other(folder, "{prompt}", "cpu")
    assert other.ends == [0]
    assert other.active_parameters == other.parameters > 0


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
