"""Others' models are heard as they speak: right answers are right, however many are asked."""

import json
from pathlib import Path

import pytest
import torch

from src.common.errors import UserError
from src.data.records import Record
from src.evaluation.other_model import OtherModel
from src.evaluation.other_opening import open_other
from src.terminal.model_flags import PLACEHOLDER

from .others import RECORDS, fit, save, tokenizer, untrained

KNOWN = 12
# Class, start, what is asked (some braces are plain text), and the answer, with an end or a line's.
ASKED = {
    "gpt2": ("GPT2LMHeadModel", None, "{Q}: {prompt}\nA:", " {target}<|end|>"),
    "llama": ("LlamaForCausalLM", "<s>", "{prompt}", "{target}\n{target}\n"),
    "mamba": ("MambaForCausalLM", None, "{prompt} ", " {target} <|end|>"),
}


@pytest.fixture(scope="module", params=ASKED)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OtherModel:
    """A model that has learned the first of `RECORDS`."""
    name, bos, template, answer = ASKED[request.param]
    its, model = tokenizer(bos), untrained(request.param, name)
    fit(
        model,
        its,
        [
            template.replace(PLACEHOLDER, record.prompt) + answer.format(target=record.target)
            for record in RECORDS[:KNOWN]
        ],
    )
    folder = save(tmp_path_factory.mktemp("other") / request.param, model, its)
    return open_other(folder, template, "cpu")


def alone(other: OtherModel, record: Record) -> str:
    """The text behind one prompt, by transformers itself, with all that follows."""
    text = other.template.replace(PLACEHOLDER, record.prompt)
    inputs = other.tokenizer(text, return_tensors="pt")
    output = other.model.generate(**inputs, max_new_tokens=16, do_sample=False, pad_token_id=0)
    behind = output[0, inputs["input_ids"].size(1) :]
    said: str = other.tokenizer.decode(behind)
    return said


def test_right_answers_are_right(other: OtherModel) -> None:
    said = other.answers(RECORDS, 4)
    right = [answer == record.target for answer, record in zip(said, RECORDS, strict=True)]
    assert sum(right[:KNOWN]) > KNOWN / 4
    assert not all(right[KNOWN:])
    for answer, record in zip(said, RECORDS, strict=True):
        first = alone(other, record).partition("<|end|>")[0].partition("\n")[0].strip()
        # What does not end is cut.
        assert first == answer or (first.startswith(answer) and len(first) > 6)


def test_prompts_of_unequal_length_are_answered_as_each_alone(other: OtherModel) -> None:
    others = [Record("3+17+42+88=", "150"), Record("1+1=", "2"), Record("123+4567=", "4690")]
    records = [*RECORDS[:6], *others, Record("1+2+3=", "6")]
    lengths = {len(other.tokenizer(record.prompt)["input_ids"]) for record in records}
    assert len(lengths) > 2
    together = other.answers(records, 512)
    assert together == other.answers(records, 1)
    # The longest target of all says how many tokens each may take.
    assert together == [other.answers([r, others[-1]], 1)[0] for r in records]
    assert other.answers([], 512) == []


def test_what_is_said_ends_where_the_text_or_the_line_ends(other: OtherModel) -> None:
    def text(words: str) -> str:
        return other._text(other.tokenizer(words, add_special_tokens=False)["input_ids"])

    assert text(" 46 <|end|>46") == "46"
    assert text("46\n47") == text("46\r\n47") == text(" 46\u2028") == "46"
    assert text("\n46") == ""
    # No special token is left out in the middle.
    if other.begin:
        assert text("4<s>6<|end|>") == "4<s>6"
    assert text("") == ""


def test_decoding_is_greedy_whatever_the_folder_says(tmp_path: Path, other: OtherModel) -> None:
    folder = tmp_path / "hf"
    save(folder, other.model, other.tokenizer)
    path = folder / "generation_config.json"
    asks = {"do_sample": True, "temperature": 9.0, "repetition_penalty": 50.0, "num_beams": 3}
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | asks | {"max_length": 3, "suppress_tokens": [20, 21]}))
    again = open_other(folder, other.template, "cpu")
    assert again.answers(RECORDS, 512) == other.answers(RECORDS, 512)


def test_a_problem_without_room_for_its_answer_is_refused(tmp_path: Path) -> None:
    its = tokenizer()
    model = untrained("gpt2", "GPT2LMHeadModel", n_positions=8)
    other = open_other(save(tmp_path / "hf", model, its), "{prompt}", "cpu")
    short, long = Record("1+1=", "2"), Record("7*7*7*7=", "2401")
    tokens = len(its(long.prompt)["input_ids"]) + len(its(long.target)["input_ids"]) + 1
    assert tokens > 8
    other.check_room(short)
    # As many tokens as fit, though more may be asked for.
    assert len(other.answers([short], 1)) == 1
    with pytest.raises(UserError, match=rf"7\*7=: {tokens} tokens with its answer, .* 8 positions"):
        other.answers([short, long], 2)


def test_a_tokenizer_that_is_not_the_models_is_refused(tmp_path: Path) -> None:
    model = untrained("gpt2", "GPT2LMHeadModel", vocab_size=40)
    other = open_other(save(tmp_path / "hf", model, tokenizer()), "{prompt}", "cpu")
    with pytest.raises(UserError, match=r"its tokenizer has a token \d+, its model only 40"):
        other.answers(RECORDS, 512)


def test_half_precision_stays(tmp_path: Path) -> None:
    model = untrained("llama", "LlamaForCausalLM").bfloat16()
    other = open_other(save(tmp_path / "hf", model, tokenizer()), "{prompt}", "cpu")
    assert other.model.dtype == torch.bfloat16
    assert len(other.answers(RECORDS, 512)) == len(RECORDS)
