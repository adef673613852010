"""The models equal Hugging Face's, are causal, and decode each row as if it were alone."""

from collections.abc import Callable
from itertools import product
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from src.config import ModelConfig
from src.models import MLPS, MODELS, NORMS, TransformerLM, build_model
from src.tokenizer import CharTokenizer

from .conftest import ARCHITECTURES, tiny_model
from .huggingface.peers import peer

Randomise = Callable[[nn.Module], None]
EOS = CharTokenizer.eos_id


def model_of(config: ModelConfig, randomise: Randomise) -> TransformerLM:
    model = build_model(config).eval()
    randomise(model)
    return model


def random_ids(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, CharTokenizer.vocab_size, shape, generator=generator)


def test_tables_and_configuration_know_the_same_words() -> None:
    choices = {name: get_args(f.annotation) for name, f in ModelConfig.model_fields.items()}
    assert set(MODELS) == set(choices["name"])
    assert set(NORMS) == set(choices["norm"])
    assert set(MLPS) == set(choices["mlp"])


@pytest.mark.parametrize("tie_weights", [True, False])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_logits_equal_huggingface(name: str, tie_weights: bool, randomise: Randomise) -> None:
    config = tiny_model(name, tie_weights=tie_weights, n_heads=4)
    ours = model_of(config, randomise)
    input_ids = random_ids(5, 20)
    with torch.no_grad():
        torch.testing.assert_close(ours(input_ids), peer(ours, config)(input_ids).logits)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_padded_logits_equal_huggingface(name: str, randomise: Randomise) -> None:
    config = tiny_model(name)
    ours = model_of(config, randomise)
    input_ids, mask = random_ids(3, 10), torch.ones(3, 10, dtype=torch.long)
    mask[1, 6:], mask[2, 3:] = 0, 0
    with torch.no_grad():
        theirs = peer(ours, config)(input_ids, attention_mask=mask).logits
        torch.testing.assert_close(ours(input_ids, mask)[mask == 1], theirs[mask == 1])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_greedy_decoding_equals_huggingface(name: str, randomise: Randomise) -> None:
    config = tiny_model(name)
    ours = model_of(config, randomise)
    prompts = random_ids(6, 5)
    theirs = peer(ours, config).generate(  # type: ignore[operator]
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=12,
        do_sample=False,
        eos_token_id=EOS,
        pad_token_id=CharTokenizer.pad_id,
    )
    assert torch.equal(ours.generate(prompts, 12, EOS), theirs)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_gradient_flows_from_earlier_logits_to_later_tokens(
    name: str, randomise: Randomise
) -> None:
    model = model_of(tiny_model(name), randomise)
    embedded: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[0]

    model.token_embedding.register_forward_hook(keep)
    logits = model(random_ids(2, 12))
    (gradient,) = torch.autograd.grad(logits[:, :7].square().sum(), embedded)
    assert not gradient[:, 7:].any()
    assert gradient[:, :7].all()


@pytest.mark.parametrize(
    ("name", "positions"), [*((name, "sequential") for name in ARCHITECTURES), ("gpt2", "coupled")]
)
def test_what_is_exported_gives_the_same_logits_by_pytorchs_own_operations(
    name: str, positions: str, randomise: Randomise
) -> None:
    model = model_of(tiny_model(name, positions=positions), randomise)
    ids = random_ids(2, 9)
    mask = torch.ones_like(ids)
    mask[0, 6:] = 0
    axes = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens", min=2, max=24)}
    both = {"input_ids": axes, "attention_mask": axes}
    programs = [
        torch.export.export(model, (ids,), dynamic_shapes={"input_ids": axes}, strict=True),
        torch.export.export(model, (ids, mask), dynamic_shapes=both),
    ]
    others, other_mask = random_ids(3, 13), torch.ones(3, 13, dtype=torch.long)
    other_mask[1, 7:] = 0
    for program, wanted in zip(programs, ((others,), (others, other_mask)), strict=True):
        called = [node.target for node in program.graph.nodes if node.op == "call_function"]
        ours = [op for op in called if "mini_language_models" in str(op)]
        assert called
        assert not ours
        torch.testing.assert_close(program.module()(*wanted), model(*wanted))


