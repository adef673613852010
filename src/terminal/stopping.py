"""Signals that ask a command to end: it unwinds, cleans up, and says so in a line."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType

_ASKING = (signal.SIGTERM, signal.SIGHUP)
# Seconds in which another of them means the same: `timeout` sends it twice, and the second one is
# not to end the cleaning up.
_TOGETHER = 1.0
# Seconds after which an import is looked at again.
_LATER = 0.05


class Stopped(KeyboardInterrupt):
    """A command was asked to end; all that knows of Ctrl-C lets it pass, and ends its processes."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__("stopped" if sent is signal.SIGINT else f"stopped by {sent.name}")
        self.sent = sent


# What was raised. Its unwinding may end in another error, such as of processes that were asked to
# end too.
_raised: Stopped | None = None
_asked = -_TOGETHER
_process: int
# Whether the command has ignored Ctrl-C from its beginning, as a shell's background job does.
_ignored: bool


def stop_on_signals() -> None:
    """Have Ctrl-C, SIGTERM, and SIGHUP of a closed terminal, raise `Stopped` in this process.

    Not in the middle of an import, as torch's own would abort. A signal that is ignored, as nohup
    ignores SIGHUP, stays so.
    """
    global _process, _raised, _asked, _ignored
    _process, _raised, _asked = os.getpid(), None, -_TOGETHER
    _ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    for sent in (signal.SIGINT, *_ASKING):
        if signal.getsignal(sent) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(sent, _stop)


def end_at_once() -> None:
    """Have a signal that comes while Python ends, or a second Ctrl-C, end it without a word."""
    for sent in (signal.SIGINT, *_ASKING):
        if callable(signal.getsignal(sent)):
            signal.signal(sent, signal.SIG_DFL)


def stopped() -> Stopped | None:
    """What ends the command, if a signal does."""
    return _raised


def _stop(number: int, frame: FrameType | None) -> None:
    global _asked
    sent = signal.Signals(number)
    if os.getpid() != _process and sent in _ASKING:
        # A process that was forked has nothing to clean up: it ends as by default.
        signal.signal(sent, signal.SIG_DFL)
        os.kill(os.getpid(), sent)
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and not _ignored:
        # Since then: Lightning as it cleans up, or a process that its first one ends.
        return
    before, _asked = _asked, time.monotonic()
    if sent is signal.SIGINT or _asked - before > _TOGETHER:
        _raise(sent, frame)


def _raise(sent: signal.Signals, frame: FrameType | None) -> None:
    global _raised
    if _is_importing(frame):
        _raise_later(sent)
        return
    sys.unraisablehook = _not_raised
    _raised = Stopped(sent)
    raise _raised


def _raise_later(sent: signal.Signals) -> None:
    signal.signal(signal.SIGALRM, lambda _, frame: _raise(sent, frame))
    signal.setitimer(signal.ITIMER_REAL, _LATER)


def _not_raised(hook: sys.UnraisableHookArgs) -> None:
    """Try again where nothing could be raised, as while Python forks; other errors follow."""
    if hook.exc_value is _raised and _raised:
        _raise_later(_raised.sent)


def _is_importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
