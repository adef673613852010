"""A sweep's runs: all combinations, named; wrong values are refused before anything starts."""

import re

import pytest

from src.common.errors import UserError
from src.params import PARAMS_FILE, load_params
from src.sweep import __main__ as sweep
from src.sweep.grid import grid

from ..terminal.test_cli import ending


def test_each_architecture_runs_with_each_seed_and_each_value() -> None:
    runs = grid(["gpt2", "mixtral"], [0, 1], ["training.learning_rate=1e-3,2e-3", "data.B=999"])
    assert len(runs) == 8
    names = [run.name for run in runs]
    assert names[0] == "gpt2-seed0-B-999-learning_rate-0.001"
    assert names[-1] == "mixtral-seed1-B-999-learning_rate-0.002"
    assert len(set(names)) == 8
    assert runs[0].overrides == (
        "model=gpt2",
        "training.seed=0",
        "data.B=999",
        "training.learning_rate=0.001",
    )


def test_the_same_run_is_named_alike_and_done_once() -> None:
    changes = ["training.max_steps=900", "data.B=999"]
    runs = grid(["gpt2", "gpt2"], [1, 1], changes)
    assert [run.name for run in runs] == ["gpt2-seed1-B-999-max_steps-900"]
    assert [run.name for run in grid(["gpt2"], [1], changes[::-1])] == [runs[0].name]


def test_what_is_said_of_one_architecture_leaves_the_others_alone() -> None:
    gpt2, llama2 = grid(["gpt2", "llama2"], [0], ["models.gpt2.d_ff=64", "data.n_samples=9000"])
    assert gpt2.name == "gpt2-seed0-data.n_samples-9000-d_ff-64"
    assert llama2.name == "llama2-seed0-data.n_samples-9000"
    assert llama2.overrides == ("model=llama2", "training.seed=0", "data.n_samples=9000")


def test_long_names_are_cut_and_stay_different() -> None:
    names = [
        grid(["gpt2"], [0], [f"training.init_from={'x' * 300}{end}"])[0].name for end in ("1", "2")
    ]
    assert names[0] != names[1]
    assert all(len(name) < 210 for name in names)


def test_how_a_run_is_graded_and_shown_is_not_in_its_name() -> None:
    (run,) = grid(["gpt2"], [0], ["evaluation.exhaustive=true", "runtime.progress=false"])
    assert run.name == "gpt2-seed0"
    assert len(run.overrides) == 4
    assert run.params["evaluation"]["exhaustive"] is True
    reason = "two runs would be gpt2-seed0: evaluation.n_samples=1 and evaluation.n_samples=2"
    with pytest.raises(UserError, match=re.escape(reason)):
        grid(["gpt2"], [0], ["evaluation.n_samples=1,2"])


def test_a_group_of_changes_is_a_run_of_the_default_with_them() -> None:
    params = load_params()
    groups = ["training.max_steps=900,data.B=9,99", "model=gpt2,training.seed=7,models.gpt2.d_ff=8"]
    *default, other = grid(None, None, ["evaluation.n_samples=1"], groups)
    name = f"{params.model}-seed{params.training.seed}"
    assert [run.name for run in default] == [f"{name}-B-{b}-max_steps-900" for b in (9, 99)]
    assert default[1].params["data"]["B"] == 99
    assert other.name == "gpt2-seed7-d_ff-8"
    assert other.params["evaluation"]["n_samples"] == 1
    # As the grid names the same run.
    assert grid(["gpt2"], [7], ["models.gpt2.d_ff=8"])[0].name == other.name
    names = [run.name for run in grid(["gpt2", "llama2"], [0], [], ["data.B=9", "data.B=99"])]
    assert names == [f"{model}-seed0-B-{b}" for b in (9, 99) for model in ("gpt2", "llama2")]


def test_runs_are_of_the_params_that_are_given() -> None:
    text = PARAMS_FILE.read_text().replace("\nmodel: ", "\nmodel: gpt2 # ")
    (run,) = grid(None, [3], [], ["training.max_steps=900"], text)
    assert run.name == "gpt2-seed3-max_steps-900"
    with pytest.raises(UserError, match=r"^training\.max_steps = 'x': must be"):
        grid(["gpt2"], [0], [], (), re.sub(r"max_steps: \d+", "max_steps: x", text))