# A mixture's experts multiply as many rows as they get, and another number of rows may round
# otherwise: for it the gradients above are the exact test.
@pytest.mark.parametrize("name", ["gpt2", "llama2"])
def test_later_tokens_leave_earlier_logits_bit_identical(name: str, randomise: Randomise) -> None:
    model = model_of(tiny_model(name), randomise)
    input_ids = random_ids(2, 12)
    before = model(input_ids)
    for t in (3, 7, 11):
        changed = input_ids.clone()
        changed[:, t] = (changed[:, t] + 1) % CharTokenizer.vocab_size
        after = model(changed)
        assert torch.equal(after[:, :t], before[:, :t])
        assert not torch.equal(after[:, t], before[:, t])


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_no_real_token(
    name: str, side: str, randomise: Randomise
) -> None:
    model = model_of(tiny_model(name), randomise)
    row = random_ids(1, 7)
    pad, ones = torch.zeros(1, 4, dtype=torch.long), torch.ones_like(row)
    parts, mask = ([pad, row], [pad, ones]) if side == "left" else ([row, pad], [ones, pad])
    padded = model(torch.cat(parts, 1), torch.cat(mask, 1))
    real = padded[:, 4:] if side == "left" else padded[:, :7]
    torch.testing.assert_close(real, model(row))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_cached_decoding_equals_decoding_without_a_cache(name: str, randomise: Randomise) -> None:
    model = model_of(tiny_model(name), randomise)
    row = random_ids(1, 4)
    expected = row
    for _ in range(10):
        expected = torch.cat((expected, model(expected)[:, -1:].argmax(-1)), dim=1)
    assert torch.equal(model.generate(row, 10, eos_id=-1), expected)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_row_of_a_batch_gives_what_it_gives_alone(
    name: str, side: str, randomise: Randomise
) -> None:
    model = model_of(tiny_model(name), randomise)
    rows = [random_ids(1, n)[0] for n in (3, 8, 5, 1)]
    batch = torch.zeros(4, 8, dtype=torch.long)
    for i, row in enumerate(rows):
        place = slice(8 - len(row), 8) if side == "left" else slice(len(row))
        batch[i, place] = row
    together = model.generate(batch, 9, EOS)[:, 8:]
    for row, answer in zip(rows, together.tolist(), strict=True):
        alone = model.generate(row[None], 9, EOS)[0, len(row) :].tolist()
        # What follows the end of a row that ended before the others is padding.
        assert answer[: len(alone)] == alone
        assert not any(answer[len(alone) :])


def test_a_row_that_ended_stays_ended() -> None:
    class Scripted(TransformerLM):
        """Says <eos> after a 5, and 7 after all else."""

        def hidden(self, input_ids: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
            return nn.functional.one_hot(torch.where(input_ids == 8, EOS, 10), 18).float()

    model = Scripted(tiny_model(d_model=18, n_heads=3), 18)
    model.lm_head.weight = nn.Parameter(torch.eye(18))
    output = model.generate(torch.tensor([[4, 8], [4, 4]]), 4, EOS)
    assert output.tolist() == [[4, 8, EOS, 0, 0, 0], [4, 4, 10, 10, 10, 10]]


def test_too_long_a_sequence_is_refused_with_both_lengths() -> None:
    model = build_model(tiny_model(max_seq_len=8))
    with pytest.raises(ValueError, match=r"9 tokens do not fit in max_seq_len \(8\)"):
        model(random_ids(1, 9))
    with pytest.raises(ValueError, match=r"prompt of 5 tokens and max_new_tokens \(4\)"):
        model.generate(random_ids(1, 5), 4, EOS)


def test_a_prompt_of_nothing_is_refused_with_its_row() -> None:
    with pytest.raises(ValueError, match=r"row 1 of input_ids is all padding"):
        build_model(tiny_model()).generate(torch.tensor([[4, 5], [0, 0]]), 4, EOS)


def test_prompts_that_occur_twice_are_answered_twice(randomise: Randomise) -> None:
    model, row = model_of(tiny_model(), randomise), random_ids(1, 6)
    alone = model.generate(row, 9, EOS)
    assert torch.equal(model.generate(row.repeat(3, 1), 9, EOS), alone.repeat(3, 1))


COMBINATIONS = list(product(NORMS, MLPS, ("learned", "rope"), ARCHITECTURES))


@pytest.mark.parametrize(("norm", "mlp", "pos_encoding", "name"), COMBINATIONS)
def test_any_combination_builds_learns_and_decodes(
    norm: str, mlp: str, pos_encoding: str, name: str
) -> None:
    torch.manual_seed(0)
    config = tiny_model(name, norm=norm, mlp=mlp, pos_encoding=pos_encoding, init_std=0.02)
    model = build_model(config)
    input_ids = random_ids(4, 8)
    logits = model(input_ids)
    loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), input_ids[:, 1:].flatten())
    loss.backward()
    assert loss.item() == pytest.approx(torch.tensor(18.0).log().item(), abs=0.1)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.generate(input_ids, 3, EOS).shape == (4, 11)
    assert bool(model.routings()) == (mlp == "moe")


