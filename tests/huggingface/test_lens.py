"""An exported folder opens in TransformerLens, and its activations are those of our model.

`make test-lens` runs this in an environment that has TransformerLens; elsewhere it is skipped.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from src.attention import CausalSelfAttention
from src.checkpoint import save_checkpoint
from src.generation import generate_answers
from src.huggingface.export import export
from src.models import TransformerLM, build_model
from src.tokenizer import VOCABULARY, CharTokenizer

from ..conftest import ARCHITECTURES, ROOT, tiny_params
from .test_export import decisive

lens = pytest.importorskip("transformer_lens.model_bridge", reason="make test-lens installs it")

# Those of other people's packages.
pytestmark = pytest.mark.filterwarnings("default")

Exported = Callable[..., TransformerLM]


@pytest.fixture
def exported(tmp_path: Path, randomise: Callable[[nn.Module], None]) -> Exported:
    """Exports a model with random weights, biases and norms to runs/hf, and returns it."""

    def make(name: str, **changes: Any) -> TransformerLM:
        params = tiny_params(name, models=changes)
        torch.manual_seed(0)
        model = build_model(params.model_config_in_use).eval()
        randomise(model)
        weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
        save_checkpoint(tmp_path / "model.ckpt", weights, params, {"step": 0})
        export(tmp_path / "model.ckpt", tmp_path / "runs" / "hf")
        return model

    return make


def opened(folder: Path) -> Any:
    """TransformerLens's form of the exported model."""
    return lens.TransformerBridge.boot_transformers(str(folder / "runs" / "hf"))


def patterns(model: TransformerLM, input_ids: Tensor) -> list[Tensor]:
    """The attention weights of each layer, (B, H, T, T)."""
    seen: list[Tensor] = []
    for layer in model.modules():
        if isinstance(layer, CausalSelfAttention):
            layer.register_forward_pre_hook(lambda layer, x: seen.append(layer.weights(*x[:2])))
    model(input_ids)
    return seen


@pytest.mark.parametrize("name", ARCHITECTURES)
@torch.no_grad()
def test_logits_and_attention_are_ours(name: str, exported: Exported, tmp_path: Path) -> None:
    model = exported(name)
    input_ids = torch.randint(len(VOCABULARY), (64, 24), generator=torch.manual_seed(0))
    logits, cache = opened(tmp_path).run_with_cache(input_ids)
    expected = model(input_ids)
    assert expected.std() > 0.5
    torch.testing.assert_close(logits, expected)
    ours = patterns(model, input_ids)
    assert len(ours) == 2
    for layer, weights in enumerate(ours):
        # Not flat, or any two would be alike.
        assert weights[:, :, -1].amax(-1).mean() > 2 / 24
        torch.testing.assert_close(cache[f"blocks.{layer}.attn.hook_pattern"], weights)


def test_text_goes_in_and_comes_out(tmp_path: Path) -> None:
    export(decisive(tmp_path, "llama2"), tmp_path / "runs" / "hf")
    bridge = opened(tmp_path)
    assert bridge.to_tokens("54+6=60").tolist() == [CharTokenizer().encode("<bos>54+6=60")]
    assert bridge.to_str_tokens("1+2=") == ["<bos>", "1", "+", "2", "="]
    said = bridge.generate("12+34=", max_new_tokens=5, do_sample=False, verbose=False)
    assert said.removesuffix("<eos>") == "12+34=46"


def test_the_example_of_the_page_switches_a_head_off(
    exported: Exported,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (ROOT / "docs" / "huggingface.md").read_text()
    (code,) = re.findall(r"```python\n(from transformer_lens.*?)```", page, re.DOTALL)
    model = exported("llama2", n_layers=3)
    monkeypatch.chdir(tmp_path)
    exec(code, names := dict[str, Any]())
    assert names["pattern"].shape == (1, 2, 13, 13)
    before = generate_answers(model, ["554+456="])[0]
    with torch.no_grad():
        # What head 1 of layer 2 adds to the residual stream goes through these columns.
        model.get_parameter("blocks.2.attention.out.weight")[:, 16:] = 0
    (after,) = generate_answers(model, ["554+456="])
    assert after[:5] != before[:5]
    assert capsys.readouterr().out.strip() == "554+456=" + after[:5]
