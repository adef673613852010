"""A folder that transformers wrote becomes a checkpoint again."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from src.checkpoint import load_model
from src.common.errors import UserError
from src.huggingface.export import export
from src.huggingface.import_checkpoint import import_hf, main, read_folder
from src.lightning_module import LitLM
from src.params import load_params

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


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixtral as a folder of transformers'."""
    folder = tmp_path_factory.mktemp("exported")
    export(checkpoint(folder, "mixtral"), folder / "a model")
    return folder / "a model"


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A folder to make odd."""
    return Path(shutil.copytree(exported, tmp_path / "a model"))


def refusal(folder: Path) -> str:
    """Why a folder is refused, without its path: one line that moves no cursor."""
    with pytest.raises(UserError) as caught:
        read_folder(folder, load_params().models)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 600
    assert message.startswith(f"{folder}/")
    return message.removeprefix(f"{folder}/")


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("config.json", DEEP, "not JSON: maximum recursion depth exceeded"),
        ("config.json", b'{"a": ' + DEEP, "not JSON: maximum recursion depth exceeded"),
        ("config.json", b'{"a": NaN}', "not JSON: 'NaN' is no finite number"),
        ("config.json", b'{"a": [-Infinity]}', "not JSON: '-Infinity' is no finite number"),
        ("config.json", b'{"a": 1e999}', "not JSON: '1e999' is no finite number"),
        ("config.json", b'{"a": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit"),
        ("config.json", b'{"a": {"b": 1, "b": 1}}', "not JSON: 'b' occurs twice in an object"),
        ("config.json", '{"\u00e9": 1}'.encode("latin-1"), "not JSON: 'utf-8' codec can't decode"),
        ("config.json", "{}".encode("utf-16"), "not JSON: 'utf-8' codec can't decode"),
        ("config.json", b"\xef\xbb\xbf{}", "not JSON: Unexpected UTF-8 BOM"),
        ("config.json", b" " * 2**23, "more than 4,194,304 bytes"),
        ("config.json", b'{"model_type": "\\u001b[2J"}', r"model_type = '\x1b[2J': must be one of"),
        ("config.json", b'{"model_type": "\\ud800"}', r"model_type = '\ud800': must be one of"),
        ("tokenizer.json", b"[]", "must hold an object"),
        (
            "tokenizer.json",
            b'{"model": {"vocab": [["a", 1, 2], [[1]]]}}',
            "model.vocab = [['a', 1, 2], [[1]]]: must be a valid dictionary",
        ),
        (
            "tokenizer.json",
            b'{"model": {"vocab": {"<bos>": true}}}',
            "model.vocab.<bos> = True: must be a valid integer",
        ),
        (
            "tokenizer.json",
            b'{"model": {"vocab": {"0": 3}}, "added_tokens": [{"id": 4, "content": "0"}]}',
            "'0' = 3: must be 4 in the vocabulary too",
        ),
        ("model.safetensors", b"\xff" * 99, "damaged or no safetensors: "),
        ("model.safetensors", b"\x02" + bytes(7) + b"[]", "damaged or no safetensors: "),
    ],
)
def test_odd_content_is_one_line(folder: Path, name: str, written: bytes, message: str) -> None:
    (folder / name).write_bytes(written)
    assert refusal(folder).startswith(f"{name}: {message}")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_what_is_no_file_is_told(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()
    assert refusal(folder) == f"{name}: a folder, must be a file"
    (folder / name).rmdir()
    os.mkfifo(folder / name)
    assert refusal(folder) == f"{name}: no regular file"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 2**20}, "model.embed_tokens.weight: (18, 32), by config.json (18, 1048"),
        # A million experts would take minutes to list, even without memory for their weights.
        (
            {"num_hidden_layers": 1024, "num_local_experts": 1024},
            "the weights do not fit the configuration: 1048576 blocks or experts",
        ),
    ],
)
def test_sizes_are_compared_before_anything_is_built(
    folder: Path, changes: dict[str, int], message: str
) -> None:
    content = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(content | {"head_dim": None}))
    assert refusal(folder).startswith(f"model.safetensors: {message}")


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (torch.tensor(float("nan")), "holds numbers that are not finite"),
        (torch.tensor(float("-inf")), "holds numbers that are not finite"),
        (torch.tensor(1, dtype=torch.int8), "torch.int8, must be one of"),
        (torch.tensor(1, dtype=torch.complex64), "torch.complex64, must be one of"),
        (torch.tensor(1, dtype=torch.float64), "torch.float64, must be one of"),
    ],
)
def test_weights_that_are_no_numbers_are_refused_by_name(
    folder: Path, odd: torch.Tensor, message: str
) -> None:
    path, name = folder / "model.safetensors", "model.layers.1.block_sparse_moe.experts.3.w2.weight"
    tensors = load(path.read_bytes())
    tensors[name] = tensors[name].to(odd.dtype)
    tensors[name][5, 7] = odd
    path.write_bytes(save(tensors))
    assert refusal(folder).startswith(f"model.safetensors: {name}: {message}")


@pytest.mark.parametrize(
    "place", ["", "..", "/etc/passwd", "sub/a.safetensors", "a\0.safetensors", "\ud800", "a" * 5000]
)
def test_an_index_names_files_beside_it(folder: Path, place: str) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"model.norm.weight": place}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    message = "model.safetensors.index.json: names a file that is not beside it: "
    assert refusal(folder).startswith(message)


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