GOLDEN = {"gpt2": 2.890840, "llama2": 2.882119, "mixtral": 2.881428}


def test_first_step_loss_is_golden() -> None:
    # If this moves, initialisation or the forward pass changed: no earlier run compares any more.
    losses = {}
    for name in ARCHITECTURES:
        torch.manual_seed(0)
        model = build_model(tiny_model(name, init_std=0.02, rope_theta=10_000.0))
        input_ids = random_ids(4, 8)
        logits = model(input_ids)[:, :-1].flatten(0, 1)
        losses[name] = nn.functional.cross_entropy(logits, input_ids[:, 1:].flatten()).item()
    assert losses == pytest.approx(GOLDEN, abs=1e-5)


def test_gpt2_starts_its_residual_projections_smaller() -> None:
    torch.manual_seed(0)
    gpt2 = build_model(tiny_model("gpt2", d_model=128, d_ff=512, init_std=0.06))
    weights = gpt2.state_dict()
    for name, std in {"mlp.down": 0.03, "attention.out": 0.03, "mlp.up": 0.06}.items():
        assert weights[f"blocks.0.{name}.weight"].std().item() == pytest.approx(std, rel=0.05)
    assert not weights["blocks.0.attention.qkv.bias"].any()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_blocks_that_end_in_zeros_change_nothing_at_first(name: str) -> None:
    model = build_model(tiny_model(name, zero_init_residual=True)).eval()
    # Attention and MLP of two layers; each of four experts is one.
    assert len(model.residual_ends()) == (10 if name == "mixtral" else 4)
    input_ids = random_ids(2, 6)
    embedded = model.token_embedding(input_ids)
    if model.position_embedding is not None:
        embedded = embedded + model.position_embedding(torch.arange(6))
    torch.testing.assert_close(model(input_ids), model.lm_head(model.norm(embedded)))
    model(input_ids).sum().backward()
    # They are what learns first.
    grads = [weight.grad for weight in model.residual_ends()]
    assert any(grad is not None and grad.any() for grad in grads)


def test_parameters_are_counted_once_and_active_ones_apart() -> None:
    tied, untied = (build_model(tiny_model(tie_weights=tie)) for tie in (True, False))
    assert untied.num_parameters() - tied.num_parameters() == 18 * 32
    dense = build_model(tiny_model("llama2"))
    assert dense.num_parameters(active=True) == dense.num_parameters()
    sparse = build_model(tiny_model("mixtral", n_experts=4, top_k=1, n_layers=3))
    idle = 3 * 3 * (3 * 32 * 48)
    assert sparse.num_parameters() - sparse.num_parameters(active=True) == idle


PROMPTS = st.lists(st.lists(st.integers(3, 17), min_size=1, max_size=8), min_size=1, max_size=6)


@pytest.mark.parametrize("name", ARCHITECTURES)
@given(prompts=PROMPTS)
def test_any_batch_of_prompts_gives_what_each_gives_alone(
    name: str, prompts: list[list[int]]
) -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model(name, init_std=0.3))
    input_ids, mask = CharTokenizer().pad_batch(prompts)
    together = model.generate(input_ids, 6, EOS, mask)[:, input_ids.size(1) :].tolist()
    for prompt, answer in zip(prompts, together, strict=True):
        alone = model.generate(torch.tensor([prompt]), 6, EOS)[0, len(prompt) :].tolist()
        assert answer[: len(alone)] == alone
        assert not any(answer[len(alone) :])
