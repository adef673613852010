"""Wrong answers are sorted by the number that is said, however it is written."""

import pandas as pd
import pytest

from src.compare.experiments import Experiment
from src.report.operand_map import operand_map
from src.report.wrong_answers import format_of_groups, with_kinds
from src.splits.space import ProblemSpace

from ..compare.test_grouping import experiment


def run_on(**data: object) -> Experiment:
    run = experiment("llama2-a")
    run.params["data"] |= {"A": 0, "B": 99, **data}
    return run


@pytest.mark.parametrize(
    ("name", "problem", "said"),
    [
        ("plain", "48+17=65", ("55", "165", "76", "065", "")),
        ("reverse", "48+17=56", ("55", "561", "67", "560", "")),
        ("reverse_all", "84+71=56", ("55", "561", "67", "560", "")),
        ("padded", "48+17=065", ("055", "165", "076", "65", "")),
        ("reverse_padded", "48+17=560", ("550", "561", "670", "56", "")),
        # Behind whatever steps, or none.
        ("scratchpad", "48+17=51/60=56", ("51/60=55", "=561", "67", "51/60=560", "56=")),
        ("detailed", "48+17=8+7+0=51/4+1+1=60=56", ("=55", "561", "=67", "1=560", "=")),
    ],
)
def test_kinds_of_errors_are_by_value_in_every_format(
    name: str, problem: str, said: tuple[str, ...]
) -> None:
    groups = {"llama2": [run_on(format=name)]}
    prompt, equals, target = problem.partition("=")
    written = format_of_groups(groups)
    assert written.write([48, 17], "+", 65) == (prompt + equals, target)
    wrong = pd.DataFrame({"prompt": prompt + equals, "target": target, "said": said})
    kinds = ["carry dropped", "carry added", "several digits off", "zeros in front", "no number"]
    assert with_kinds(wrong, groups)["kind"].tolist() == kinds
    space = ProblemSpace(2, 0, 99, "+", "left_to_right")
    cells = operand_map(space, wrong["prompt"], written).query("wrong > 0")
    assert cells[["first", "second", "wrong"]].to_numpy().tolist() == [["40-49", "10-19", 5]]
