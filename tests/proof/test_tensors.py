"""Weights are plain, finite and whole, or refused by name before a model is built."""

import re
import resource
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from src.common.errors import UserError
from src.models import build_model
from src.proof.tensors import check_fit, check_tensors

from ..conftest import ARCHITECTURES, tiny_model


def with_value(value: float) -> Callable[[Tensor], Tensor]:
    def changed(tensor: Tensor) -> Tensor:
        other = tensor.clone()
        other.view(-1)[-1] = value
        return other

    return changed


ODD: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "int8": (lambda t: t.to(torch.int8), "torch.int8, must be one of"),
    "float64": (lambda t: t.double(), "torch.float64, must be one of"),
    "complex": (lambda t: t.to(torch.complex64), "torch.complex64, must be one of"),
    "bool": (lambda t: t > 0, "torch.bool, must be one of"),
    "quantized": (
        lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
        "torch.qint8, must be one of",
    ),
    "sparse": (lambda t: t.to_sparse(), "torch.sparse_coo, must be torch.strided"),
    "compressed": (lambda t: t.to_sparse_csr(), "torch.sparse_csr, must be torch.strided"),
    "meta": (lambda t: t.to("meta"), "is of the device meta, with no numbers in the file"),
    "stride 0": (lambda t: t[:1, :1].expand(t.shape), "of which the file holds only a part"),
    "part": (
        lambda t: t.as_strided(t.shape, (1, 1)).contiguous().as_strided(t.shape, (0, 1)),
        "only a part",
    ),
    "overlapping": (lambda t: torch.zeros(99).as_strided(t.shape, (1, 1)), "only a part"),
    "nan": (with_value(float("nan")), "holds numbers that are not finite"),
    "inf": (with_value(float("-inf")), "holds numbers that are not finite"),
    "nested": (lambda t: torch.nested.nested_tensor([t, t]), "must be a plain tensor"),
    "negative": (lambda t: torch._neg_view(t), "must be a plain tensor"),
    "list": (lambda t: t.tolist(), "a list, must be a tensor"),
    "none": (lambda t: None, "a NoneType, must be a tensor"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ODD)
def test_odd_tensors_are_refused_by_name(kind: str) -> None:
    weights = dict(build_model(tiny_model()).state_dict())
    check_tensors(weights)
    odd, rule = ODD[kind]
    name = "blocks.1.mlp.up.weight"
    weights[name] = odd(weights[name])
    with pytest.raises(UserError, match=rf"^{re.escape(name)}: .*{re.escape(rule)}"):
        check_tensors(weights)


@pytest.mark.parametrize("name", [3, b"x", None, ("x",), "\ud800", "x\x1b[2J"])
def test_odd_names_are_refused(name: object) -> None:
    with pytest.raises(UserError, match=r"^.* is no name of weights$"):
        check_tensors({"x": torch.zeros(1), name: torch.zeros(1)})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_as_good(dtype: torch.dtype) -> None:
    weights = {n: t.to(dtype) for n, t in build_model(tiny_model()).state_dict().items()}
    check_tensors(weights)
    check_fit(weights, tiny_model())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_fit_the_model_that_they_are_of(name: str) -> None:
    config = tiny_model(name)
    weights = dict(build_model(config).state_dict())
    check_fit(weights, config)
    # Tied weights are stored once or twice.
    check_fit({name: tensor.clone() for name, tensor in weights.items()}, config)
    first = min(weights)
    for odd, rule in (
        ({n: t for n, t in weights.items() if n != first}, f"{first} is missing"),
        (weights | {first: weights[first][:1]}, rf"{first} is \(1,.*\), by the configuration \("),
        (weights | {"x": weights[first]}, "x is unknown"),
    ):
        with pytest.raises(UserError, match=f"^the weights do not fit the configuration: {rule}"):
            check_fit(odd, config)


def test_tied_weights_are_the_same_numbers() -> None:
    config = tiny_model(tie_weights=True)
    weights = dict(build_model(config).state_dict())
    weights["lm_head.weight"] = weights["lm_head.weight"].clone()
    check_fit(weights, config)
    weights["lm_head.weight"][0, 0] += 1
    with pytest.raises(UserError, match=r"^lm_head.weight: not the numbers of token_embedding"):
        check_fit(weights, config)


def test_a_storage_that_stands_for_several_is_refused() -> None:
    config = tiny_model(n_layers=8)
    weights = dict(build_model(config).state_dict())
    for name in list(weights):
        weights[name] = (
            weights["blocks.0" + name[8:]] if name.startswith("blocks.") else weights[name]
        )
    with pytest.raises(UserError, match="several are stored as one"):
        check_fit(weights, config)


def test_what_a_small_file_asks_for_is_not_built() -> None:
    weights = dict(build_model(tiny_model("mixtral")).state_dict())
    sizes: tuple[dict[str, int], ...] = (
        {"d_model": 65536, "d_ff": 2**20},
        {"n_layers": 1024, "n_experts": 1024},
    )
    for config in [tiny_model("mixtral", **size) for size in sizes]:
        began, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(UserError, match="the weights do not fit the configuration"):
            check_fit(weights, config)
        # In KiB; PyTorch imports what builds models without memory.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 2**19
        assert time.process_time() - began < 20
