"""Small transformer language models on synthetic arithmetic, as a reproducible pipeline.

Dimension letters, the same in every docstring and shape comment:

| letter | meaning                                   |
|--------|-------------------------------------------|
| B      | batch: problems                           |
| T      | tokens of a sequence (S: keys attended to) |
| C      | d_model, width of the residual stream     |
| H      | n_heads, attention heads                  |
| D      | head dimension, C / H                     |
| F      | d_ff, inner width of an MLP               |
| V      | vocabulary size                           |
| E      | n_experts, experts of a layer             |
| K      | top_k, experts that serve one token       |
| N      | B * T, all tokens of a batch              |
"""

from __future__ import annotations

import sys
from types import TracebackType


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from .terminal.cli import excepthook

    excepthook(kind, error, trace)


if sys.argv[:1] == ["-m"]:
    # Python is looking for a command's module. Until the command has begun, a package that is
    # missing, or Ctrl-C, ends it in one line all the same. Nothing has been opened yet that could
    # have the number of a closed stream.
    sys.excepthook = _end
    from .terminal.garbage import collect_seldom
    from .terminal.streams import prepare_streams

    prepare_streams()
    collect_seldom()
