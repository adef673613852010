"""Streams are separate and repeatable."""

from src.utils import STREAMS, derive_seed


def test_each_stream_and_seed_has_a_seed_of_its_own() -> None:
    seeds = [derive_seed(seed, stream) for seed in range(5) for stream in STREAMS]
    assert len(set(seeds)) == len(seeds)
    assert seeds == [derive_seed(seed, stream) for seed in range(5) for stream in STREAMS]
