"""The runs of a sweep: every combination of architecture, seed and values, checked and named."""

from __future__ import annotations

import difflib
import hashlib
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import UserError
from ..common.yaml_1_2 import read_yaml
from ..params import PARAMS_FILE, load_params

# Keys that have a flag of their own.
_FLAGS = {"model": "--models", "training.seed": "--seeds"}
# Sections that leave the weights as they are, and so are not in a run's name.
_UNNAMED = ("evaluation.", "runtime.")

# Characters of a name: logs are named by it, and git's and DVC's files with a few more characters.
_LONGEST = 200


@dataclass(frozen=True)
class Run:
    """An experiment.

    Attributes:
        name: its name.
        overrides: its changes of params.yaml, each as ``key=value``.
        params: content of its params.yaml.
    """

    name: str
    overrides: tuple[str, ...]
    params: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


def grid(
    models: Sequence[str] | None,
    seeds: Sequence[int] | None,
    changes: Sequence[str],
    groups: Sequence[str] = (),
    params: str | None = None,
) -> list[Run]:
    """A run for each combination of architecture, seed, values, and group of changes.

    Args:
        models: names of architectures; None: that of params.yaml.
        seeds: None: that of params.yaml.
        changes: ``key=value`` for all runs, or ``key=value,value`` for runs with each value, in
            the syntax of `dvc exp run --set-param`.
        groups: ``key=value,key=value``, changes that a run has together; without any, the runs
            have only `changes`.
        params: text of the params.yaml that the runs start from; None: this repository's.

    Raises:
        UserError: naming the change whose key or value params.yaml does not allow.
    """
    text = PARAMS_FILE.read_text(encoding="utf-8") if params is None else params
    defaults = applied(text, [])
    for model in models or ():
        if model not in defaults["models"]:
            choices = ", ".join(defaults["models"])
            raise UserError(f"--models {model}: must be of those of params.yaml: {choices}")
    for change in changes:
        flag = _FLAGS.get(_key(change))
        if flag:
            raise UserError(f"-S {change}: {flag} says that")
    taken = {_key(change): "-S" for change in changes}
    axes: dict[str, Sequence[str | int]] = {
        "model": [defaults["model"]],
        "training.seed": [defaults["training"]["seed"]],
    }
    for key, given in zip(axes, (models, seeds), strict=True):
        if given is not None:
            axes[key], taken[key] = given, _FLAGS[key]
    runs: dict[str, Run] = {}
    for group in groups or [""]:
        words = {key: f"{key}={','.join(map(str, values))}" for key, values in axes.items()}
        # A comma ends a change where a key follows.
        for change in re.split(r",(?=[+\w.]+=)", group) if group else []:
            key = _key(change)
            if key in taken:
                raise UserError(f"--each {group}: {taken[key]} says {key}")
            words[key] = change
        model, seed, *others = words.values()
        said = [f"-S {change}" for change in changes] + [f"--each {group}"] * bool(group)
        for overrides in _combined([model, seed, *sorted([*others, *changes])], " ".join(said)):
            try:
                check_keys(overrides, defaults)
            except UserError as error:
                raise UserError(f"-S {error}") from None
            run = _run_of(overrides, defaults, applied(text, overrides))
            same = runs.setdefault(run.name, run)
            if same != run:
                two = " and ".join(sorted({*run.overrides} ^ {*same.overrides}))
                raise UserError(f"two runs would be {run.name}: {two}")
    return list(runs.values())


def _key(change: str) -> str:
    return change.partition("=")[0]


def _combined(changes: list[str], said: str) -> list[list[str]]:
    """The changes of each run, where a change has several values."""
    # DVC and Hydra take a second to import.
    from dvc.utils.hydra import get_hydra_sweeps
    from hydra.errors import HydraException

    try:
        combinations = get_hydra_sweeps({PARAMS_FILE.name: changes})
    except (HydraException, ValueError) as error:
        raise UserError(f"{said}: {_first_line(error)}") from None
    return [combination[PARAMS_FILE.name] for combination in combinations]


