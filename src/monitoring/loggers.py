"""The loggers TensorBoard and wandb, with the same names for the same figures."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from ..common.errors import UserError
from ..config import Params
from ..training.run_dir import step_of
from .losable import Losable

_OFFLINE = "WANDB_MODE=offline keeps the figures here, and needs no account"


def log_samples(logger: Logger, rows: list[list[str]], step: int) -> None:
    """Log a table of some problems with the model's answers.

    Args:
        rows: problem, the model's answer, and whether it is ``right`` or else the right answer.
    """
    if not rows:
        return
    header = ["problem", "answer", "right answer"]
    if isinstance(logger, Losable):
        logger.attempt(lambda inside: log_samples(inside, rows, step))
    elif isinstance(logger, WandbLogger):
        logger.log_text("samples", header, rows, step=step)
    elif isinstance(logger, TensorBoardLogger):
        lines = [" | ".join(header), "---|---|---"]
        # As code: Markdown would read 2*3*4 as 2, an italic 3, and 4.
        lines += [f"`{problem}` | `{answer or ' '}` | {right}" for problem, answer, right in rows]
        logger.experiment.add_text("samples", "\n".join(lines), step)


def make_logger(params: Params, run_dir: Path, resumed: Path | None) -> Logger | bool:
    """The logger that `runtime.logger` names; False for none.

    Args:
        run_dir: the run's folder, in which it logs.
        resumed: the state that the run resumes from, if any.

    Raises:
        UserError: if wandb cannot be reached or refuses the key.
    """
    if params.runtime.logger == "none":
        return False
    if params.runtime.logger == "tensorboard":
        tensorboard = TensorBoardLogger(
            run_dir.parent,
            run_dir.name,
            version="tensorboard",
            # Hides what an interrupted run logged after the resumed state: it is logged again.
            purge_step=step_of(resumed) + 1 if resumed else None,
        )
        return Losable(tensorboard, run_dir / "tensorboard")
    logger = WandbLogger(
        name=run_dir.name,
        save_dir=run_dir,
        project=os.environ.get("WANDB_PROJECT", "mini-language-models"),
        config=params.model_dump(),
    )
    from wandb.errors import Error

    # wandb keeps a diary beside the figures. That it cannot write these, it does not say, and for
    # each line of the diary Python would print a traceback: not while wandb starts, and from then
    # on the first such line gives the log up.
    printed, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        # The first access connects to wandb: here rather than in the middle of the training.
        _ = logger.experiment
    except Error as error:
        raise _refused(error) from None
    finally:
        logging.raiseExceptions = printed
    losable = Losable(logger, run_dir / "wandb")
    for handler in logging.getLogger("wandb").handlers:
        handler.handleError = _giving_up(losable)  # type: ignore[assignment]
    return losable


def _giving_up(losable: Losable) -> Callable[[logging.LogRecord], None]:
    def give_up(record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        # Where wandb's own process has ended, this one would tell so with each thing it is sent.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        if isinstance(error, OSError):
            losable.give_up(error)

    return give_up


def check_logger(params: Params) -> None:
    """Refuse a logger that cannot be used, before the data is read.

    Raises:
        UserError: if wandb is not installed or nobody is logged in.
    """
    if params.runtime.logger != "wandb":
        return
    try:
        import wandb
        from wandb.errors import Error
    except ModuleNotFoundError:
        raise UserError(
            "runtime.logger = wandb: wandb is not installed; pip install -r requirements.txt"
        ) from None
    try:
        if wandb.setup().settings.mode in ("offline", "dryrun", "disabled"):
            return
        # Asks nothing on the terminal; `make_logger` asks the server whether the key is valid.
        known = wandb.login(prompt=False, verify=False)
    except Error as error:
        raise _refused(error) from None
    if not known:
        raise UserError(f"runtime.logger = wandb: not logged in: `wandb login` once, or {_OFFLINE}")


def _refused(error: Exception) -> UserError:
    return UserError(f"runtime.logger = wandb: {str(error).rstrip('.')}; {_OFFLINE}")
