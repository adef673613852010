"""An exported folder gives the same answers in transformers as the checkpoint here."""

import json
import os
import re
import resource
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

from src.checkpoint import load_model, save_checkpoint
from src.common.errors import UserError
from src.data.reading import read_records
from src.generation import generate_answers
from src.huggingface.export import FILES, export, main
from src.models import TransformerLM, build_model
from src.terminal.cli import run
from src.tokenizer import VOCABULARY, CharTokenizer

from ..conftest import ARCHITECTURES, tiny_params
from ..test_eval import checkpoint

_SPECIAL = re.compile("<pad>|<bos>|<eos>")


def decisive(folder: Path, name: str, story: Mapping[str, Any] | None = None) -> Path:
    """A checkpoint that answers 46 to everything: each token alone decides the next one."""
    params = tiny_params(name, models={"tie_weights": False})
    config = params.model_config_in_use
    model = build_model(config)
    follows = {"=": "4", "4": "6", "6": "<eos>"}
    ids = {token: i for i, token in enumerate(VOCABULARY)}
    with torch.no_grad():
        for parameter in model.blocks.parameters():
            parameter.zero_()
        if model.position_embedding is not None:
            model.position_embedding.weight.zero_()
        model.token_embedding.weight.copy_(torch.eye(config.d_model)[: len(ids)])
        model.lm_head.weight.zero_()
        for token, following in follows.items():
            model.lm_head.weight[ids[following], ids[token]] = 10
    weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    metrics = {"step": 30, "loss": 0.5, "exact_match": 0.25}
    save_checkpoint(folder / "decisive.ckpt", weights, params, metrics, story)
    return folder / "decisive.ckpt"


@pytest.fixture
def quiet() -> Iterator[None]:
    """Without the bars that transformers draws as it loads."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    yield
    logging.enable_progress_bar()


def answer(model: TransformerLM, prompt: str) -> str:
    """Our model's answer without special tokens."""
    return _SPECIAL.sub("", generate_answers(model, [prompt])[0])


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_pipeline_answers_with_digits_and_ends(name: str, tmp_path: Path) -> None:
    export(decisive(tmp_path, name), tmp_path / "hf")
    assert sorted(p.name for p in (tmp_path / "hf").iterdir()) == sorted(FILES)
    ask = pipeline("text-generation", model=str(tmp_path / "hf"))
    assert ask("12+34=") == [{"generated_text": "12+34=46"}]
    # Prompts of unequal length in a batch.
    together = ask(["12+34=", "1+2="], batch_size=2)
    assert together == [[{"generated_text": "12+34=46"}], [{"generated_text": "1+2=46"}]]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_whole_split_is_answered_alike(name: str, tmp_path: Path, data_dir: Path) -> None:
    # Untied: random weights with a tied head repeat the last token.
    path = checkpoint(tmp_path, name, tie_weights=False)
    ours, config = load_model(path)
    export(path, tmp_path / "hf")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "hf")
    prompts = [record.prompt for record in read_records(data_dir / "test.jsonl")]
    # Prompts of equal length need no padding: greedy decoding of both has as many tokens.
    seen: set[int] = set()
    for length in {len(prompt) for prompt in prompts}:
        alike = [prompt for prompt in prompts if len(prompt) == length]
        inputs = tokenizer(alike, return_tensors="pt")
        assert set(inputs) == {"input_ids", "attention_mask"}
        said = theirs.generate(**inputs)[:, length + 1 :]  # type: ignore[misc]
        room = config.max_seq_len - length - 1
        mine = ours.generate(inputs["input_ids"], room, CharTokenizer.eos_id)[:, length + 1 :]
        assert torch.equal(said, mine)
        seen |= set(mine.flatten().tolist())
    # Answers differ, and some end before the maximal length.
    assert len(seen) > 5
    assert CharTokenizer.eos_id in seen