def test_no_two_values_share_a_name_and_git_takes_all() -> None:
    values = ["'+*'", "'+/'", "'+'", "'-'", "'*'"]
    names = [run.name for run in grid(["gpt2"], [0], [f"data.ops={','.join(values)}"])]
    assert len(set(names)) == len(values)
    assert all(re.fullmatch(r"[\w+-]+(\.[\w+-]+)*", name) for name in names)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (["training.lr=3"], "training.lr=3: unknown key; did you mean training.learning_rate?"),
        (["trainig.seed=3"], "-S trainig.seed=3: unknown key; did you mean training?"),
        (["models.gpt2.d_f=3"], "unknown key; did you mean models.gpt2.d_ff?"),
        (["max_steps=3"], "-S max_steps=3: unknown key; did you mean training.max_steps?"),
        (["d_ff=3"], "-S d_ff=3: unknown key; did you mean models.llama2.d_ff?"),
        (["seed=3"], "-S seed=3: unknown key; did you mean data.seed or training.seed?"),
        (["training.max_steps.x=3"], "Could not override 'training.max_steps.x'"),
        (["training.max_steps=abc"], "training.max_steps = 'abc': must be a valid integer"),
        (["models.gpt2.n_heads=7"], "must be divisible by n_heads = 7"),
        (["+extra=3"], "-S +extra=3: unknown key; choices: model, data, models, "),
        (["training.max_steps"], "-S training.max_steps: Error parsing"),
        (["training.max_steps=[1"], "-S training.max_steps=["),
        (["training.max_steps=glob(*)"], "is not supported"),
        (["training.seed=3"], "-S training.seed=3: --seeds says that"),
        (["model=gpt2"], "-S model=gpt2: --models says that"),
    ],
)
def test_a_wrong_change_is_refused(changes: list[str], reason: str) -> None:
    with pytest.raises(UserError, match=re.escape(reason)):
        grid(["gpt2"], [0], changes)


@pytest.mark.parametrize(
    ("models", "group", "reason"),
    [
        (
            None,
            "training.lr=3",
            "-S training.lr=3: unknown key; did you mean training.learning_rate?",
        ),
        (None, "training.max_steps", "-S data.B=9 --each training.max_steps: Error parsing"),
        (None, "data.B=99", "--each data.B=99: -S says data.B"),
        (["gpt2"], "model=gpt2", "--each model=gpt2: --models says model"),
    ],
)
def test_a_wrong_group_is_refused(models: list[str] | None, group: str, reason: str) -> None:
    with pytest.raises(UserError, match=re.escape(reason)):
        grid(models, None, ["data.B=9"], [group])


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--models gpt3 --seeds 0", "--models gpt3: must be of those of params.yaml: gpt2, llama2"),
        ("--models gpt2 --seeds x", "--seeds: x: must be whole numbers from 0 on, such as 0,1,2"),
        ("--models gpt2 --seeds -1", "argument --seeds: -1: must be whole numbers from 0 on"),
        ("--models gpt2 --seeds=0,\u00b2", "must be whole numbers from 0 on, such as 0,1,2"),
        ("--models gpt2 --seeds=,", "argument --seeds: names nothing to run"),
        ("--models= --seeds 0", "argument --models: names nothing to run"),
        ("--models ${model} --seeds 0", "--models ${model}: must be of those of params.yaml"),
        ("--model gpt2 --seeds 0", "--model: unknown flag; did you mean --models?"),
        ("--models gpt2 --seeds 0 --gpus_per_run 1", "unknown flag; did you mean --gpus-per-run?"),
        ("--models gpt2", "--seeds is missing: which runs?"),
        ("--jobs 2", "--models is missing: which runs?"),
        ("--models gpt2 --seeds 0 --jobs 0", "--jobs: 0: must be at least 1"),
        ("--models gpt2 --seeds 0 --jobs 2 --address a:1", "or remotes: --address is of no use"),
        ("--models gpt2 --seeds 0 --jobs 2 --git-remote b", "--git-remote is of no use"),
        ("--models gpt2 --seeds 0 --jobs 2 --gpus-per-run 1", "--gpus-per-run is of no use"),
        ("--models gpt2 --seeds 0 --cpus-per-run 0", "--cpus-per-run: 0: must be at least 1"),
        ("--models gpt2 --seeds 0 --gpus-per-run -1", "--gpus-per-run: -1: must be at least 0"),
    ],
)
def test_a_wrong_flag_is_one_line(
    flags: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, stderr = ending(lambda: sweep.main(flags.split()), capsys)
    assert code == 2
    assert reason in stderr
    assert len(stderr.splitlines()) == 1
