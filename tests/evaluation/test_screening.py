"""The quick pass changes no decision."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from src.data.reading import read_records
from src.dataset import ArithmeticDataset
from src.evaluation.screening import CLEAR, exact, leads, quick_leads
from src.models import TransformerLM

from ..test_loss import half_trained


def known(
    name: str, data_dir: Path, positions: str = "sequential"
) -> tuple[TransformerLM, Tensor, Tensor]:
    """A model, problems, and how far ahead it is in each."""
    records = read_records(data_dir / "test.jsonl")
    model, tokens = (
        half_trained(name, records, positions=positions),
        ArithmeticDataset(records).tokens,
    )
    lead = leads(model, tokens)
    assert 0 < int((lead > 0).sum()) < len(lead)
    return model, tokens, lead


@pytest.mark.slow
# PyTorch's compiler uses what PyTorch has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "positions"),
    [("gpt2", "sequential"), ("mixtral", "sequential"), ("gpt2", "abacus"), ("llama2", "coupled")],
)
def test_compiled_it_is_the_same_but_for_rounding(
    name: str, positions: str, data_dir: Path
) -> None:
    model, tokens, lead = known(name, data_dir, positions)
    quick = quick_leads(model)
    assert 0 < (quick(tokens) - lead).abs().max() < 0.5
    assert exact(model, tokens, quick).tolist() == (lead > 0).tolist()


@pytest.mark.parametrize(
    ("shift", "again"), [(CLEAR / 3, "what is close"), (CLEAR, "all"), (torch.nan, "all")]
)
def test_what_is_close_is_done_again(shift: float, again: str, data_dir: Path) -> None:
    model, tokens, _ = known("gpt2", data_dir)
    with torch.no_grad():
        # As far apart as a trained model's.
        for parameter in model.norm.parameters():
            parameter.mul_(10)
    lead = leads(model, tokens)
    done: list[int] = []

    def count(_module: nn.Module, inputs: tuple[Tensor], _output: Tensor) -> None:
        done.append(len(inputs[0]))

    model.lm_head.register_forward_hook(count)
    said = exact(model, tokens, lambda tokens: lead + shift)
    assert said.tolist() == (lead > 0).tolist()
    clear = int(((lead + shift).abs() >= CLEAR).sum())
    assert 0 < int((lead.abs() >= CLEAR).sum()) < len(lead)
    assert sum(done) == len(lead) - clear + (len(lead) if again == "all" else 0)
