"""Each token of a drawn sum is what its name says, in every format that is explained."""

import numpy as np
import pytest

from src.common.errors import UserError
from src.data.formats import FORMATS
from src.evaluation.expert_information import carry_into
from src.tokenizer import VOCABULARY

from .conftest import operands, space

EXPLAINED = ("plain", "reverse", "reverse_all", "padded", "reverse_padded")


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_name_is_the_digit_of_its_place(name: str) -> None:
    for sums in space(B=999, n_samples=5000, format=name).draw(200, 0):
        values = {"a": sums.operands[:, 0], "b": sums.operands[:, 1], "s": sums.operands.sum(1)}
        for column, token in enumerate(sums.names):
            said = [VOCABULARY[i] for i in sums.tokens[:, column].tolist()]
            if token[0] in "abs":
                place = int(token[1:])
                digits = values[token[0]] // 10 ** (place - 1) % 10
                assert said == list(map(str, digits.tolist()))
                if token[0] == "s":
                    assert sums.says(place) == column - 1
            else:
                assert set(said) == {token}
        assert {sums.answer_digits} == {len(str(value)) for value in values["s"].tolist()}


def test_carries_are_those_of_sums_by_hand() -> None:
    for sums in space(B=999, n_samples=5000).draw(200, 0):
        by_hand = [
            [carry_into(pair, "+", place) for place in (2, 3, 4)] for pair in sums.operands.tolist()
        ]
        assert np.stack([sums.carry_into(place) for place in (2, 3, 4)], 1).tolist() == by_hand
        assert sums.carries.astype(int).tolist() == by_hand


def test_sums_are_drawn_by_the_seed_half_of_each_length_and_none_twice() -> None:
    for n, data in ((1000, {"B": 999, "n_samples": 5000}), (300, {})):
        short, long = space(**data).draw(n, 0)
        digits = space(**data).digits
        assert (short.answer_digits, long.answer_digits) == (digits, digits + 1)
        assert len(short.tokens) == len(long.tokens) == n // 2
        for sums in (short, long):
            assert len(set(map(tuple, sums.operands.tolist()))) == n // 2
            assert sums.operands.min() >= 10 ** (digits - 1)
        again, other = space(**data).draw(n, 0)[0], space(**data).draw(n, 1)[0]
        assert again.tokens.equal(short.tokens)
        assert not other.tokens.equal(short.tokens)


def test_operands_have_as_many_digits_as_all_numbers_allow() -> None:
    assert (space(B=1000, n_samples=5000).digits, space(B=998, n_samples=5000).digits) == (3, 2)
    assert space(B=999, A=400, n_samples=5000).low == 400


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"ops": "-"}, "explains sums of two numbers; this one learned with data.N = 2, ops = -"),
        ({"N": 3}, "data.N = 3"),
        ({"modulus": 7}, "modulus = 7"),
        ({"format": "scratchpad"}, "format scratchpad writes steps before the answer"),
        ({"B": 8, "n_samples": 50}, "numbers of 2 to 6 digits; data.B = 8 has all numbers of 0"),
        ({"B": 10**7}, "has all numbers of 7"),
        ({"A": 50, "n_samples": 1000}, "all sums of two numbers from 50 have 3 digits"),
    ],
)
def test_what_is_no_such_sum_is_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        space(**data)


def test_too_few_sums_of_a_kind_are_refused() -> None:
    with pytest.raises(UserError, match="fewer than 50 sums of 2 digits"):
        space(A=47, n_samples=1000).draw(1000, 0)


def test_every_format_is_explained_or_refused() -> None:
    assert {name for name, each in FORMATS.items() if not each.traced} == set(EXPLAINED)


def test_rows_are_taken_as_they_are() -> None:
    sums = space().write(operands((12, 34), (40, 50), (11, 11)))
    assert sums.names == ["<bos>", "a2", "a1", "+", "b2", "b1", "=", "s2", "s1", "<eos>"]
    assert sums[np.array([False, True, False])].operands.tolist() == [[40, 50]]
    assert sums[:2].tokens.shape == (2, 10)