@pytest.mark.usefixtures("quiet")
def test_the_pipeline_is_greedy_without_being_told(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    ours, _ = load_model(path)
    export(path, tmp_path / "hf")
    ask = pipeline("text-generation", model=str(tmp_path / "hf"))
    prompts = ["12+34=", "1+2=", "99+0=", "7+7=", "50+5="]
    assert len({answer(ours, prompt) for prompt in prompts}) > 1
    for prompt in prompts:
        assert ask(prompt)[0]["generated_text"] == prompt + answer(ours, prompt)
    # transformers 4 reads it here.
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["task_specific_params"]["text-generation"]["do_sample"] is False


def test_the_tokenizer_is_ours(tmp_path: Path) -> None:
    export(checkpoint(tmp_path), tmp_path / "hf")
    theirs, ours = AutoTokenizer.from_pretrained(tmp_path / "hf"), CharTokenizer()
    assert len(theirs) == ours.vocab_size
    assert [theirs.convert_ids_to_tokens(i) for i in range(len(theirs))] == list(VOCABULARY)
    text = "<bos>98-7*6/5+43=-210<eos><pad>"
    assert theirs(text, add_special_tokens=False)["input_ids"] == ours.encode(text)
    assert theirs("1+2=")["input_ids"] == ours.encode("<bos>1+2=")
    assert theirs.decode(ours.encode(text)) == text
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id) == (0, 1, 2)
    # Alone, as TransformerLens tries it.
    assert theirs("a")["input_ids"] == ours.encode("<bos>0")
    for unknown in ("1 + 2=", "1+2=\n", "x", "aa", "1+a=", "a\n"):
        with pytest.raises(Exception, match="UNK"):
            theirs(unknown)


def card(folder: Path) -> tuple[dict[str, Any], str]:
    """Front matter and text of the folder's README.md."""
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


def test_the_card_says_what_the_checkpoint_knows(tmp_path: Path) -> None:
    export(decisive(tmp_path, "mixtral"), tmp_path / "hf")
    front, text = card(tmp_path / "hf")
    assert front["tags"] == ["arithmetic", "mixtral"]
    # No dvc.lock proves that this file was evaluated.
    assert "model-index" not in front
    assert "| test |" not in text
    assert "| validation, at step 30 | | 25.00% | | 0.50000 |" in text
    assert "answer(\"554+456=\")  # [{'generated_text': '554+456=46'}]" in text
    sections = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    params = tiny_params("mixtral", models={"tie_weights": False})
    assert sections["model"] == params.model_config_in_use.to_plain()
    assert sections["training"] == params.training.to_plain()
    assert "data" not in sections


def test_the_card_tells_the_training_data_and_the_weights_before(tmp_path: Path) -> None:
    data = tiny_params(data={"N": 3, "ops": "-"}).data.to_plain()
    described = {"data": data, "sha256": {"train": "aa"}}
    imported = {"data": {"data": None, "sha256": {"train": "bb"}}, "init_from": None}
    first = {"file": "a.ckpt", "sha256": "11", "metrics": {}, "story": {}}
    chain = imported | {"init_from": first}
    second = {"file": "b.ckpt", "sha256": "22", "metrics": {"step": 3000}, "story": chain}
    path = decisive(tmp_path, "llama2", {"data": described, "init_from": second})
    export(path, tmp_path / "hf")
    _, text = card(tmp_path / "hf")
    assert (
        "It was trained on 3 numbers from 0 to 99 with `-` between them, from left to right; "
        "nothing makes it right on others. The training began with the weights of `b.ckpt` "
        "(step 3,000, SHA-256 of the weights `22`), trained on imported problems (SHA-256 of the "
        "file `bb`). That training began with the weights of `a.ckpt` (SHA-256 of the weights "
        "`11`), whose data is not recorded.\n"
    ) in text
    assert "`54-46=` with the answer. It was" in text
    sections = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    assert sections["data"] == data
    assert sections["training"]["init_from"] == "b.ckpt"


