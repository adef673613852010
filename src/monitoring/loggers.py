"""TensorBoard and wandb, under the same names."""

from __future__ import annotations

import os
from pathlib import Path

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from ..common.errors import UserError
from ..config import Params
from ..training.run_dir import step_of

_WITHOUT = "WANDB_MODE=offline keeps the figures here, and needs no account"


def log_samples(logger: Logger, rows: list[list[str]], step: int) -> None:
    """Some problems with what the model says, as a table.

    Args:
        rows: problem, answer, and ``right`` or the right answer.
    """
    if not rows:
        return
    header = ["problem", "answer", "right answer"]
    if isinstance(logger, WandbLogger):
        logger.log_text("samples", header, rows, step=step)
    elif isinstance(logger, TensorBoardLogger):
        lines = [" | ".join(header), "---|---|---"]
        # As code: Markdown would read 2*3*4 as 2, an oblique 3, and 4.
        lines += [f"`{problem}` | `{answer or ' '}` | {right}" for problem, answer, right in rows]
        logger.experiment.add_text("samples", "\n".join(lines), step)


def make_logger(params: Params, run_dir: Path, resumed: Path | None) -> Logger | bool:
    """The logger that `runtime.logger` names; False for none.

    Args:
        resumed: the state that the run goes on from.

    Raises:
        UserError: if wandb cannot be reached, or does not take our key.
    """
    if params.runtime.logger == "none":
        return False
    if params.runtime.logger == "tensorboard":
        return TensorBoardLogger(
            run_dir.parent,
            run_dir.name,
            version="tensorboard",
            # What an interrupted run logged after the state that is resumed is logged again.
            purge_step=step_of(resumed) + 1 if resumed else None,
        )
    logger = WandbLogger(
        name=run_dir.name,
        save_dir=run_dir,
        project=os.environ.get("WANDB_PROJECT", "mini-language-models"),
        config=params.model_dump(),
    )
    from wandb.errors import Error

    try:
        # Connects now, not in the middle of the training.
        _ = logger.experiment
    except Error as error:
        raise _refusal(error) from None
    return logger


def check_logger(params: Params) -> None:
    """See that the logger can be used, before the data is read.

    Raises:
        UserError: if wandb is not installed, or does not know who we are.
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
        # Without a question on the terminal, and without asking the server, which comes later.
        known = wandb.login(prompt=False, verify=False)
    except Error as error:
        raise _refusal(error) from None
    if not known:
        raise UserError(f"runtime.logger = wandb: not logged in: `wandb login` once, or {_WITHOUT}")


def _refusal(error: Exception) -> UserError:
    return UserError(f"runtime.logger = wandb: {str(error).rstrip('.')}; {_WITHOUT}")
