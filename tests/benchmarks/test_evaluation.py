"""Both sides that are timed give the same answers, and no matrix product is left out."""

import torch
from torch.nn import functional as F

from benchmarks.evaluation import our_generate, their_generate
from benchmarks.products import products_of
from src.models import build_model

from ..conftest import tiny_model
from ..huggingface.peers import peer

PROMPTS = ["1+2=", "34+5=", "67+89=", "0+0=", "12+3="]


def test_both_sides_say_the_same() -> None:
    torch.manual_seed(0)
    config = tiny_model(init_std=0.3)
    ours = build_model(config).eval()
    theirs = peer(ours, config)
    with torch.inference_mode():
        said = our_generate(ours, PROMPTS, 6, fresh=False)()[:, -6:]
        assert torch.equal(said, their_generate(theirs, PROMPTS, 6, fresh=False)())
        # Random weights generate exactly as many tokens as they are asked for.
        assert their_generate(theirs, PROMPTS, 6, fresh=True)().shape == (5, 6)
        assert our_generate(ours, PROMPTS, 6, fresh=True)().size(1) == 6 + len("<67+89=")
    assert len(said.unique()) > 2


def test_every_matrix_product_is_noted_with_its_shapes() -> None:
    x, weight, bias = torch.randn(3, 4, 8), torch.randn(5, 8), torch.randn(5)

    def job() -> None:
        F.linear(x, weight)
        F.linear(x, weight, bias)
        x @ x.transpose(1, 2)

    again = products_of(job)
    with torch.profiler.profile(record_shapes=True) as one:
        again()
    with torch.profiler.profile(record_shapes=True) as other:
        job()
    products = ("aten::mm", "aten::addmm", "aten::bmm")
    counts = [
        sorted(
            (e.key, str(e.input_shapes), e.count)
            for e in p.key_averages(group_by_input_shape=True)
            if e.key in products
        )
        for p in (one, other)
    ]
    assert counts[0] == counts[1]
    assert len(counts[0]) == 3
