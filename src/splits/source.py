"""The splits of a `data:` section: which problems there are, and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..common.errors import UserError
from ..config import DataConfig
from ..data.problems import Problems
from .rejection import Rejection
from .space import ProblemSpace
from .stratified import Strata, is_stratified
from .whole import Whole

# Train comes last: it can change in size or balance while the other two stay the same.
DRAWING_ORDER = ("test", "val", "train")


def space_of(config: DataConfig) -> ProblemSpace:
    """All problems that `data:` describes."""
    kind = config.ops, config.precedence, config.modulus
    return ProblemSpace(config.N, config.A, config.B, *kind)


def source_of(config: DataConfig) -> Strata | Rejection:
    """What draws the splits; no problem occurs twice, within or across them.

    Val and test are uniform by value, train is drawn as `length_balance`, `length_exponent`,
    `length_mix` and `carry_mix` say, and shown in `both_orders`.

    Raises:
        UserError: if fewer problems exist than asked for, with their number.
    """
    space = space_of(config)
    surely_more = "/" in space.ops and space.has_at_least(config.n_samples)
    size = None if surely_more else space.size()
    if size is not None and size < config.n_samples:
        raise UserError(
            f"data.n_samples = {config.n_samples}: only {size} different problems exist"
        )
    sizes = {split: config.split_sizes[split] for split in DRAWING_ORDER}
    balances = {
        split: config.length_balance if split == "train" else 0.0 for split in DRAWING_ORDER
    }
    built = config.carry_mix or config.length_mix
    if config.split_by == "problem" and not built and is_stratified(space):
        return Strata(space, sizes, balances, config.seed, config.length_exponent)
    takes_all = config.split_by == "unordered" and size == config.n_samples
    if takes_all and config.both_orders:
        raise UserError(
            f"data.n_samples = {config.n_samples}: all that exist in either order, of which "
            "data.both_orders counts two as one problem of train"
        )
    if takes_all and (every := space.enumerate()) is not None:
        try:
            return Whole(space, every, sizes, config.seed)
        except ValueError as error:
            raise UserError(f"data.n_samples = {config.n_samples}: {error}") from None
    keys = ("carry_mix", "length_exponent", "length_mix")
    of_train = {key: getattr(config, key) for key in keys}
    unordered = config.split_by == "unordered"
    return Rejection(space, sizes, balances, config.seed, unordered, of_train, config.both_orders)


def n_counted(config: DataConfig, split: str, problems: Problems) -> int:
    """How many problems some rows are, where `both_orders` of one in train count once."""
    if split != "train" or not config.both_orders:
        return len(problems)
    return len(np.unique(space_of(config).keys(problems, unordered=True)))


def chunks(config: DataConfig, source: Strata | Rejection) -> Iterator[tuple[str, Problems]]:
    """The rows of all splits, some thousand of one at a time.

    Raises:
        UserError: where it turns out on the way that there are too few, with their number.
    """
    for split in DRAWING_ORDER:
        try:
            for problems in source.chunks(split):
                yield split, problems
        except ValueError as error:
            raise UserError(f"data.n_samples = {config.n_samples}: {error}") from None
