"""params.yaml is right, and what cannot be right is refused in one line."""

import contextlib
import copy
import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from src.common.errors import UserError
from src.config import DataConfig, EvaluationConfig, ModelConfig, Params, TrainingConfig
from src.data.formats import FORMATS
from src.models import MLPS, MODELS, NORMS, build_model
from src.params import CONFIGS_DIR, PARAMS_FILE, load_params
from src.terminal.cli import run

TEXT = PARAMS_FILE.read_text(encoding="utf-8")
CONTENT: dict[str, Any] = yaml.safe_load(TEXT)
DATA, LLAMA2 = CONTENT["data"], CONTENT["models"]["llama2"]
TYPES: dict[str, type[BaseModel]] = {
    "data": DataConfig,
    "models": ModelConfig,
    "training": TrainingConfig,
    "evaluation": EvaluationConfig,
}
SECTIONS = ("data", "training", "evaluation", "runtime")


def leaves(content: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Path of every value that is no section."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def _has_default(path: tuple[str, ...]) -> bool:
    fields = TYPES[path[0]].model_fields if path[0] in TYPES else {}
    return path[-1] in fields and not fields[path[-1]].is_required()


# Files of before there was a choice have no such keys, and mean the defaults.
LATER = {path for path in leaves(CONTENT) if _has_default(path)}


def changed(path: tuple[Any, ...], value: object) -> dict[Any, Any]:
    """params.yaml with another value at a path."""
    content = copy.deepcopy(CONTENT)
    section = content
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return content


def write(folder: Path, content: object) -> Path:
    """A configuration file."""
    path = folder / "params.yaml"
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, complete: bool = False) -> str:
    """What is said of a file that is refused, without the file's name."""
    with pytest.raises(UserError) as caught:
        load_params(path, complete=complete)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def assert_loads_or_is_one_line(content: object) -> None:
    """What a command prints of any document: nothing, or one line that begins with the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), content)
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr), pytest.raises(SystemExit) as caught:
            run(lambda: load_params(path))
    if caught.value.code == 0:
        assert stderr.getvalue() == ""
    else:
        assert caught.value.code == 2
        assert stderr.getvalue().startswith(f"error: {path}: ")
        assert len(stderr.getvalue().splitlines()) == 1


def test_the_repositorys_file_is_parsed_value_by_value() -> None:
    params = load_params()
    assert params.model_dump() == CONTENT
    assert params.model_config_in_use is params.models[params.model]
    assert set(params.models) == {"gpt2", "llama2", "mixtral"}
    for name, model in params.models.items():
        assert model.name == name


def test_the_choices_are_those_of_the_tables_in_models() -> None:
    for field, table in (("name", MODELS), ("norm", NORMS), ("mlp", MLPS)):
        assert set(get_args(ModelConfig.model_fields[field].annotation)) == set(table)


def test_the_three_models_are_matched_in_the_weights_that_serve_a_token() -> None:
    models = {name: build_model(config) for name, config in load_params().models.items()}
    gpt2, llama2 = models["gpt2"].num_parameters(), models["llama2"].num_parameters()
    active = models["mixtral"].num_parameters(active=True)
    assert gpt2 == pytest.approx(llama2, rel=0.02)
    assert active == pytest.approx(llama2, rel=0.02)
    assert active == pytest.approx(gpt2, rel=0.02)
    assert models["mixtral"].num_parameters() > 1.2 * active


def test_splits_add_up() -> None:
    sizes = load_params(overrides={"data.n_samples": 777}).data.split_sizes
    # round(19.425) and round(38.85).
    assert sizes == {"train": 719, "val": 19, "test": 39}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("model",), "bert", "model = 'bert': must be an entry of models: gpt2, llama2, mixtral"),
        (("model",), 3, "model = 3: must be a valid string"),
        (("models",), [], "models = []: must be a valid dictionary"),
        (
            ("models", "llama2", "d_model"),
            131,
            f"must be divisible by n_heads = {LLAMA2['n_heads']}",
        ),
        (("models", "llama2", "n_heads"), LLAMA2["d_model"], "d_model / n_heads must be even"),
        (("models", "gpt2", "n_heads"), 0, "must be greater than or equal to 1"),
        (("models", "mixtral", "top_k"), 1000, "must not exceed n_experts = "),
        (("models", "mixtral", "top_k"), 0, "must be greater than or equal to 1"),
        (("models", "gpt2", "name"), "gpt3", "must be 'gpt2', 'llama2' or 'mixtral'"),
        (("models", "gpt2", "norm"), "batch", "must be 'layernorm'"),
        (("models", "gpt2", "mlp"), "relu", "must be 'gelu'"),
        (("models", "gpt2", "pos_encoding"), "alibi", "must be 'learned'"),
        (("models", "gpt2", "dropout"), 1.0, "must be less than 1"),
        (("models", "gpt2", "tie_weights"), "yes", "must be a valid boolean"),
        (("models", "gpt2", "rope_theta"), float("inf"), "must be a finite number"),
        (("models", "gpt2", "init_std"), 0.0, "must be greater than 0"),
        (("models", "gpt2", "aux_loss_coef"), -0.1, "must be greater than or equal to 0"),
        (("data",), 3, "data = 3: must be a valid dictionary"),
        (("data", "N"), 1, "must be greater than or equal to 2"),
        (("data", "N"), "2", "must be a valid integer"),
        (("data", "N"), 2.0, "must be a valid integer"),
        (("data", "N"), True, "must be a valid integer"),
        (("data", "N"), None, "must be a valid integer"),
        (("data", "A"), 10**6, f"must not exceed B = {DATA['B']}"),
        (("data", "B"), -1, "must be greater than or equal to 0"),
        (("data", "ops"), "+^", "must be a choice of + - * /, each at most once"),
        (("data", "ops"), "", "must be a choice of + - * /, each at most once"),
        (("data", "ops"), "++", "must be a choice of + - * /, each at most once"),
        (("data", "precedence"), "rpn", "must be 'left_to_right' or 'standard'"),
        (("data", "modulus"), 1, "must be 0, for none, or at least 2"),
        (("data", "modulus"), -5, "must be greater than or equal to 0"),
        (("data", "modulus"), 2**31 + 1, "must be less than or equal to 2147483648"),
        (("data", "modulus"), 97.0, "must be a valid integer"),
        (("data", "n_samples"), 0, "must be greater than or equal to 1"),
        (
            ("data", "val_fraction"),
            1e-9,
            f"leaves that split empty, as n_samples = {DATA['n_samples']}",
        ),
        (
            ("data", "test_fraction"),
            1e-9,
            f"leaves that split empty, as n_samples = {DATA['n_samples']}",
        ),
        (("data", "test_fraction"), 0.999, "leaves no training problems, as n_samples = "),
        (("data", "test_fraction"), 1.0, "must be less than 1"),
        (("data", "length_balance"), 1.1, "must be less than or equal to 1"),
        (("data", "length_balance"), float("nan"), "must be"),
        (("data", "seed"), 2**32, "must be less than 4294967296"),
        (("training", "learning_rate"), 0, "must be greater than 0"),
        (("training", "learning_rate"), "fast", "must be a valid number"),
        (("training", "warmup_steps"), 10**9, "must be less than max_steps = "),
        (("training", "snapshots"), [0, 200, 200], "must be steps in ascending order"),
        (("training", "snapshots"), [0, 10**9], "must not exceed max_steps = "),
        (("training", "val_check_interval"), 1.5, "must be a share of an epoch up to 1.0, or a"),
        (("training", "precision"), 16, "must be '32-true', 'bf16-mixed' or '16-mixed'"),
        (("evaluation", "n_samples"), -1, "must be greater than or equal to 0"),
        (("evaluation", "weights"), "first", "must be 'best', 'last', 'both' or 'best_on_test'"),
        (("evaluation", "temperature"), -0.5, "must be greater than or equal to 0"),
        (("evaluation", "temperature"), float("inf"), "must be a finite number"),
        (("evaluation", "top_k"), 200, "needs temperature above 0"),
        (("runtime", "logger"), "csv", "must be 'wandb', 'tensorboard' or 'none'"),
        (("runtime", "devices"), "auto", "must be a valid integer"),
        (("runtime", "devices"), 0, "must be greater than or equal to 1"),
        (("runtime", "strategy"), "ddp_spawn", "must be 'auto', 'ddp' or 'fsdp'"),
        (("runtime", "strategy"), "fsdp", "needs training.optimizer = adamw"),
        (("runtime", "progress"), 1, "must be a valid boolean"),
    ],
)
def test_an_impossible_value_is_one_line_with_key_value_and_rule(
    path: tuple[str, ...], value: object, message: str, tmp_path: Path
) -> None:
    found = refusal(write(tmp_path, changed(path, value)))
    shown = value if isinstance(value, int | float) else repr(value)
    key = f"{'.'.join(path)} = {shown}: "
    assert found.startswith(key)
    assert message.removeprefix(key) in found
    assert "\n" not in found


def test_all_problems_are_graded_by_greedy_decoding_alone() -> None:
    drawn = CONTENT["evaluation"] | {"temperature": 0.8, "top_k": 200}
    assert EvaluationConfig.model_validate(drawn).top_k == 200
    with pytest.raises(ValidationError, match=r"needs temperature = 0, which is 0\.8"):
        EvaluationConfig.model_validate(drawn | {"exhaustive": True})


def test_answers_modulo_a_number_have_no_division_and_no_trace() -> None:
    told = DATA | {"modulus": 113}
    assert DataConfig.model_validate(told | {"ops": "+-*"}).modulus == 113
    for ops in ("/", "+-/"):
        with pytest.raises(ValidationError, match="no / with modulus = 113"):
            DataConfig.model_validate(told | {"ops": ops})
    for written in get_args(DataConfig.model_fields["format"].annotation):
        if not FORMATS[written].traced:
            DataConfig.model_validate(told | {"format": written})
        else:
            with pytest.raises(ValidationError, match="writes steps to the whole answer"):
                DataConfig.model_validate(told | {"format": written})


@pytest.mark.parametrize("path", list(leaves(CONTENT)), ids=".".join)
def test_each_key_refuses_a_list_and_is_missed(path: tuple[str, ...], tmp_path: Path) -> None:
    key = ".".join(path)
    # Of a key that takes lists, the entry is told.
    value = -7 if key in ("data.length_mix", "training.snapshots") else [-7]
    assert refusal(write(tmp_path, changed(path, [-7]))).startswith(f"{key} = {value}: must be ")
    content = changed(path, None)
    section = content
    for part in path[:-1]:
        section = section[part]
    del section[path[-1]]
    # Of the repository's own file; what another one leaves out is as there.
    partial = write(tmp_path, content)
    assert load_params(partial) == load_params()
    if path in LATER:
        found = load_params(partial, complete=True)
        default = TYPES[path[0]].model_fields[path[-1]].get_default(call_default_factory=True)
        assert found == load_params(write(tmp_path, changed(path, default)))
    else:
        assert refusal(partial, complete=True) == f"{key}: missing"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("optimizer",), "choices: model, models, data, training, evaluation, runtime"),
        (("trainig",), "did you mean training?"),
        (("data", "n_sample"), "did you mean n_samples?"),
        (("data", "zzz"), "choices: N, A, B, ops, precedence, modulus, format, n_samples"),
        (("models", "gpt2", "d_modle"), "did you mean d_model?"),
        (("models", "gpt2", "zzz"), "choices: name, d_model, n_heads, n_layers, d_ff, max_seq"),
        (("training", "lr"), "choices: batch_size, length_balance, optimizer"),
        (("training", "learning_rates"), "did you mean learning_rate?"),
        (("evaluation", "zzz"), "choices: batch_size, exhaustive, n_samples"),
        (("runtime", "device"), "did you mean devices?"),
    ],
)
def test_an_unknown_key_is_one_line_with_the_choices(
    path: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    found = refusal(write(tmp_path, changed(path, 3)))
    assert found.startswith(f"{'.'.join(path)} = 3: unknown key; {message}")
    assert "\n" not in found


@pytest.mark.parametrize(
    "name",
    ["../../x", "/x", "a/b", ".", "..", ".x", "", "-x", "x\0", "x\n", "\x1b[31m", "a b", "x" * 65],
)
def test_a_key_of_models_is_a_name_that_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["models"][name] = content["models"]["gpt2"]
    for model in ("gpt2", name):
        found = refusal(write(tmp_path, content | {"model": model}))
        rule = "1 to 64 letters, digits or _ . + -, the first none of . + -"
        assert found == f"a key of models = {name!r}: must be {rule}"


@pytest.mark.parametrize("name", ["x", "gpt2-1.5_b+", "x" * 64])
def test_an_architecture_of_ones_own_may_have_such_a_name(name: str, tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["models"][name] = content["models"]["gpt2"]
    assert load_params(write(tmp_path, content | {"model": name})).model == name


def test_a_misspelt_key_is_named_and_not_the_one_it_leaves_missing(tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["training"]["batchsize"] = content["training"].pop("batch_size")
    content["training"]["batchsize"] = 64
    found = refusal(write(tmp_path, content), complete=True)
    assert found == "training.batchsize = 64: unknown key; did you mean batch_size?"


def test_each_process_must_have_a_share_of_a_batch() -> None:
    overrides = {"training.batch_size": 7, "runtime.devices": 4, "runtime.num_nodes": 2}
    message = "training.batch_size = 7: must be at least 1 for each of 8 processes"
    with pytest.raises(UserError, match=message):
        load_params(overrides=overrides)
    load_params(overrides={**overrides, "training.batch_size": 8})


def test_fsdp_needs_a_range_without_a_scaler() -> None:
    overrides = {"training.optimizer": "adamw", "runtime.strategy": "fsdp"}
    load_params(overrides={**overrides, "training.precision": "bf16-mixed"})
    with pytest.raises(UserError, match=r"runtime.strategy = 'fsdp': needs training.precision = 3"):
        load_params(overrides={**overrides, "training.precision": "16-mixed"})


@pytest.mark.parametrize("digits", [10, 60, 400])
@pytest.mark.parametrize("path", list(leaves(CONTENT)), ids=".".join)
def test_an_absurdly_large_number_loads_or_is_one_line(path: tuple[str, ...], digits: int) -> None:
    assert_loads_or_is_one_line(changed(path, 10**digits))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"B": 2**32, "ops": "*"}, ""),
        ({"B": 10**599, "ops": "+"}, ""),
        ({"B": 10**600, "ops": "+"}, "must have at most 600 digits"),
        ({"B": 10**4000, "ops": "+"}, "must have at most 600 digits"),
        ({"B": 9 * 10**599, "ops": "+"}, "totals of N = 2 operands must have at most 600 digits"),
        ({"B": 10**299, "ops": "*"}, ""),
        ({"B": 10**300, "ops": "*"}, "totals of N = 2 operands must have at most 600 digits"),
        ({"B": 9, "ops": "*-", "N": 600}, ""),
        ({"B": 10, "ops": "*", "N": 600}, "totals of N = 600 operands must have at most 600"),
        ({"B": 999, "ops": "+-/", "N": 7}, ""),
        ({"B": 2**30, "ops": "*/"}, ""),
        ({"B": 2**32, "ops": "*/"}, "with / in ops, totals of N = 2 operands must fit in 63 bits"),
        ({"B": 2**62, "ops": "/"}, "with / in ops, totals of N = 2 operands must fit in 63 bits"),
    ],
)
def test_numbers_that_are_too_large_are_refused(changes: dict[str, Any], rule: str) -> None:
    overrides = {f"data.{key}": value for key, value in changes.items()}
    if not rule:
        assert load_params(overrides=overrides).data.B == changes["B"]
        return
    with pytest.raises(UserError, match=r"^data\.B = [^:]*: ") as caught:
        load_params(overrides=overrides)
    assert rule in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("written", "number"),
    [("1e-05", 1e-05), ("1E-5", 1e-05), ("2.e-3", 0.002), ("+1e0", 1.0), ("1", 1.0)],
)
def test_floats_are_those_of_yaml_1_2(written: str, number: float, tmp_path: Path) -> None:
    text = re.sub(r"learning_rate: .*", f"learning_rate: {written}", TEXT)
    assert text != TEXT
    rate = load_params(write(tmp_path, text)).training.learning_rate
    assert isinstance(rate, float)
    assert rate == number


@pytest.mark.parametrize("word", ["on", "off"])
def test_truth_values_are_those_of_yaml_1_2(word: str, tmp_path: Path) -> None:
    text = re.sub(r"compile: .*", f"compile: {word}", TEXT)
    assert load_params(write(tmp_path, text)).runtime.compile == word
    text = re.sub(r"tie_weights: .*", f"tie_weights: {word}", TEXT)
    assert f"tie_weights = '{word}': must be a valid boolean" in refusal(write(tmp_path, text))


@pytest.mark.parametrize(("written", "number"), [("010", 10), ("0o10", 8), ("1_0", 10)])
def test_integers_are_those_that_dvc_reads(written: str, number: int, tmp_path: Path) -> None:
    text = re.sub(r"(?<=  seed: ).*", written, TEXT)
    params = load_params(write(tmp_path, text))
    assert (params.data.seed, params.training.seed) == (number, number)


def test_what_yaml_1_1_takes_for_a_number_is_refused(tmp_path: Path) -> None:
    text = re.sub(r"max_steps: .*", "max_steps: 33:20", TEXT)
    found = refusal(write(tmp_path, text))
    assert found.startswith("training.max_steps = '33:20': must be a valid integer")


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    line = TEXT[: TEXT.index("  weight_decay:")].count("\n") + 2
    text = TEXT.replace("  weight_decay:", "  weight_decay: 0.2\n  weight_decay:", 1)
    found = refusal(write(tmp_path, text))
    assert found.startswith(f'line {line}: not valid YAML: found duplicate key "weight_decay"')


def test_an_invisible_character_of_a_key_is_shown(tmp_path: Path) -> None:
    # At the beginning of a file it is allowed; elsewhere it comes with text from another file.
    mark = "\ufeff"
    assert load_params(write(tmp_path, mark + TEXT)) == load_params()
    found = refusal(write(tmp_path, TEXT.replace("\ntraining:", f"\n{mark}training:")))
    assert found.startswith("'\\ufefftraining' = {")
    assert found.endswith("unknown key; did you mean training?")


def test_a_file_that_says_what_differs_is_completed_key_by_key(tmp_path: Path) -> None:
    text = "{model: gpt2, data: {ops: '-'}, models: {gpt2: {d_ff: 64}, llama2: {norm: layernorm}}}"
    expected = copy.deepcopy(CONTENT)
    expected["model"], expected["data"]["ops"] = "gpt2", "-"
    expected["models"]["gpt2"]["d_ff"] = 64
    expected["models"]["llama2"]["norm"] = "layernorm"
    assert load_params(write(tmp_path, text)).model_dump() == expected


def test_an_architecture_of_ones_own_is_named_where_it_is_incomplete(tmp_path: Path) -> None:
    own = CONTENT["models"]["gpt2"] | {"d_ff": 64}
    path = write(tmp_path, {"model": "mine", "models": {"mine": own}})
    assert load_params(path).model_config_in_use.d_ff == 64
    del own["n_heads"]
    path = write(tmp_path, {"model": "mine", "models": {"mine": own}})
    assert refusal(path) == "models.mine.n_heads: missing"


DESCRIBED_MODEL = {
    "d_model": 128,
    "n_heads": 4,
    "n_layers": 4,
    "d_ff": 512,
    "max_seq_len": 64,
    "dropout": 0.1,
    "tie_weights": True,
    "n_experts": 4,
    "top_k": 2,
    # What is published, where the description says nothing.
    "rope_theta": 10000.0,
    "init_std": 0.02,
}
DESCRIBED_TRAINING = {
    "optimizer": "adamw",
    "batch_size": 64,
    "learning_rate": 3.0e-4,
    "weight_decay": 0.1,
    "warmup_steps": 100,
    "max_steps": 10000,
    "grad_clip": 1.0,
    "accumulate_grad_batches": 1,
    "val_check_interval": 0.25,
    "patience": 5,
    "keep_best": 2,
    "beta1": 0.9,
    "beta2": 0.999,
}
STAND_ALONE = """
model:
    name: {name}
    d_model: 96
    n_heads: 6
    n_layers: 3
    d_ff: 200
    max_seq_len: 32
    dropout: 0.1
    norm: rmsnorm
    mlp: swiglu
    pos_encoding: rope
    tie_weights: false
