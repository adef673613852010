"""Like with like: data sets apart, and in each the runs that differ in nothing but the seed.

A run belongs to a group by all that can change its result: data, parameters, the sources that
trained and graded it, and the hardware and PyTorch that rounded its numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .experiments import Experiment, settings

# Runs that differ in nothing but the seed, by label.
Groups = dict[str, list[Experiment]]
# What a group differs in from the default, in a word or two each.
Differences = tuple[str, ...]


@dataclass(frozen=True)
class DataSet:
    """All groups of runs on the same data.

    Attributes:
        label: what its parameters differ in from other data sets of the comparison, or its hash.
        groups: by label; the label is the architecture, and what differs from the default.
        differences: the second part of each label, by label.
        common: what a label does not name: what all runs have changed from the default, and the
            machine of most of them.
        repeated: for each run with the weights of another one, its name and the other's.
    """

    label: str
    groups: Groups
    differences: dict[str, Differences]
    common: list[str]
    repeated: list[tuple[str, str]]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Labels of the groups that are compared.

        Different architectures that differ from their defaults in the same; and each other
        configuration with the one of its architecture that differs least, which is its default.
        """
        labels = list(self.groups)
        defaults: dict[str, str] = {}
        for label in sorted(labels, key=lambda label: len(self.differences[label])):
            defaults.setdefault(self._architecture(label), label)
        found = []
        for i, a in enumerate(labels):
            for b in labels[i + 1 :]:
                alike = self.differences[a] == self.differences[b]
                if self._architecture(a) != self._architecture(b):
                    if alike:
                        found.append((a, b))
                elif a == defaults[self._architecture(a)]:
                    found.append((a, b))
                elif b == defaults[self._architecture(b)]:
                    found.append((b, a))
        return found

    def _architecture(self, label: str) -> str:
        return self.groups[label][0].architecture


def data_sets(experiments: Sequence[Experiment], defaults: Mapping[str, Any]) -> list[DataSet]:
    """The runs by data set, and in each by configuration.

    Args:
        defaults: content of the params.yaml that differences are told from.
    """
    by_data: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        by_data.setdefault(experiment.data, []).append(experiment)
    labels = _data_labels({data: runs[0] for data, runs in by_data.items()})
    return [_data_set(labels[data], runs, defaults) for data, runs in by_data.items()]


def _data_labels(examples: Mapping[str, Experiment]) -> dict[str, str]:
    """For each data set the parameters in which it differs from the others."""
    sections = {data: run.params.get("data", {}) for data, run in examples.items()}
    keys = [key for key in dict.fromkeys(k for s in sections.values() for k in s) if key]
    differing = [k for k in keys if len({repr(s.get(k)) for s in sections.values()}) > 1]
    labels = {
        data: " ".join(f"{key}={section[key]}" for key in differing if key in section)
        for data, section in sections.items()
    }
    count = Counter(labels.values())
    # Other code may draw other problems with the same parameters; imported data has none.
    return {
        data: label if count[label] == 1 and label else f"{label} data {data[:7]}".strip()
        for data, label in labels.items()
    }


def _data_set(label: str, runs: list[Experiment], defaults: Mapping[str, Any]) -> DataSet:
    kept, repeated = _distinct(sorted(runs, key=_order))
    # Of evaluations by hand no training is known.
    ours = [run for run in kept if run.folder is None]
    machines, codes = (Counter(v) for v in zip(*((r.machine, r.code) for r in ours), strict=True))
    usual_machine, usual_code = (counts.most_common(1)[0][0] for counts in (machines, codes))
    changes = {run.name: _changes(run, defaults) for run in ours}
    # What all have changed alike tells no two apart.
    shared = set.intersection(*(set(each.items()) for each in changes.values()))

    groups: Groups = {}
    differences: dict[str, Differences] = {}
    for run in kept:
        if run.folder is not None:
            own = [f"({run.name})"]
        else:
            own = [
                f"{_short(key, changes.values())}={value}"
                for key, value in changes[run.name].items()
                if (key, value) not in shared
            ]
            if run.code != usual_code:
                own.append(f"code={run.code[:7]}")
            if run.machine != usual_machine:
                own.append(_machine_unlike(run.machine, usual_machine))
        name = " ".join([run.architecture, *own])
        if any(other.seed == run.seed for other in groups.get(name, ())):
            # The same seed and yet other weights: apart, under its own name.
            own.append(f"again ({run.name})")
            name = " ".join([run.architecture, *own])
        groups.setdefault(name, []).append(run)
        differences[name] = tuple(own)
    # Defaults first.
    ranked = sorted(groups, key=lambda name: (_order(groups[name][0])[:2], len(differences[name])))
    groups = {name: groups[name] for name in ranked}
    common = [f"{key.split('.', 1)[1]}={value}" for key, value in sorted(shared)]
    common.append(f"on {usual_machine}")
    return DataSet(label, groups, differences, common, repeated)


def _machine_unlike(machine: str, usual: str) -> str:
    """What a machine's description has that the usual one has not, or the other way round.

    >>> _machine_unlike("cpu: AVX2, 2 threads, compiled", "cpu: AVX2, 1 thread, compiled")
    'on 2 threads'
    >>> _machine_unlike("cpu: AVX2, 1 thread", "cpu: AVX2, 1 thread, compiled")
    'without compiled'
    """
    words, others = machine.split(", "), usual.split(", ")
    own = [word for word in words if word not in others]
    lacking = [word for word in others if word not in words]
    return f"on {', '.join(own)}" if own else f"without {', '.join(lacking)}"


def _order(run: Experiment) -> tuple[bool, str, int, str]:
    return run.folder is not None, run.architecture, -1 if run.seed is None else run.seed, run.name


def _distinct(runs: list[Experiment]) -> tuple[list[Experiment], list[tuple[str, str]]]:
    """One run for each set of weights, and the others with the name of the one that counts.

    Where only one of them graded all problems, that one counts.
    """
    kept: dict[tuple[str, str, str], Experiment] = {}
    repeated = []
    for run in runs:
        graded = [value for name, value in run.settings.items() if name.startswith("evaluation.")]
        key = run.weights, run.code, repr(graded)
        first = kept.setdefault(key, run)
        if first is run:
            continue
        if run.metrics.get("exhaustive_problems") and not first.metrics.get("exhaustive_problems"):
            first, run = run, first
            kept[key] = first
        repeated.append((run.name, first.name))
    return list(kept.values()), repeated


def _changes(run: Experiment, defaults: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a run that are not those of its architecture by default, as texts."""
    default = settings(dict(defaults), run.architecture)
    return {key: str(v) for key, v in run.settings.items() if v != default.get(key, v)}


def _short(key: str, changes: Any) -> str:
    """The last part of a dotted key, or all of it where another one ends like it."""
    word = key.rpartition(".")[2]
    alike = {k for each in changes for k in each if k.rpartition(".")[2] == word}
    sections = {k.split(".")[0] for k in alike}
    return word if len(sections) == 1 else key
