"""The quick pass changes no decision."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from src.data.reading import read_records
from src.dataset import ArithmeticDataset
from src.evaluation import screening
from src.evaluation.screening import CLEAR, QuickLeads, exact, leads
from src.models import TransformerLM

from ..test_loss import half_trained


class Off(QuickLeads):
    """Leads that are wrong by what a test says."""

    def __init__(self, leads: Tensor) -> None:
        self.leads, self.stays = leads, False

    def __call__(self, tokens: Tensor) -> Tensor:
        return self.leads.clone()

    def stay_exact(self) -> None:
        self.stays = True


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
@pytest.mark.parametrize("bfloat16", [True, False])
def test_compiled_it_is_the_same_but_for_rounding(
    name: str, positions: str, bfloat16: bool, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = torch.bfloat16 if bfloat16 else torch.float32
    monkeypatch.setattr(screening, "coarse_dtype", lambda device: coarse)
    model, tokens, lead = known(name, data_dir, positions)
    quick = QuickLeads(model)
    # A token between two experts may go to either.
    limit = 1 if name == "mixtral" else 0.5
    assert 0 < (quick(tokens) - lead).abs().max() < limit
    assert exact(model, tokens, quick).tolist() == (lead > 0).tolist()
    quick.stay_exact()
    assert (quick(tokens) - lead).abs().max() < 1e-4


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
    quick = Off(lead + shift)
    said = exact(model, tokens, quick)
    assert said.tolist() == (lead > 0).tolist()
    assert quick.stays == (again == "all")
    clear = int(((lead + shift).abs() >= CLEAR).sum())
    assert 0 < int((lead.abs() >= CLEAR).sum()) < len(lead)
    assert sum(done) == len(lead) - clear + (len(lead) if again == "all" else 0)


@pytest.mark.parametrize("shift", [0.001, 0.05])
def test_of_many_that_are_close_only_those_in_doubt_are_done_again(
    shift: float, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokens, lead = known("gpt2", data_dir)
    assert int((lead.abs() < CLEAR).sum()) == len(lead)
    monkeypatch.setattr(screening, "_SAMPLE", 8)
    done: list[int] = []
    hook = model.lm_head.register_forward_hook(lambda _m, inputs, _o: done.append(len(inputs[0])))
    turned = lead - shift * lead.sign()
    said = exact(model, tokens, Off(turned))
    hook.remove()
    assert said.tolist() == (lead > 0).tolist()
    assert sum(done) == max(8, int((turned.abs() < 8 * shift).sum())) < len(lead)
