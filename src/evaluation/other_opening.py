"""Open a folder of anyone's causal language model with transformers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from ..common.errors import UserError
from ..common.files import read_bytes
from ..ops import cpu
from ..ops.hardware import device_for
from ..terminal.model_flags import check_template
from ..tokenizer import VOCABULARY
from .other_model import OtherModel
from .transformers_calls import no_output, quiet, refusing


def open_other(folder: Path, template: str, accelerator: str) -> OtherModel:
    """Open a causal language model and its tokenizer; nothing is executed and nothing downloaded.

    Its weights stay in the number format that the folder has them in.

    Args:
        folder: as transformers' ``save_pretrained`` writes it.
        template: see `check_template`.
        accelerator: `runtime.accelerator`.

    Raises:
        UserError: if transformers is not installed or the folder holds no such model.
    """
    check_template(template)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no config.json in it, as transformers' save_pretrained writes")
    _check_files(folder)
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    except ImportError:
        raise UserError(
            "transformers is not installed: "
            "pip install -r requirements-transformers.txt -c constraints.txt"
        ) from None

    cpu.use_well(accelerator)
    with quiet(), no_output():
        tokenizer = _open(AutoTokenizer, "tokenizer", folder)
        begin = _begin(folder, tokenizer)
        how = {"output_loading_info": True, "ignore_mismatched_sizes": True, "dtype": "auto"}
        with _no_larger_than(folder):
            model, loading = _open(AutoModelForCausalLM, "causal language model", folder, **how)
        _check_weights(folder, model, loading)
        with refusing(f"{folder}: its model cannot be used"):
            model.to(device_for(accelerator)).eval()
            _check_causal(folder, model)
            ends = _ends(model, tokenizer)
    # What it says of sampling or of repetitions would come in where greedy decoding says nothing.
    model.generation_config = GenerationConfig()
    return OtherModel(folder, template, model, tokenizer, begin, ends)


def _check_files(folder: Path) -> None:
    """Refuse what is no file, and an index that names files elsewhere, before they are opened."""
    for path in sorted(folder.iterdir()):
        # Which of them transformers reads, only it knows; a pipe would never end.
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(f"{path}: no regular file")
    for index in sorted(folder.glob("*.index.json")):
        with refusing(str(index)):
            names = json.loads(read_bytes(index))["weight_map"].values()
            if not all(Path(name).name == name for name in names):
                raise UserError("names a file that is not beside it")


@contextmanager
def _no_larger_than(folder: Path) -> Iterator[None]:
    """Refuse a model that would have more weights than its files can hold, while it is built.

    transformers builds it without memory first, and then fills in what the files lack.
    """
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())

    def counting(bits: int, entry: int) -> Callable[[nn.Module, str, Tensor | None], None]:
        def count(module: nn.Module, name: str, tensor: Tensor | None) -> None:
            nonlocal bits
            if tensor is not None and tensor.is_meta:
                bits -= tensor.numel() + entry
            if bits < 0:
                raise UserError(
                    f"{folder}: config.json asks for more weights than {size:,} bytes of files hold"
                )

        return count

    # A bit a weight and the shortest entry in the table of a file are the least there is. Buffers,
    # such as tables of positions, are computed: they have some room beside the files.
    handles = (
        register_module_parameter_registration_hook(counting(8 * size, entry=8 * 50)),
        register_module_buffer_registration_hook(counting(8 * size + 2**26, entry=0)),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _open(kind: Any, name: str, folder: Path, **how: Any) -> Any:
    """What one of transformers' classes opens in a folder."""
    with refusing(f"{folder}: no {name} that transformers opens"):
        return kind.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, **how
        )


def _begin(folder: Path, tokenizer: Any) -> list[int]:
    """Ids of the tokens that a tokenizer puts in front of each text.

    Those that it puts behind one, as some do, would end the answer before it begins.
    """
    with refusing(f"{folder}: no tokenizer in it that reads digits"):
        digit = tokenizer("0", add_special_tokens=False)["input_ids"]
        ids: list[int] = tokenizer("0")["input_ids"]
        # Some classes open without any file of a vocabulary, and read nothing.
        return ids[: ids.index(digit[0])]


def _check_weights(folder: Path, model: Any, loading: Mapping[str, Any]) -> None:
    """Refuse a model some of whose weights would be random, or are no numbers.

    transformers draws what the files lack.
    """
    for name in sorted(loading["missing_keys"]):
        raise UserError(f"{folder}: no causal language model in it: {name} is missing")
    for name, there, wanted in sorted(loading["mismatched_keys"]):
        sizes = f"{tuple(there)}, by config.json {tuple(wanted)}"
        raise UserError(f"{folder}: no causal language model in it: {name} is {sizes}")
    for name, weight in model.named_parameters():
        if weight.is_floating_point() and not weight.float().isfinite().all():
            raise UserError(f"{folder}: {name} holds NaN or infinite values")


@torch.inference_mode()
def _check_causal(folder: Path, model: Any) -> None:
    """Refuse a model that reads tokens to come, as BERT does, although transformers opens it."""
    n_embeddings = model.get_input_embeddings().num_embeddings
    ids = torch.tensor([[0, 1, 2, 3], [0, 4, 5, 6]], device=model.device) % n_embeddings
    logits = model(input_ids=ids).logits[:, 0]
    if logits.isnan().any():
        raise UserError(f"{folder}: what its model computes is NaN")
    one, other = logits.float()
    # Later tokens may change by rounding how many an expert has to compute at once.
    if (one - other).abs().max() > torch.finfo(logits.dtype).eps ** 0.5 * one.std():
        kind = model.config.model_type
        raise UserError(f"{folder}: a {kind} that reads what comes later is no causal model")


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """Ids of the tokens that end a text: all that model and tokenizer name."""
    ids: set[int] = set()
    for named in (model.generation_config, model.config, tokenizer):
        found = getattr(named, "eos_token_id", None)
        ids |= {found} if isinstance(found, int) else set(found or ())
    n_embeddings = model.get_input_embeddings().num_embeddings

    def is_end(token: int) -> bool:
        # A config's default, made for another tokenizer, may be the number of a digit here, or of
        # no token at all.
        if not 0 <= token < n_embeddings:
            return False
        text = tokenizer.decode([token]).strip()
        return not text or not set(text) <= set(VOCABULARY)

    return sorted(filter(is_end, ids))
