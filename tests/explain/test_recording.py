"""What is read are the model's own activations, and what is replaced decides what comes out."""

from contextlib import ExitStack

import pytest
import torch

from src.explain.patching import put
from src.explain.recording import heads_reader, logits_of, part_of, reader, record, replaced

from ..conftest import ARCHITECTURES
from .conftest import random_model, space


def hooks(model: torch.nn.Module) -> int:
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.modules())


@pytest.mark.parametrize("positions", ["sequential", "coupled"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_recorded_pass_has_the_plain_logits_and_leaves_no_hook(name: str, positions: str) -> None:
    model = random_model(name, positions=positions)
    tokens = space().draw(700, 0)[1].tokens
    seen = record(model, tokens)
    with torch.inference_mode():
        plain = model(tokens)
        # The last level is what the norm and the head read.
        torch.testing.assert_close(model.lm_head(model.norm(seen.residual[-1])), plain)
    torch.testing.assert_close(seen.logits, plain)
    assert seen.residual.shape == (3, 350, 11, 32)
    assert seen.heads.shape == (2, 350, 11, 32)
    torch.testing.assert_close(seen.attention.sum(-1), torch.ones(2, 2, 11))
    assert (seen.attention.triu(1) == 0).all()
    assert hooks(model) == 0
    # Which numbers a token has decides nothing here but where positions are learned.
    assert not torch.allclose(seen.residual[0], seen.residual[1])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_patching_all_of_b_into_a_gives_b_and_nothing_gives_a(name: str) -> None:
    model = random_model(name)
    sums = space().draw(200, 0)[1]
    a, b = sums.tokens[:50], sums.tokens[50:]
    of_a, of_b = record(model, a), record(model, b)
    assert not torch.allclose(of_a.logits, of_b.logits)
    for level, residual in enumerate(of_b.residual):
        with replaced(reader(model, level), put(residual, (...,))):
            torch.testing.assert_close(logits_of(model, a), of_b.logits)
        with replaced(reader(model, level), put(of_a.residual[level], (...,))):
            torch.testing.assert_close(logits_of(model, a), of_a.logits)
    with ExitStack() as stack:
        for layer, heads in enumerate(of_b.heads):
            for head in range(2):
                put_in = put(heads, (..., part_of(model, head)))
                stack.enter_context(replaced(heads_reader(model, layer), put_in))
        # Where all that attention brings is B's and the token itself is too, all is B's.
        said = logits_of(model, a)
    alike = a == b
    assert alike.any()
    torch.testing.assert_close(said[alike], of_b.logits[alike])
    torch.testing.assert_close(logits_of(model, a), of_a.logits, rtol=0, atol=0)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_patch_changes_no_token_before_it(name: str) -> None:
    model = random_model(name)
    sums = space().draw(200, 0)[1]
    a, of_a, of_b = sums.tokens[:50], *(record(model, x) for x in sums.tokens.split(50))
    for level in range(2):
        with replaced(reader(model, level), put(of_b.residual[level], (slice(None), 4))):
            said = logits_of(model, a)
        torch.testing.assert_close(said[:, :4], of_a.logits[:, :4])
        assert (said[:, 4:] - of_a.logits[:, 4:]).abs().amax(-1).min(1).values.max() > 1e-3


def test_a_hook_goes_also_where_the_block_fails() -> None:
    model = random_model("llama2")
    with pytest.raises(RuntimeError, match="mine"), replaced(model.norm, lambda x: x):
        raise RuntimeError("mine")
    assert hooks(model) == 0
