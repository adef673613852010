"""A tokenizer.json is read as ours, or refused in a line."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from src.huggingface.tokenizer_json import check_vocabulary, tokenizer_json
from src.tokenizer import VOCABULARY

from .test_config import JSON, refusal

NAMES = st.one_of(st.sampled_from([*VOCABULARY, "vocab", "id", "content"]), st.text(max_size=3))
NESTED = st.one_of(
    JSON,
    st.dictionaries(NAMES, JSON, max_size=4),
    st.lists(st.lists(st.one_of(NAMES, JSON), max_size=3), max_size=3),
    st.lists(st.fixed_dictionaries({"id": JSON, "content": st.one_of(NAMES, JSON)}), max_size=3),
)


@settings(max_examples=300)
@given(place=st.sampled_from(["", "model", "vocab", "added_tokens"]), value=NESTED)
def test_any_vocabulary_is_ours_or_refused_in_a_line(place: str, value: Any) -> None:
    content = tokenizer_json()
    match place:
        case "":
            content = value
        case "vocab":
            content["model"]["vocab"] = value
        case _:
            content[place] = value
    if not refusal(lambda: check_vocabulary(content)):
        assert content["model"]["vocab"] == {token: i for i, token in enumerate(VOCABULARY)}


@given(data=st.data())
def test_one_number_changed_is_refused(data: st.DataObject) -> None:
    content = json.loads(json.dumps(tokenizer_json()))
    vocabulary = content["model"]["vocab"]
    token = data.draw(st.sampled_from(VOCABULARY))
    odd = st.one_of(st.integers(), st.just(True), st.just(1.0), st.none(), st.just("1"))
    vocabulary[token] = data.draw(
        odd.filter(lambda n: type(n) is not int or n != vocabulary[token])
    )
    assert refusal(lambda: check_vocabulary(content))
