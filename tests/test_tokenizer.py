"""The 18-token vocabulary, its codec, padding and the loss mask."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from src.tokenizer import VOCABULARY, CharTokenizer

TOKENIZER = CharTokenizer()
rows_of_ids = st.lists(
    st.lists(st.integers(1, TOKENIZER.vocab_size - 1), min_size=1, max_size=12),
    min_size=1,
    max_size=6,
)
numbers = st.integers(0, 99999).map(str)


@st.composite
def texts_of_records(draw: st.DrawFn) -> tuple[str, str]:
    """Prompt and target of a random record."""
    operands = draw(st.lists(numbers, min_size=2, max_size=4))
    prompt = operands[0]
    for operand in operands[1:]:
        prompt += draw(st.sampled_from("+-*/")) + operand
    return prompt + "=", draw(st.sampled_from(["", "-"])) + draw(numbers)


def test_ids_are_those_of_the_specification() -> None:
    assert TOKENIZER.vocab_size == 18
    assert TOKENIZER.encode("<pad><bos><eos>") == [0, 1, 2]
    assert TOKENIZER.encode("0123456789") == list(range(3, 13))
    assert TOKENIZER.encode("+-*/") == [13, 14, 15, 16]
    assert TOKENIZER.encode("=") == [17]
    assert (TOKENIZER.pad_id, TOKENIZER.bos_id, TOKENIZER.eos_id) == (0, 1, 2)
    assert TOKENIZER.equals_id == 17


@settings(deadline=None)
@given(st.lists(st.sampled_from(VOCABULARY)))
def test_encoding_then_decoding_gives_the_text_back(tokens: list[str]) -> None:
    text = "".join(tokens)
    ids = TOKENIZER.encode(text)
    assert len(ids) == len(tokens)
    assert TOKENIZER.decode(ids) == text


@settings(deadline=None)
@given(st.lists(st.integers(0, 17)))
def test_decoding_then_encoding_gives_the_ids_back(ids: list[int]) -> None:
    assert TOKENIZER.encode(TOKENIZER.decode(ids)) == ids


def test_decode_takes_a_tensor() -> None:
    assert TOKENIZER.decode(torch.tensor([1, 10, 13])) == "<bos>7+"


@settings(deadline=None)
@given(
    st.text("0123456789+-*/=", max_size=8),
    st.characters(exclude_characters="0123456789+-*/="),
    st.text("0123456789+-*/=", max_size=8),
)
def test_a_character_outside_the_vocabulary_is_named(head: str, wrong: str, tail: str) -> None:
    with pytest.raises(ValueError, match="is not in the vocabulary") as caught:
        TOKENIZER.encode(head + wrong + tail)
    assert str(caught.value).startswith(f"character {wrong!r} in ")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("7 + 5=12", "' '"), ("12\n", r"'\n'"), ("<end>", "'<'"), ("<BOS>1", "'<'"), ("٣", "'٣'")],
)
def test_near_misses_are_outside_the_vocabulary(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match="is not in the vocabulary") as caught:
        TOKENIZER.encode(text)
    assert str(caught.value).startswith(f"character {wrong} in ")


@pytest.mark.parametrize("wrong", [18, -1])
def test_an_id_outside_the_vocabulary_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match=rf"from 0 to 17: \[3, {wrong}\]"):
        TOKENIZER.decode([3, wrong])


@settings(deadline=None)
@given(rows_of_ids)
def test_padding_is_on_the_right_and_masked(rows: list[list[int]]) -> None:
    input_ids, attention_mask = TOKENIZER.pad_batch(rows)
    longest = max(map(len, rows))
    assert input_ids.shape == attention_mask.shape == (len(rows), longest)
    assert input_ids.dtype == attention_mask.dtype == torch.long
    for ids, padded, mask in zip(rows, input_ids.tolist(), attention_mask.tolist(), strict=True):
        assert padded == ids + [0] * (longest - len(ids))
        assert mask == [1] * len(ids) + [0] * (longest - len(ids))


@settings(deadline=None)
@given(st.lists(texts_of_records(), min_size=1, max_size=5))
def test_the_loss_mask_is_1_on_the_answer_and_its_end_only(records: list[tuple[str, str]]) -> None:
    texts = [f"<bos>{prompt}{target}<eos>" for prompt, target in records]
    input_ids, _ = TOKENIZER.pad_batch([TOKENIZER.encode(text) for text in texts])
    loss_mask = TOKENIZER.make_loss_mask(input_ids)
    assert loss_mask.shape == input_ids.shape
    for (prompt, target), mask in zip(records, loss_mask.tolist(), strict=True):
        before, answer = 1 + len(prompt), len(target) + 1
        assert mask == [0] * before + [1] * answer + [0] * (len(mask) - before - answer)


def test_the_loss_mask_of_a_single_row_and_of_a_row_without_equals() -> None:
    row = torch.tensor(TOKENIZER.encode("<bos>1+1=2<eos><pad>"))
    assert TOKENIZER.make_loss_mask(row).tolist() == [0, 0, 0, 0, 0, 1, 1, 0]
    assert TOKENIZER.make_loss_mask(row[:4]).tolist() == [0, 0, 0, 0]
