"""The report's sections on the insides of models, from the tables of `python -m src.explain`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pandas as pd

from ..common.files import CHECKPOINT
from ..compare import commits
from ..compare.commits import MissingFileError
from ..compare.comparison import Comparison
from ..compare.experiments import Experiment
from ..explain.tables import read
from .charts import squares
from .page import Figure, Section

# Names of roles on an axis, by the columns of roles.csv.
_ROLES = {
    **{"a_same": "a p", "a_before": "a p-1", "a_other": "a", "b_same": "b p", "b_before": "b p-1"},
    **{"b_other": "b", "operator": "+", "equals": "=", "answer": "s", "bos": "<bos>"},
}
_TOKENS = (
    "Tokens: a2 is the first number's digit of place 2, the tens; b2 the second's, s2 the sum's."
)
_AFTER = "layers passed"


def explained(folder: Path, comparison: Comparison) -> list[Section]:
    """A section for each of the compared runs that was explained; none where none was.

    Args:
        folder: of the tables.

    Raises:
        UserError: if there are tables, and they are damaged.
    """
    tables = read(folder)
    if not tables:
        return []
    runs = [
        run
        for data in comparison.data_sets
        for group in data.groups.values()
        for run in group
        if run.folder is None
    ]
    models = tables["models"]
    known = models["weights"].isin([run.weights for run in runs])
    if not known.all():
        # A checkpoint by hand may be that of a run.
        known |= models["sha256"].isin([_digest(run) for run in runs])
    sections = [
        _section({name: table[table["model"] == model] for name, table in tables.items()})
        for model in models["model"][known]
    ]
    others = models["model"][~known].tolist()
    if others:
        said = (
            f"Left out: {', '.join(others)}, explained in {folder}, but of another checkpoint "
            "than the runs of this report. python -m src.explain looks into these."
        )
        sections.append(Section("Insides of other models", [said]))
    return sections


def _digest(run: Experiment) -> str:
    """SHA-256 of a run's checkpoint; empty where DVC's cache does not have it."""
    try:
        with commits.cached(run.rev, str(CHECKPOINT)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except MissingFileError:
        return ""


def _section(tables: Mapping[str, pd.DataFrame]) -> Section:
    (about,) = tables["models"].to_dict("records")
    text = [
        f"How {about['model']} adds two numbers of {about['digits']} digits, as "
        f"{about['problems']:,} random sums show it (format {about['format']}, checkpoint of "
        f"SHA-256 {str(about['sha256'])[:12]}). All numbers are percents. Places are counted from "
        "the right: 1 are the units. Layers, heads and experts are counted from 0, as in 2.1: "
        "layer 2, head 1."
    ]
    figures = [*_attention(tables["roles"], int(about["digits"])), *_carry(tables)]
    figures += [_lens(tables["lens"], int(about["digits"])), *_missing(tables["ablations"])]
    figures += _called(tables["routing"])
    return Section(f"Inside {about['model']}", text, figures=figures)


def _attention(roles: pd.DataFrame, digits: int) -> Iterator[Figure]:
    long = roles[(roles["answer_digits"] > digits) & roles["place"].between(2, digits)]
    heads = long.groupby(["layer", "head"])[list(_ROLES)].mean().rename(columns=_ROLES)
    cells = heads.reset_index().melt(["layer", "head"], var_name="role", value_name="share")
    chart = squares(_numbered(cells, "head"), "role", "name", ("looks at", "layer.head"))
    caption = (
        "A row a head, and how its attention is divided while the digit of place p is said, mean "
        "of the places with a place before. A full cell is a head with one job: a p and b p are "
        "the digits to add, a p-1 and b p-1 those from which the carry comes, s the answer so far."
    )
    yield Figure("What each head looks at", caption, chart)


def _carry(tables: Mapping[str, pd.DataFrame]) -> Iterator[Figure]:
    probes, patches = tables["probes"], tables["patches"]
    cells = probes.assign(share=probes["accuracy"], panel=_into(probes["place"]))
    untrained = probes.groupby("place")["untrained"].max()
    named = ", ".join(f"{share:.0%} into place {place}" for place, share in untrained.items())
    caption = (
        "How often a linear probe tells from one token's state whether there is a carry, on sums "
        f"that it was not fitted to; 50 has no colour. The best on an untrained model: {named}; "
        f"what is not above it shows nothing. {_TOKENS}"
    )
    chart = squares(cells, "token", "after_layers", ("token", _AFTER), low=0.5)
    yield Figure("Where the carry can be read", caption, chart)
    if not len(patches):
        return
    stream = patches[(patches["part"] == "residual") & (patches["changed"] == "a")]
    tokens = _in_order(stream)
    stream = stream.assign(
        share=stream["flips"],
        panel=_into(stream["place"]),
        token=pd.Categorical(stream["token"], tokens),
        after_layers=stream["after_layers"].astype(int),
    ).sort_values(["place", "token", "after_layers"])
    caption = (
        "Two sums differ in one digit of a, and so in the carry. The state of one token is taken "
        "from one into the other: how often the answer's digit follows. Down the rows, colour "
        f"moves from the digit to the token that says the answer. {_TOKENS}"
    )
    chart = squares(stream, "token", "after_layers", ("token", _AFTER))
    yield Figure("Where the carry travels", caption, chart)
    heads = patches[patches["part"] == "head"].assign(hits=lambda t: t["flips"] * t["pairs"])
    keys = ["place", "layer", "head"]
    sums = heads.astype({"layer": int, "head": int}).groupby(keys)[["hits", "pairs"]].sum()
    cells = sums.assign(share=sums["hits"] / sums["pairs"]).reset_index()
    cells = cells.assign(panel=_into(cells["place"]))
    caption = (
        "The same with the output of one head at all tokens, for digits of a and of b together: a "
        "full cell is a head that alone decides the carry, many faint ones share the work."
    )
    chart = squares(cells, "head", "layer", ("head", "layer"))
    yield Figure("Which head moves it", caption, chart)


def _lens(lens: pd.DataFrame, digits: int) -> Figure:
    long = lens[lens["answer_digits"] > digits].assign(share=lambda t: t["probability"])
    caption = (
        "The probability of the right digit, where it is said, if the model ended after so many "
        "layers: the column in which a row fills is where that digit is decided."
    )
    chart = squares(long, "after_layers", "place", (_AFTER, "place"))
    return Figure("When each digit is known", caption, chart)


def _missing(ablations: pd.DataFrame) -> Iterator[Figure]:
    wrong = ablations.assign(wrong=(1 - ablations["exact_match"]) * ablations["problems"])
    keys = ["layer", "number", "how", "carries"]
    lost = wrong.groupby(keys, as_index=False)[["wrong", "problems"]].sum()
    lost = lost.assign(share=lost["wrong"] / lost["problems"])
    how = {
        "mean": ("head", "Its output is its mean over all sums."),
        "silent": ("expert", "Its output is left out, and others' weights stay."),
        "rerouted": ("expert", "The router passes it over, and the next expert serves."),
    }
    for word, (part, said) in how.items():
        rows = lost[lost["how"] == word]
        if len(rows):
            caption = (
                f"A row for each {part} that is switched off: which answers become wrong, by how "
                f"many columns of the sum carry. {said} An empty row is one that nobody misses."
            )
            chart = squares(
                _numbered(rows, "number"), "carries", "name", ("carries", f"layer.{part}")
            )
            title = f"What is lost without one {part}" + f", {word}" * (part == "expert")
            yield Figure(title, caption, chart)


def _called(routing: pd.DataFrame) -> Iterator[Figure]:
    if not len(routing):
        return
    sums = routing.assign(served=routing["share"] * routing["problems"])
    keys = ["layer", "expert", "place", "carry"]
    sums = sums.groupby(keys, as_index=False)[["served", "problems"]].sum()
    words = {0: "none", 1: "carry"}
    kinds = [f"{place} {words[carry]}" for place, carry in zip(sums.place, sums.carry, strict=True)]
    order = sorted(set(kinds), key=lambda kind: (kind.split()[1], kind), reverse=True)
    cells = sums.assign(
        share=sums["served"] / sums["problems"], kind=pd.Categorical(kinds, order)
    ).sort_values(["kind"], kind="stable")
    caption = (
        "How often an expert serves the token that says a place, without and with a carry into it: "
        "a row that is empty on one side and full on the other is an expert for the carry."
    )
    chart = squares(_numbered(cells, "expert"), "kind", "name", ("place, carry", "layer.expert"))
    yield Figure("Whom a carry calls", caption, chart)


def _numbered(rows: pd.DataFrame, number: str) -> pd.DataFrame:
    """The rows by layer and number, with both as a name."""
    rows = rows.astype({"layer": int, number: int}).sort_values(["layer", number], kind="stable")
    pairs = zip(rows["layer"], rows[number], strict=True)
    return rows.assign(name=[f"{layer}.{each}" for layer, each in pairs])


def _into(places: pd.Series) -> list[str]:
    return [f"into place {place}" for place in places]


def _in_order(stream: pd.DataFrame) -> list[str]:
    """All tokens in the order of a sum, of which each place's rows have a run."""
    before: dict[str, set[str]] = {}
    for _, rows in stream.groupby("place"):
        run = list(dict.fromkeys(rows["token"]))
        for token, following in pairwise(run):
            before.setdefault(following, set()).add(token)
    return list(TopologicalSorter(before).static_order())
