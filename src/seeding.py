"""One seed in params.yaml, a separate random stream for each purpose."""

import numpy as np

STREAMS = ("initialisation", "batch order", "dropout")


def derive_seed(seed: int, stream: str, rank: int = 0) -> int:
    """The seed of one stream, so that drawing more from one does not move the others.

    Args:
        seed: what params.yaml says.
        stream: one of `STREAMS`.
        rank: of several processes that must not draw the same.
    """
    return int(np.random.SeedSequence([seed, STREAMS.index(stream), rank]).generate_state(1)[0])
