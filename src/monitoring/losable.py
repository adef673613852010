"""A logger that may fail: the training goes on without it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

from ..terminal.say import note


class Losable(Logger):
    """A logger that is given up when it fails, such as on a full disk, with a line on stderr.

    Args:
        logger: does the logging.
        place: where it does so, for that line.
    """

    def __init__(self, logger: Logger, place: Path) -> None:
        super().__init__()
        self._logger: Logger | None = logger
        self._place = place
        _leave_to_us_what_threads_raise()

    def attempt(self, log: Callable[[Logger], object]) -> None:
        """Call a function with the logger, unless it was given up."""
        if self._logger is None:
            return
        try:
            log(self._logger)
        except Exception as error:
            self.give_up(error)

    def give_up(self, error: BaseException) -> None:
        """Log nothing more, and say why."""
        if self._logger is None:
            return
        self._logger = None
        # Lightning's own error says nothing of the disk.
        while error.__cause__:
            error = error.__cause__
        why = error.strerror if isinstance(error, OSError) else None
        note(f"{self._place}: {why or error}; the training goes on without its log")

    @property
    def name(self) -> str | None:
        """Of no use here: the loggers inside have names."""
        return None

    @property
    def version(self) -> str | None:
        """Of no use here, as `name`."""
        return None

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log some figures."""
        self.attempt(lambda logger: logger.log_metrics(metrics, step))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log what Lightning knows of the run."""
        self.attempt(lambda logger: logger.log_hyperparams(params, *args, **kwargs))

    def save(self) -> None:
        """Write what was logged."""
        self.attempt(lambda logger: logger.save())

    def finalize(self, status: str) -> None:
        """End the log."""
        self.attempt(lambda logger: logger.finalize(status))


@cache
def _leave_to_us_what_threads_raise() -> None:
    """TensorBoard raises what its thread could not write once more, where it is called next."""
    print_traceback = threading.excepthook

    def hook(raised: threading.ExceptHookArgs) -> None:
        if not type(raised.thread).__module__.startswith("tensorboard."):
            print_traceback(raised)

    threading.excepthook = hook
