"""Signals that ask a command to end: it cleans up first, as after Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

_ASKING = (signal.SIGTERM, signal.SIGHUP)
# Seconds in which another signal means the same: `timeout` sends it twice, and the second one is
# not to end the cleaning up.
_TOGETHER = 1.0


class Stopped(SystemExit):
    """A command was asked to end; where nothing catches it, the exit code is a shell's."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__(128 + sent)
        self.sent = sent

    def __str__(self) -> str:
        return f"stopped by {self.sent.name}"


# The one that was asked for. Its unwinding may end in another error, such as of processes that were
# asked to end too.
_stopped: Stopped | None = None
_asked = -_TOGETHER
_process: int


def stop_on_signals() -> None:
    """Have SIGTERM, and SIGHUP of a closed terminal, raise `Stopped` in this process.

    A signal that is ignored, as nohup ignores SIGHUP, stays ignored.
    """
    global _process, _stopped, _asked
    _process, _stopped, _asked = os.getpid(), None, -_TOGETHER
    for sent in _ASKING:
        if signal.getsignal(sent) is signal.SIG_DFL:
            signal.signal(sent, _stop)


def end_at_once() -> None:
    """Have a signal that comes while Python ends, or a second Ctrl-C, end it without a word."""
    for sent in (signal.SIGINT, *_ASKING):
        if callable(signal.getsignal(sent)):
            signal.signal(sent, signal.SIG_DFL)


def stopped() -> Stopped | None:
    """What ends the command, if a signal does."""
    return _stopped


def _stop(number: int, frame: FrameType | None) -> None:
    global _stopped, _asked
    if os.getpid() != _process:
        # A process that was forked has nothing to clean up: it ends as by default.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    before, _asked = _asked, time.monotonic()
    if _asked - before < _TOGETHER:
        return
    _stopped = Stopped(signal.Signals(number))
    raise _stopped