def test_an_existing_folder_is_not_lost(tmp_path: Path) -> None:
    folder = tmp_path / "hf"
    export(checkpoint(tmp_path, "gpt2"), folder)
    before = (folder / "config.json").read_text()
    llama = checkpoint(tmp_path, "llama2")
    with pytest.raises(UserError, match="hf: exists already; --overwrite replaces it"):
        export(llama, folder)
    assert (folder / "config.json").read_text() == before
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"hf: holds notes\.txt, which this command did not write"):
        export(llama, folder, overwrite=True)
    assert (folder / "config.json").read_text() == before
    (folder / "notes.txt").unlink()
    assert export(llama, folder, overwrite=True) == "LlamaForCausalLM"
    assert json.loads((folder / "config.json").read_text())["model_type"] == "llama"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gpt2.ckpt", "hf", "llama2.ckpt"]


def test_parts_without_a_class_are_one_line_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint(tmp_path, norm="layernorm")
    argv = ["--ckpt", str(path), "--out", str(tmp_path / "hf")]
    with pytest.raises(SystemExit) as caught:
        run(lambda: main(argv))
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        "error: a llama2 with norm = layernorm, mlp = swiglu, pos_encoding = rope cannot be "
        "exported; LlamaForCausalLM would need norm = rmsnorm\n"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_weights_that_are_no_numbers_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    params = tiny_params()
    weights = build_model(params.model_config_in_use).state_dict()
    weights["norm.weight"][3] = float("nan")
    path = tmp_path / "nan.ckpt"
    save_checkpoint(path, {f"model.{name}": w for name, w in weights.items()}, params, {})
    with pytest.raises(UserError, match=r"norm\.weight: holds numbers that are not finite"):
        export(path, tmp_path / "hf")
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path, folder = checkpoint(tmp_path), tmp_path / "a model"
    export(path, folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Room for the small files, not for the weights.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            export(path, folder, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert sorted(tmp_path.iterdir()) == sorted([path, folder])


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    export(path, tmp_path / "one")
    export(path, tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_all_files_have_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = checkpoint(tmp_path)
        export(path, tmp_path / "hf")
    finally:
        os.umask(before)
    for file in (path, *(tmp_path / "hf").iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o640, file
    assert stat.S_IMODE((tmp_path / "hf").stat().st_mode) == 0o750


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sharpened_attention_goes_into_the_weights(name: str, tmp_path: Path) -> None:
    path = checkpoint(tmp_path, name)
    main(["--ckpt", str(path), "--out", str(tmp_path / "out"), "--attention_scale", "3"])
    model, _ = load_model(path)
    ids = torch.tensor([CharTokenizer().encode("<bos>12+34=46")])
    plain = model(ids)
    model.sharpen_attention(3)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "out")(ids).logits
    torch.testing.assert_close(theirs, model(ids), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(theirs, plain, atol=1e-3)
    with pytest.raises(UserError, match="must be a positive number"):
        main(["--out", str(tmp_path / "other"), "--attention_scale", "0"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("reverse", "is `001`, the digits of an answer from the units up. "),
        ("reverse_all", "is `001`, the digits of an answer from the units up. "),
        ("padded", "is `100`. "),
        (
            "scratchpad",
            "is `01/01=001`, in which the answer stands behind the last `=`, the digits of an "
            "answer from the units up. ",
        ),
    ],
)
def test_the_card_tells_how_problems_are_written(name: str, sentence: str, tmp_path: Path) -> None:
    params = tiny_params(data={"format": name})
    described = {"data": params.data.to_plain(), "sha256": {"train": "aa"}}
    path = decisive(tmp_path, "llama2", {"data": described, "init_from": None})
    export(path, tmp_path / "hf")
    _, text = card(tmp_path / "hf")
    prompt = "45+64=" if name == "reverse_all" else "54+46="
    steps = "steps and " if name == "scratchpad" else ""
    assert (
        f"it continues a problem such as `{prompt}` with {steps}the answer. Problems are written "
        f"in the format `{name}`: the target of `{prompt}` {sentence}It was trained on 2 numbers"
    ) in text
    assert f"answer(\"{prompt}\")  # [{{'generated_text': '{prompt}46'}}]" in text
    assert ("In validation, steps have to be right too." in text) == (name == "scratchpad")