training:
    batch_size: 32
    learning_rate: 3.0e-4
    weight_decay: 0.2
    warmup_steps: 100
    max_steps: 10000
    grad_clip: 0.5
    accumulate_grad_batches: 2
    val_check_interval: 0.5
"""


@pytest.mark.parametrize("name", ["gpt2", "llama2", "mixtral"])
def test_a_stand_alone_file_is_completed_from_the_shipped_one(name: str, tmp_path: Path) -> None:
    text = STAND_ALONE.format(name=name)
    given_ = yaml.safe_load(text)
    params = load_params(write(tmp_path, text))
    assert params.model == name
    model = params.model_config_in_use.model_dump()
    shipped = yaml.safe_load((CONFIGS_DIR / f"{name}.yaml").read_text())
    assert model == shipped["model"] | given_["model"]
    assert params.training.model_dump() == shipped["training"] | given_["training"]
    # Nothing of the repository's recipe comes in.
    assert (params.training.optimizer, model["rope_theta"]) == ("adamw", 10000.0)
    assert (params.training.patience, model["init_std"]) == (5, 0.02)
    for section in ("data", "evaluation", "runtime"):
        assert getattr(params, section).model_dump() == CONTENT[section]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {}", "model.name = None: must be one of gpt2, llama2, mixtral"),
        ("model: {name: [gpt2]}", "model.name = ['gpt2']: must be one of gpt2, llama2, mixtral"),
        ("model: {name: bert}", "model.name = 'bert': must be one of gpt2, llama2, mixtral"),
        ("model: {name: llama2, d_model: 131}", "model.d_model = 131: must be divisible by n_h"),
        ("model: {name: gpt2, d_ff: x}", "model.d_ff = 'x': must be a valid integer"),
        ("model: {name: gpt2, layers: 3}", "model.layers = 3: unknown key; "),
        ("model: {name: gpt2, zz: [models.gpt2.]}", "model.zz = ['models.gpt2.']: unknown key; "),
        ("model: {name: gpt2}\nmodels: {}", "models: is of no use beside a model: section"),
        ("model: {name: gpt2}\ntraining: 3", "training = 3: must be a valid dictionary"),
        ("model: {name: gpt2}\ntraining: {lr: 1}", "training.lr = 1: unknown key; choices: "),
        ("model: {name: gpt2}\noptimizer: {}", "optimizer = {}: unknown key; choices: "),
    ],
)
def test_a_stand_alone_file_is_checked_like_the_repositorys(
    text: str, message: str, tmp_path: Path
) -> None:
    found = refusal(write(tmp_path, text))
    assert found.startswith(message)
    assert "\n" not in found


@pytest.mark.parametrize("name", ["gpt2", "llama2", "mixtral"])
def test_the_shipped_files_hold_every_key_and_the_descriptions_values(name: str) -> None:
    path = CONFIGS_DIR / f"{name}.yaml"
    content = yaml.safe_load(path.read_text())
    for section, fields in (
        ("model", ModelConfig.model_fields),
        ("training", TrainingConfig.model_fields),
    ):
        assert [f"{section}.{key}" for key in fields if key not in content[section]] == []
    assert set(content) == {"model", "training"}
    params = load_params(path)
    assert params.model_config_in_use.model_dump() == content["model"]
    assert params.training.model_dump() == content["training"]
    assert content["model"].items() >= (DESCRIBED_MODEL | {"name": name}).items()
    assert content["training"].items() >= DESCRIBED_TRAINING.items()
    kinds = {
        "gpt2": ("layernorm", "gelu", "learned"),
        "llama2": ("rmsnorm", "swiglu", "rope"),
        "mixtral": ("rmsnorm", "moe", "rope"),
    }
    assert tuple(content["model"][key] for key in ("norm", "mlp", "pos_encoding")) == kinds[name]


def test_the_shipped_data_is_the_descriptions() -> None:
    path = CONFIGS_DIR / "data.yaml"
    content = yaml.safe_load(path.read_text())
    assert set(content) == {"data"}
    assert [f"data.{key}" for key in DataConfig.model_fields if key not in content["data"]] == []
    data = load_params(path).data
    assert data.model_dump() == content["data"]
    assert (data.n_samples, data.N, data.A, data.B) == (70000, 2, 0, 999)
    assert (data.ops, data.seed, data.length_balance) == ("+", 0, 0.0)


def test_a_shipped_file_that_lacks_a_key_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (CONFIGS_DIR / "gpt2.yaml").read_text()
    monkeypatch.setattr("src.params.CONFIGS_DIR", tmp_path)
    shipped = tmp_path / "gpt2.yaml"
    shipped.write_text(text.replace("  patience: 5\n", ""))
    assert refusal(shipped) == "training.patience: missing"
    shipped.write_text(text.replace("  d_ff: 512\n", ""))
    assert refusal(shipped) == "model.d_ff: missing"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "a: b: c",
        "[" * 500,
        "\x00",
        "? [1, 2]\n: 3",
        "<<: 3",
        "a: &a [*a]",
        "model: &a {name: *a}",
        "x: !!int ten",
        "x: !!float ten",
        "x: !!bool ten",
        "x: !!timestamp ten",
        "x: !!python/object:os.system {}",
        "x: 2020-13-45",
        "x: " + "1" * 5000,
        "--- 1\n--- 2",
        TEXT + "\n1: 2",
        TEXT + "\nnull: 2",
        TEXT + '\n"a\\nb": 2',
        TEXT + '\n"\\uD800": 2',
        re.sub("ops: .*", r'ops: "\\u2028\\uD800"', TEXT),
        TEXT.replace("model: llama2", 'model: "\\uD800"'),
        re.sub("  llama2:", "  1:", TEXT),
        re.sub("  N: ", "  2: ", TEXT),
        re.sub(r"(?<=  n_samples: ).*", "0x1" + "0" * 400, TEXT),
    ],
    ids=range(27),
)
def test_odd_documents_are_one_line(text: str) -> None:
    assert_loads_or_is_one_line(text)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing.yaml") == "no such file"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    assert refusal(path).startswith("not valid YAML: ")


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**5), 10**5)
    | st.floats()
    | st.dates()
    | st.binary(max_size=8)
    | st.text(max_size=8)
    | st.sampled_from(["gpt2", "llama2", "auto", "+", "+-*/", "1e5", "layernorm"])
)
keys = st.sampled_from(["model", "name", "models", "data", "training", "gpt2", "d_model", "N"])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys | scalars.filter(lambda key: key == key), inner, max_size=3)
    ),
    max_leaves=8,
)
PATHS = [
    *leaves(CONTENT),
    *((key,) for key in CONTENT),
    *(("models", m) for m in CONTENT["models"]),
]


@settings(deadline=None, max_examples=60)
@given(values | st.dictionaries(keys, values, max_size=4))
def test_any_document_loads_or_is_one_line(content: object) -> None:
    assert_loads_or_is_one_line(yaml.safe_dump(content))


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60) | st.text("model: {}[]&*!|>'\"\n\t,?-#%@123", max_size=60))
def test_any_text_loads_or_is_one_line(text: str) -> None:
    assert_loads_or_is_one_line("model: {name: gpt2}\n" + text.encode(errors="ignore").decode())


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(PATHS), values)
def test_any_changed_value_loads_or_is_one_line(path: tuple[str, ...], value: object) -> None:
    assert_loads_or_is_one_line(changed(path, value))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([(), *((key,) for key in SECTIONS), ("models", "gpt2")]), values, values)
def test_any_added_key_loads_or_is_one_line(
    path: tuple[str, ...], key: object, value: object
) -> None:
    name = key if isinstance(key, str | int | float | bool | None) else repr(key)
    assert_loads_or_is_one_line(changed((*path, name), value))


def test_overrides_come_last_and_are_checked() -> None:
    params = load_params(overrides={"data.N": 3, "training.seed": 4})
    assert (params.data.N, params.training.seed) == (3, 4)
    assert params.data.B == CONTENT["data"]["B"]
    with pytest.raises(UserError, match=r"data\.N = 1: must be greater than or equal to 2"):
        load_params(overrides={"data.N": 1})
    assert load_params().data.N == CONTENT["data"]["N"]


@pytest.mark.parametrize("path", [("model",), ("data", "N"), ("training", "seed"), ("data",)])
def test_a_value_cannot_be_assigned(path: tuple[str, ...]) -> None:
    section: Any = load_params()
    for key in path[:-1]:
        section = getattr(section, key)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(section, path[-1], 3)


def test_an_entry_of_models_cannot_be_assigned() -> None:
    params: Params = load_params()
    with pytest.raises(ValidationError, match="frozen"):
        params.models["gpt2"].d_model = 64  # type: ignore[misc]
    entries: Any = params.models
    with pytest.raises(TypeError, match="does not support item assignment"):
        entries["gpt2"] = params.models["llama2"]
