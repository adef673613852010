"""The shortest check of the core, with or without pytest: ``python -m tests.test_core``."""

import torch

from src.layers import MoELayer
from src.models import build_model
from src.params import load_params
from src.positional import RotaryEmbedding, apply_rope
from src.terminal.cli import run
from src.tokenizer import CharTokenizer


def test_tokenizer_round_trip() -> None:
    tokenizer, text = CharTokenizer(), "<bos>554+456=1010<eos>"
    assert tokenizer.vocab_size == 18
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_pad_batch_shapes() -> None:
    input_ids, attention_mask = CharTokenizer().pad_batch([[1, 2, 3], [4]])
    assert input_ids.shape == attention_mask.shape == (2, 3)
    assert attention_mask.sum(1).tolist() == [3, 1]


def test_loss_mask_covers_the_answer() -> None:
    tokenizer = CharTokenizer()
    input_ids, _ = tokenizer.pad_batch([tokenizer.encode("<bos>7+5=12<eos>"), [1, 10, 17, 10, 2]])
    expected = [[0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0, 0]]
    assert tokenizer.make_loss_mask(input_ids).tolist() == expected


def test_rope_shapes() -> None:
    cos, sin = RotaryEmbedding(8, max_seq_len=16)(torch.arange(5))
    assert apply_rope(torch.randn(2, 4, 5, 8), cos, sin).shape == (2, 4, 5, 8)


def test_moe_shapes_and_auxiliary_loss() -> None:
    layer = MoELayer(16, 32, n_experts=4, top_k=2)
    assert layer(torch.randn(2, 5, 16)).shape == (2, 5, 16)
    assert layer.routing is not None
    assert layer.routing.chosen.shape == (2, 5, 2)
    assert 0 < layer.routing.load_balancing_loss().item() <= 4


def test_forward_pass_of_all_models() -> None:
    for config in load_params().models.values():
        model = build_model(config)
        assert model(torch.randint(18, (2, 14))).shape == (2, 14, 18)
        assert model.generate(torch.randint(3, 18, (2, 7)), 4, eos_id=-1).shape == (2, 11)


def main() -> None:
    """Run every test of this module."""
    tests = [check for name, check in globals().items() if name.startswith("test_")]
    for check in tests:
        check()
        print(f"{check.__name__}: passed")
    print(f"{len(tests)} passed, 0 failed")


if __name__ == "__main__":
    run(main)
