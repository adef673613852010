"""Estimates equal what the real model needs, and the page shows them."""

import pytest
import torch

from benchmarks.scaling import activations, main, size
from src.config import ModelConfig
from src.models import build_model

from ..conftest import ROOT, tiny_model


def saved(config: ModelConfig, B: int, T: int) -> int:
    """Bytes that a forward pass keeps for the backward pass, weights aside."""
    model = build_model(config)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(torch.randint(3, 18, (B, T))).sum()
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize(
    ("C", "F", "L"), [(128, 344, 4), (256, 344, 4), (128, 688, 4), (128, 344, 6)]
)
def test_activations_are_what_the_model_saves(C: int, F: int, L: int) -> None:
    config = tiny_model(d_model=C, d_ff=F, n_layers=L, n_heads=8)
    for T in (8, 24):
        assert activations(config) == pytest.approx(saved(config, 16, T) / (16 * T), rel=0.01)


def test_state_is_what_the_formulas_say() -> None:
    config = tiny_model(d_model=64, d_ff=96, n_layers=3)
    C, F, L, V = 64, 96, 3, 18
    counted = size(config, 8)
    matrices = L * (4 * C * C + 3 * C * F)
    others = 2 * C * L + C + V * C
    assert counted.parameters == matrices + others
    assert counted.state == {
        "adamw": 16 * counted.parameters,
        "muon": 12 * matrices + 16 * others,
    }


def test_the_page_shows_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text()
    main([])
    table = capsys.readouterr().out
    assert f"<!-- python -m benchmarks.scaling -->\n{table}<!-- end -->" in page
    main(["--link", "5e10"])
    (row,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("| DDP hides"))
    assert f": {row.split('|')[3].strip()} for 1024 wide" in page
