"""Signals that ask a command to end: it unwinds, cleans up, and says so in a line."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

_ASKING = (signal.SIGTERM, signal.SIGHUP)
# Seconds in which another of them means the same: `timeout` sends it twice, and the second one is
# not to end the cleaning up.
_TOGETHER = 1.0
# Seconds after which an import is looked at again.
_LATER = 0.05


class Stopped(SystemExit):
    """A command was asked to end; where nothing catches it, the exit code is a shell's."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__(128 + sent)
        self.sent = sent

    def __str__(self) -> str:
        return f"stopped by {self.sent.name}"


# What was raised. Its unwinding may end in another error, such as of processes that were asked to
# end too.
_raised: Stopped | KeyboardInterrupt | None = None
_asked = -_TOGETHER
_process: int


def stop_on_signals() -> None:
    """Have SIGTERM, and SIGHUP of a closed terminal, raise `Stopped` in this process.

    Ctrl-C raises KeyboardInterrupt, as Python has it. None of them is raised in the middle of an
    import: torch's own would abort. A signal that is ignored, as nohup ignores SIGHUP, stays so.
    """
    global _process, _raised, _asked
    _process, _raised, _asked = os.getpid(), None, -_TOGETHER
    for sent in (signal.SIGINT, *_ASKING):
        if signal.getsignal(sent) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(sent, _stop)


def end_at_once() -> None:
    """Have a signal that comes while Python ends, or a second Ctrl-C, end it without a word."""
    for sent in (signal.SIGINT, *_ASKING):
        if callable(signal.getsignal(sent)):
            signal.signal(sent, signal.SIG_DFL)


def stopped() -> Stopped | KeyboardInterrupt | None:
    """What ends the command, if a signal does."""
    return _raised


def _stop(number: int, frame: FrameType | None) -> None:
    global _raised, _asked
    sent = signal.Signals(number)
    if os.getpid() != _process and sent in _ASKING:
        # A process that was forked has nothing to clean up: it ends as by default.
        signal.signal(sent, signal.SIG_DFL)
        os.kill(os.getpid(), sent)
        return
    if _is_importing(frame):
        signal.signal(signal.SIGALRM, lambda _, frame: _stop(number, frame))
        signal.setitimer(signal.ITIMER_REAL, _LATER)
        return
    before, _asked = _asked, time.monotonic()
    if sent in _ASKING and _asked - before < _TOGETHER:
        return
    _raised = KeyboardInterrupt() if sent is signal.SIGINT else Stopped(sent)
    raise _raised


def _is_importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
