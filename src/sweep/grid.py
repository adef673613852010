"""The runs of a sweep: every combination of architecture, seed and values, checked and named."""

from __future__ import annotations

import difflib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.errors import UserError
from ..params import PARAMS_FILE, load_params

# Keys that have a flag of their own.
_FLAGS = {"model": "--models", "training.seed": "--seeds"}


@dataclass(frozen=True)
class Run:
    """An experiment: its name, and its changes of params.yaml, each as ``key=value``."""

    name: str
    overrides: tuple[str, ...]


def grid(models: Sequence[str], seeds: Sequence[int], changes: Sequence[str]) -> list[Run]:
    """A run for each combination of architecture, seed and values.

    Args:
        models: names of architectures.
        changes: ``key=value`` for all runs, or ``key=value,value`` for runs with each value, in
            the syntax of `dvc exp run --set-param`.

    Raises:
        UserError: naming the change whose key or value params.yaml does not allow.
    """
    # DVC and Hydra take a second to import.
    from dvc.utils.hydra import get_hydra_sweeps
    from hydra.errors import HydraException

    for change in changes:
        flag = _FLAGS.get(change.partition("=")[0])
        if flag:
            raise UserError(f"-S {change}: {flag} says that")
    _check_keys(changes)
    axes = [f"model={','.join(models)}", f"training.seed={','.join(map(str, seeds))}"]
    try:
        combinations = get_hydra_sweeps({PARAMS_FILE.name: [*axes, *sorted(changes)]})
    except (HydraException, ValueError) as error:
        raise UserError(f"-S {' -S '.join(changes)}: {_first_line(error)}") from None
    runs = {}
    for combination in combinations:
        overrides = combination[PARAMS_FILE.name]
        _check_allowed(overrides)
        run = _run_of(overrides)
        runs[run.name] = run
    return list(runs.values())


def _run_of(overrides: list[str]) -> Run:
    """A run with the name that `make compare` would give it, and other changes behind that.

    Changes of another architecture's section are left out, as they change nothing. The section
    `runtime:` changes no result, and so is not in the name.

    >>> _run_of(["model=gpt2", "training.seed=0", "models.llama2.d_ff=64"])
    Run(name='gpt2-seed0', overrides=('model=gpt2', 'training.seed=0'))
    >>> _run_of(["model=gpt2", "training.seed=0", "training.learning_rate=1e-3"]).name
    'gpt2-seed0-learning_rate-0.001'
    >>> _run_of(["model=gpt2", "training.seed=0", "runtime.progress=false"])
    Run(name='gpt2-seed0', overrides=('model=gpt2', 'training.seed=0', 'runtime.progress=false'))
    >>> _run_of(["model=gpt2", "training.seed=0", "data.ops='+*'", "data.seed=1"]).name
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
        if key.startswith("runtime."):
            continue
        # Without the characters that git refuses in a name; a hash keeps two values apart that
        # are equal without them.
        plain = re.sub(r"[^\w+.-]|\.(?!\w)", "", value, flags=re.ASCII)
        if plain != value:
            plain += f"-{hashlib.sha256(value.encode()).hexdigest()[:6]}"
        name += f"-{_short_key(key)}-{plain}"
    return Run(name, tuple(kept))


def _short_key(key: str) -> str:
    """The last part of a dotted key, or all of it where another section has that key too."""
    content = load_params().model_dump()
    sections = [content["models"][content["model"]], *content.values()]
    word = key.rpartition(".")[2]
    named = [section for section in sections if isinstance(section, dict) and word in section]
    return word if len(named) < 2 else key


def _check_keys(changes: Sequence[str]) -> None:
    """Refuse keys that params.yaml does not have; DVC would explain how to add them."""
    content = load_params().model_dump()
    in_use = f"models.{content['model']}"
    sections = {**content, in_use: content["models"][content["model"]]}
    for change in changes:
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
                raise UserError(f"-S {change}: unknown key; {said}")
            section, above = section[part], f"{above}{part}."


def _near(part: str, names: Iterable[str]) -> list[str]:
    """The name that was probably meant.

    >>> [_near(part, ["seed", "learning_rate"]) for part in ("sed", "lr", "x")]
    [['seed'], ['learning_rate'], []]
    """
    close = difflib.get_close_matches(part, names, n=1)
    return close or [name for name in names if part == "".join(w[0] for w in name.split("_"))]


def _check_allowed(overrides: list[str]) -> None:
    """Refuse wrong changes of params.yaml here, before runs on other machines do."""
    from dvc.utils.hydra import apply_overrides
    from omegaconf.errors import OmegaConfBaseException

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(PARAMS_FILE, folder))
        try:
            apply_overrides(copy, overrides)
            load_params(copy, complete=True)
        except UserError as error:
            raise UserError(str(error).removeprefix(f"{copy}: ")) from None
        except (ValueError, OmegaConfBaseException) as error:
            raise UserError(_first_line(error.__cause__ or error)) from None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