def _run_of(overrides: list[str], defaults: dict[str, Any], params: dict[str, Any]) -> Run:
    """A run, named by its architecture, its seed and its other changes.

    Changes of another architecture's section are left out, as they change nothing. The sections
    `evaluation:` and `runtime:` change no weights, and so are not in the name.

    >>> defaults = {"model": "gpt2", "models": {"gpt2": {}}, "data": {"seed": 0, "ops": "+"},
    ...     "training": {"seed": 0, "learning_rate": 0.004}}
    >>> _run_of(["model=gpt2", "training.seed=0", "models.llama2.d_ff=64"], defaults, {})
    Run(name='gpt2-seed0', overrides=('model=gpt2', 'training.seed=0'))
    >>> _run_of(["model=gpt2", "training.seed=0", "training.learning_rate=1e-3"], defaults, {}).name
    'gpt2-seed0-learning_rate-0.001'
    >>> _run_of(["model=gpt2", "training.seed=0", "evaluation.n_samples=9"], defaults, {})
    Run(name='gpt2-seed0', overrides=('model=gpt2', 'training.seed=0', 'evaluation.n_samples=9'))
    >>> changes = ["model=gpt2", "training.seed=0", "data.ops='+*'", "data.seed=1"]
    >>> _run_of(changes, defaults, {}).name
    'gpt2-seed0-ops-+-30f907-data.seed-1'
    """
    from dvc.utils.hydra import to_hydra_overrides

    # Hydra knows that 1e-3 and 0.001 are one value.
    parsed = {
        change.key_or_group: (change.get_value_element_as_str(), change.input_line)
        for change in to_hydra_overrides(overrides)
    }
    (model, _), (seed, _), *values = parsed.values()
    name, kept = f"{model}-seed{seed}", overrides[:2]
    for key, (value, change) in zip(list(parsed)[2:], values, strict=True):
        if key.startswith("models.") and not key.startswith(f"models.{model}."):
            continue
        kept.append(change)
        if key.startswith(_UNNAMED):
            continue
        # Without the characters that git refuses in a name; a hash keeps two values apart that
        # are equal without them.
        plain = re.sub(r"[^\w+.-]|\.(?!\w)", "", value, flags=re.ASCII)
        if plain != value:
            plain += f"-{_hash(value)}"
        name += f"-{_short(key, defaults)}-{plain}"
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{_hash(name)}"
    return Run(name, tuple(kept), params)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _short(key: str, defaults: dict[str, Any]) -> str:
    """The last part of a dotted key, or all of it where another section has that key too."""
    sections = [defaults["models"][defaults["model"]], *defaults.values()]
    word = key.rpartition(".")[2]
    named = [section for section in sections if isinstance(section, dict) and word in section]
    return word if len(named) < 2 else key


def check_keys(overrides: Iterable[str], content: dict[str, Any]) -> None:
    """Refuse keys that params.yaml does not have; DVC would explain how to add them.

    Args:
        content: that of params.yaml.

    Raises:
        UserError: with the change, and the key that was probably meant.
    """
    in_use = f"models.{content['model']}"
    sections = {**content, in_use: content["models"][content["model"]]}
    for change in overrides:
        section: Any = content
        above = ""
        for part in change.lstrip("+~").partition("=")[0].split("."):
            if not isinstance(section, dict):
                break
            if part not in section:
                near = [f"{above}{name}" for name in _near(part, section)]
                near = near or [
                    f"{name}.{part}"
                    for name, values in sections.items()
                    if isinstance(values, dict) and part in values
                ]
                choices = f"choices: {', '.join(section)}"
                said = f"did you mean {' or '.join(near)}?" if near else choices
                raise UserError(f"{change}: unknown key; {said}")
            section, above = section[part], f"{above}{part}."


def _near(part: str, names: Iterable[str]) -> list[str]:
    """The name that was probably meant.

    >>> [_near(part, ["seed", "learning_rate"]) for part in ("sed", "lr", "x")]
    [['seed'], ['learning_rate'], []]
    """
    close = difflib.get_close_matches(part, names, n=1)
    return close or [name for name in names if part == "".join(w[0] for w in name.split("_"))]


def applied(text: str, overrides: list[str]) -> dict[str, Any]:
    """The content of a params.yaml with changes, refused here if it is wrong, before runs do.

    Args:
        text: of the params.yaml.
        overrides: ``key=value``, as `dvc exp run --set-param` takes them.

    Raises:
        UserError: naming the key and the value.
    """
    from dvc.utils.hydra import apply_overrides
    from omegaconf.errors import OmegaConfBaseException

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, PARAMS_FILE.name)
        copy.write_text(text, encoding="utf-8")
        try:
            if overrides:
                apply_overrides(copy, overrides)
            load_params(copy, complete=True)
        except UserError as error:
            raise UserError(str(error).removeprefix(f"{copy}: ")) from None
        except (ValueError, OmegaConfBaseException) as error:
            raise UserError(_first_line(error.__cause__ or error)) from None
        content: dict[str, Any] = read_yaml(copy)
        return content


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
