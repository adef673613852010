"""Whether an experiment that is there is the one that a run would make."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..common.errors import UserError
from ..common.yaml_1_2 import parse_yaml
from ..compare.commits import read
from .grid import Run
from .repository import changed, stages


def difference(run: Run, experiment: str, commit: str) -> str:
    """What an experiment lacks to be that of a run, in a few words; empty if nothing.

    Args:
        experiment: a commit that this repository has.
        commit: the one that the run starts from.
    """
    sources = changed(commit, experiment, without=("params.yaml", "dvc.lock"))
    if sources:
        return f"with another {sources[0]}"
    try:
        lock = parse_yaml(read(experiment, "dvc.lock"), "dvc.lock")["stages"]
    except UserError:
        lock = {}
    # Those of all stages that ran: DVC writes down what each of them read.
    made = {out["path"]: out["md5"] for stage in lock.values() for out in stage.get("outs", ())}
    deps = [dep for stage in lock.values() for dep in stage.get("deps", ())]
    if stages(commit).keys() - lock.keys() or any(
        made.get(dep["path"], dep["md5"]) != dep["md5"] for dep in deps
    ):
        return "unfinished"
    return with_other_parameters(run.params, lock)


def unlike(experiments: Mapping[str, str], cached: Collection[str]) -> list[str]:
    """Those of some experiments that were trained on other hardware than the others.

    Only such as DVC had from before: the number of threads is no parameter, so that it takes a
    training with all of them, as of `make repro`, for one with half of them.

    Args:
        experiments: the commit of each, by name.
        cached: the names of those whose training DVC had from before.
    """
    machines = {}
    for name, commit in experiments.items():
        metrics = json.loads(read(commit, "metrics/train.json"))
        machines[name] = metrics.get("hardware"), metrics.get("torch")
    trained = [machine for name, machine in machines.items() if name not in cached]
    # Where none was trained just now, as most of them were.
    usual = Counter(trained or machines.values()).most_common(1)
    return [name for name, machine in machines.items() if name in cached and machine != usual[0][0]]


def with_other_parameters(params: dict[str, Any], lock: dict[str, Any]) -> str:
    """The parameters that the stages of a dvc.lock read otherwise, with what they read.

    Args:
        params: content of a params.yaml.
        lock: the stages of a dvc.lock.

    >>> lock = {"evaluate": {"params": {"params.yaml": {"evaluation": {"exhaustive": True}}}}}
    >>> with_other_parameters({"evaluation": {"exhaustive": False}}, lock)
    'with other parameters, evaluation.exhaustive=True'
    >>> with_other_parameters({"evaluation": {"exhaustive": True}, "runtime": {}}, lock)
    ''
    """
    differing = []
    for stage in lock.values():
        for section, then in stage.get("params", {}).get("params.yaml", {}).items():
            now: Any = params
            for word in section.split("."):
                now = now.get(word, {}) if isinstance(now, dict) else None
            old, new = dict(_flat(section, then)), dict(_flat(section, now))
            differing += [
                f"{key}={old.get(key, 'not there')}"
                for key in sorted(old.keys() | new.keys())
                if old.get(key) != new.get(key)
            ]
    return f"with other parameters, {', '.join(differing)}" if differing else ""


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for word, part in value.items():
            yield from _flat(f"{key}.{word}", part)
    else:
        yield key, value
