"""What the tables of one model say, in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

# Of a probe that reads the carry, and of an ablation that changes next to nothing.
_SURE = 0.99
_NO_PAIR = "not known: it answers no pair of sums right"
# Roles that are told, and their words.
_LOOKS = {
    "a_same": "a's digit of the same place",
    "b_same": "b's",
    "a_before": "a's of the place before",
    "b_before": "b's",
}


def summary(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Some lines on one model.

    Args:
        tables: what `explaining.explained` returns.
    """
    about, *_ = tables["models"].to_dict("records")
    yield (
        f"{about['model']}: {about['architecture']}, {about['format']}, {about['problems']:,} sums "
        f"of {about['digits']} digits, sha256 {about['sha256'][:12]}"
    )
    yield f"  most attention on (layer.head): {_attention(tables['roles'], about['digits'])}"
    known = _known(tables["probes"])
    yield f"  layers until a probe of the token that says the digit is {_SURE:.0%} right: {known}"
    yield "  which token's state flips the digit, by layers passed (0, 1, ..), and which head:"
    for line in _travels(tables["patches"]) if len(tables["patches"]) else [_NO_PAIR]:
        yield f"    {line}"
    means = tables["lens"].groupby("after_layers")["probability"].mean()
    shown = " > ".join(f"{value:.2f}" for value in means)
    yield f"  right digit's probability, by layers passed: {shown}"
    for line in _without(tables["ablations"]):
        yield f"  {line}"
    if len(tables["routing"]):
        yield f"  {_serves(tables['routing'])}"


def _attention(roles: pd.DataFrame, digits: int) -> str:
    """The heads that look most at each digit in question, at places which have all of them."""
    inner = roles[roles["place"].between(2, digits) & (roles["answer_digits"] > digits)]
    means = inner.groupby(["layer", "head"], as_index=False)[list(_LOOKS)].mean()
    found = []
    for column, words in _LOOKS.items():
        row = _most(means, column)
        found.append(f"{words} {row[column]:.2f} ({row['layer']}.{row['head']})")
    return ", ".join(found)


def _most(table: pd.DataFrame, column: str) -> dict[str, Any]:
    """The first of the rows that have the most in a column."""
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return max(rows, key=lambda row: row[column])


def _known(probes: pd.DataFrame) -> str:
    found = []
    tokens = list(dict.fromkeys(probes["token"]))
    for place in sorted(set(probes["place"])):
        says = tokens[tokens.index(f"s{place}") - 1]
        rows = probes[(probes["place"] == place) & (probes["token"] == says)]
        known = rows[rows["accuracy"] >= _SURE]["after_layers"]
        found.append(f"into place {place} {f'after {known.min()}' if len(known) else 'never'}")
    return ", ".join(found)


def _travels(patches: pd.DataFrame) -> Iterator[str]:
    """For each carry, the token that holds it at each level, and the head that moves it most."""
    for place in sorted(set(patches["place"])):
        for changed in "ab":
            rows = patches[(patches["place"] == place) & (patches["changed"] == changed)]
            stream, heads = (rows[rows["part"] == part] for part in ("residual", "head"))
            best = [_most(level, "flips") for _, level in stream.groupby("after_layers")]
            if best:
                path = " > ".join(f"{row['token']} {row['flips']:.2f}" for row in best)
                most = _most(heads, "flips")
                head = f"{most['layer']}.{most['head']} {most['flips']:.2f}"
                yield f"into place {place}, {changed} changed: {path}; head {head}"


def _without(ablations: pd.DataFrame) -> Iterator[str]:
    """For heads and for experts, those that are missed most."""
    keys = ["part", "how", "layer", "number"]
    parts = ablations[ablations["part"] != "nothing"]
    sums = parts.assign(right=parts["exact_match"] * parts["problems"]).groupby(keys)
    left = sums[["right", "problems"]].sum().reset_index()
    left = left.assign(share=left["right"] / left["problems"])
    for part, how in dict.fromkeys(zip(left["part"], left["how"], strict=True)):
        rows = left[(left["part"] == part) & (left["how"] == how)]
        worst = rows.sort_values("share", kind="stable").head(4).to_dict("records")
        named = ", ".join(f"{row['layer']}.{row['number']} {row['share']:.1%}" for row in worst)
        idle = (rows["share"] >= _SURE).sum()
        yield f"right without one {part} ({how}): {named}; {idle} of {len(rows)} leave {_SURE:.0%}"


def _serves(routing: pd.DataFrame) -> str:
    """The expert that a carry calls most."""
    sums = routing.assign(served=routing["share"] * routing["problems"])
    means = sums.groupby(["layer", "expert", "carry"])[["served", "problems"]].sum()
    shares = (means["served"] / means["problems"]).unstack("carry")
    called = pd.DataFrame({"carry": shares[1], "none": shares[0], "more": shares[1] - shares[0]})
    row = _most(called.reset_index(), "more")
    shown = f"{row['carry']:.1%} with one, {row['none']:.1%} without"
    return f"a carry calls expert {row['layer']}.{row['expert']} most: it serves {shown}"
