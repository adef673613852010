"""What can be asked, and what is right."""

import pytest

from src.common.errors import UserError
from src.data.description import Convention
from src.data.formats import PLAIN
from src.inspection.questions import check_question, question


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "=",
        "12",
        "12+34",
        "12+34=46",
        "12 + 34=",
        "1++2=",
        "-1+2=",
        "1%2=",
        "1.5+2=",
        "+",
        "1+٢=",
    ],
)
def test_what_is_no_problem_is_refused(prompt: str) -> None:
    with pytest.raises(UserError, match=r"must be of the form 554\+456=, operators \+ - \* /"):
        check_question(prompt, 64, PLAIN)


def test_the_right_target_follows_the_precedence() -> None:
    assert question("2+3*4=", 64, Convention(PLAIN, "left_to_right")).target == "20"
    assert question("2+3*4=", 64, Convention(PLAIN, "standard")).target == "14"


@pytest.mark.parametrize("prompt", ["7/2=", "7/0=", "0/0=", "9+9/4="])
def test_what_has_no_whole_answer_is_refused(prompt: str) -> None:
    with pytest.raises(UserError, match="has no whole result"):
        question(prompt, 64, Convention(PLAIN, "left_to_right"))


def test_the_whole_answer_must_fit() -> None:
    # <bos>5+5=10<eos>
    assert question("5+5=", 8, Convention(PLAIN, "standard")).target == "10"
    with pytest.raises(UserError, match=r"8 tokens with its answer, .* max_seq_len = 7"):
        question("5+5=", 7, Convention(PLAIN, "standard"))
    with pytest.raises(UserError, match=r"5 tokens, .* max_seq_len = 5 must hold the answer too"):
        check_question("5+5=", 5, PLAIN)
    # Beyond what Python turns into a number: refused for its length before.
    with pytest.raises(UserError, match=r"10004 tokens"):
        question("9" * 10_000 + "+1=", 64, Convention(PLAIN, "standard"))
