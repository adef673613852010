"""A folder that transformers wrote becomes a checkpoint again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from src.checkpoint import load_model
from src.common.errors import UserError
from src.huggingface.export import export
from src.huggingface.import_checkpoint import import_hf, main
from src.lightning_module import LitLM

from ..conftest import ARCHITECTURES
from ..test_eval import checkpoint


def content(path: Path) -> dict[str, Any]:
    return dict(torch.load(path, weights_only=True))


@pytest.mark.parametrize("tie_weights", [True, False])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_way_there_and_back_changes_nothing(
    name: str, tie_weights: bool, tmp_path: Path
) -> None:
    # Keys that the class lacks have the values of params.yaml.
    path = checkpoint(tmp_path, name, tie_weights=tie_weights)
    export(path, tmp_path / "hf")
    import_hf(tmp_path / "hf", tmp_path / "direct.ckpt")
    # And through transformers itself.
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    theirs.save_pretrained(tmp_path / "saved")
    AutoTokenizer.from_pretrained(tmp_path / "hf").save_pretrained(tmp_path / "saved")
    import_hf(tmp_path / "saved", tmp_path / "saved.ckpt")
    before = content(path)
    # In several files, as large models are published.
    theirs.save_pretrained(tmp_path / "shards", max_shard_size="20kB")
    assert len(list(tmp_path.glob("shards/model-*-of-*.safetensors"))) > 1
    shutil.copy(tmp_path / "saved" / "tokenizer.json", tmp_path / "shards")
    import_hf(tmp_path / "shards", tmp_path / "shards.ckpt")
    for again in (tmp_path / f"{name}.ckpt" for name in ("direct", "saved", "shards")):
        after = content(again)
        assert after["hyper_parameters"]["model"] == before["hyper_parameters"]["model"]
        assert list(after["state_dict"]) == list(before["state_dict"])
        for key, tensor in before["state_dict"].items():
            assert torch.equal(after["state_dict"][key], tensor)
        assert after["vocabulary"] == before["vocabulary"]
    # Lightning reads it too, to train on.
    assert LitLM.load_from_checkpoint(tmp_path / "saved.ckpt").model_config == load_model(path)[1]


def test_a_model_that_was_made_there_is_read(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = GPT2Config(
        vocab_size=18, n_embd=24, n_head=3, n_layer=2, n_positions=20, initializer_range=0.3
    )
    theirs = GPT2LMHeadModel(made).eval()
    theirs.save_pretrained(tmp_path / "hf")
    export(checkpoint(tmp_path, "gpt2"), tmp_path / "ours")
    AutoTokenizer.from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "hf")
    config = import_hf(tmp_path / "hf", tmp_path / "x.ckpt")
    assert (config.d_model, config.d_ff, config.dropout) == (24, 96, 0.1)
    ours, _ = load_model(tmp_path / "x.ckpt")
    input_ids = torch.arange(3, 15)[None]
    with torch.no_grad():
        torch.testing.assert_close(ours(input_ids), theirs(input_ids).logits)


def test_what_cannot_be_read_is_named_with_its_file(tmp_path: Path) -> None:
    folder, out = tmp_path / "hf", tmp_path / "x.ckpt"
    with pytest.raises(UserError, match=r"hf/config.json: no such file"):
        import_hf(folder, out)
    export(checkpoint(tmp_path), folder)

    def refused(name: str, written: bytes, message: str) -> None:
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(written)
        with pytest.raises(UserError, match=f"hf/{name}: {message}"):
            import_hf(folder, out)
        (folder / name).write_bytes(before)
        assert not out.exists()

    config = json.loads((folder / "config.json").read_text())
    shared = json.dumps(config | {"num_key_value_heads": 1}).encode()
    refused("config.json", shared, "num_key_value_heads = 1: must be 2")
    refused("config.json", b"{", "not JSON")
    refused("config.json", b"[]", "must hold an object")
    tokenizer = (folder / "tokenizer.json").read_bytes()
    refused("tokenizer.json", tokenizer.replace(b'"=": 17', b'"x": 17'), "another vocabulary: .*=")
    more = tokenizer.replace(b'"=": 17', b'"=": 17, "x": 18')
    refused("tokenizer.json", more, "another vocabulary: our models have no token 'x'")
    fewer = tokenizer.replace(b'"<eos>": 2,', b"")
    refused("tokenizer.json", fewer, "'<eos>' = None: must be 2 in the vocabulary too")
    refused("tokenizer.json", b"{}", "model: missing")
    weights = (folder / "model.safetensors").read_bytes()
    refused("model.safetensors", weights[:-1], "damaged or no safetensors")
    refused("model.safetensors", b"", "damaged or no safetensors")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"code may be in it")
    with pytest.raises(UserError, match=r"model.safetensors: no such file; other formats"):
        import_hf(folder, out)


def test_shards_that_are_not_whole_are_named(tmp_path: Path) -> None:
    folder, out = tmp_path / "hf", tmp_path / "x.ckpt"
    export(checkpoint(tmp_path, "gpt2"), folder)
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder, max_shard_size="20kB")
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    written = json.loads(index.read_text())
    name, place = sorted(written["weight_map"].items())[0]

    def refused(message: str) -> None:
        with pytest.raises(UserError, match=message):
            import_hf(folder, out)
        assert not out.exists()

    for places, message in (
        ({name: f"../{place}"}, r"index.json: names a file that is not beside it: '../model-"),
        ({name: None}, r"index.json: weight_map\.\S+ = None: must be a valid string"),
        ({"more": place}, f"index.json: {place} does not hold 'more'"),
    ):
        changed = written | {"weight_map": written["weight_map"] | places}
        index.write_text(json.dumps(changed))
        refused(message)
    index.write_text("{}")
    refused(r"index.json: weight_map: missing")
    index.write_text(json.dumps(written))
    (folder / place).unlink()
    refused(f"{place}: no such file")


def test_an_existing_checkpoint_is_not_lost(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "gpt2")
    export(path, tmp_path / "hf")
    other = checkpoint(tmp_path, "llama2")
    before = other.read_bytes()
    argv = [str(tmp_path / "hf"), "--out", str(other)]
    with pytest.raises(UserError, match=r"llama2.ckpt: exists already; --overwrite replaces it"):
        main(argv)
    assert other.read_bytes() == before
    main([*argv, "--overwrite"])
    assert content(other)["hyper_parameters"]["model"]["name"] == "gpt2"
