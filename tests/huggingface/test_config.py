"""Configurations and weights survive the way to Hugging Face's classes and back."""

import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
import transformers
from hypothesis import event, given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.config import ModelConfig
from src.huggingface.config import from_config, layout_of, to_config
from src.huggingface.layouts import LAYOUTS, Layout
from src.huggingface.weights import from_tensors, to_tensors
from src.models import MLPS, NORMS, build_model
from src.params import load_params

from ..conftest import ARCHITECTURES, tiny_model
from .peers import peer

ENTRIES = load_params().models
CONTENTS = {name: to_config(tiny_model(name)) for name in ARCHITECTURES}


def back(content: dict[str, Any]) -> ModelConfig:
    return from_config(content, ENTRIES)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_defaults_are_those_of_transformers(layout: Layout) -> None:
    theirs = getattr(transformers, layout.architecture).config_class
    assert theirs.model_type == layout.model_type
    for key, value in layout.defaults.items():
        key = "default_theta" if key == "rope_theta" else key
        # Of the class: an instance replaces None by a computed value.
        assert getattr(theirs, key) == value
    assert set(layout.fixed) | set(layout.dropouts) <= set(layout.defaults)


@settings(max_examples=25)
@pytest.mark.parametrize("name", ARCHITECTURES)
@given(
    changes=st.fixed_dictionaries(
        {
            "tie_weights": st.booleans(),
            "dropout": st.floats(0, 0.99),
            "init_std": st.floats(0.001, 1),
            "max_seq_len": st.integers(1, 2048),
            "d_ff": st.integers(1, 512),
        }
    ),
    experts=st.integers(1, 6).flatmap(lambda e: st.tuples(st.just(e), st.integers(1, e))),
    coefficient=st.integers(1, 10_000).map(lambda n: n / 10_000),
    theta=st.floats(1, 1e6),
)
def test_a_configuration_comes_back_as_it_was(
    name: str, changes: dict[str, Any], experts: tuple[int, int], coefficient: float, theta: float
) -> None:
    if name == "mixtral":
        n_experts, top_k = experts
        changes |= {"n_experts": n_experts, "top_k": top_k, "aux_loss_coef": coefficient}
    if name != "gpt2":
        changes["rope_theta"] = theta
    # Keys that the class lacks are taken from params.yaml.
    config = tiny_model(name, **changes)
    assert back(to_config(config)) == config


COMBINED = {
    ("gpt2", "layernorm", "gelu", "learned"): "GPT2LMHeadModel",
    ("llama2", "rmsnorm", "swiglu", "rope"): "LlamaForCausalLM",
    ("llama2", "rmsnorm", "moe", "rope"): "MixtralForCausalLM",
    ("mixtral", "rmsnorm", "swiglu", "rope"): "LlamaForCausalLM",
    ("mixtral", "rmsnorm", "moe", "rope"): "MixtralForCausalLM",
}


def test_what_no_class_combines_is_refused_by_name() -> None:
    for name, norm, mlp, pos_encoding in product(ARCHITECTURES, NORMS, MLPS, ("learned", "rope")):
        config = tiny_model(name, norm=norm, mlp=mlp, pos_encoding=pos_encoding)
        if architecture := COMBINED.get((name, norm, mlp, pos_encoding)):
            assert layout_of(config).architecture == architecture
        else:
            parts = f"norm = {norm}, mlp = {mlp}, pos_encoding = {pos_encoding}"
            message = f"a {name} with {parts} cannot be exported; "
            with pytest.raises(UserError, match=message):
                layout_of(config)


def test_the_parts_count_and_not_the_name() -> None:
    torch.manual_seed(0)
    config = tiny_model("llama2", mlp="moe", init_std=0.3)
    ours, input_ids = build_model(config).eval(), torch.arange(3, 15)[None]
    with torch.no_grad():
        torch.testing.assert_close(ours(input_ids), peer(ours, config)(input_ids).logits)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {"positions": "random_start"}) for name in ARCHITECTURES),
        *(("gpt2", {"positions": "none", "pos_encoding": each}) for each in ("learned", "rope")),
    ],
)
def test_positions_that_a_class_can_express_give_the_same_logits(
    name: str, changes: dict[str, str], randomise: Callable[[torch.nn.Module], None]
) -> None:
    config = tiny_model(name, **changes)
    ours, input_ids = build_model(config).eval(), torch.arange(3, 15)[None]
    randomise(ours)
    with torch.no_grad():
        torch.testing.assert_close(ours(input_ids), peer(ours, config)(input_ids).logits)
    again = back(to_config(config))
    assert (again.positions, again.pos_encoding) == (
        "sequential",
        layout_of(config).parts["pos_encoding"],
    )


def test_positions_that_no_class_has_are_refused_by_name() -> None:
    for name, positions in product(ARCHITECTURES, ("abacus", "coupled")):
        message = f"a {name} with positions = {positions} cannot be exported; "
        with pytest.raises(UserError, match=message):
            to_config(tiny_model(name, positions=positions))
    for name in ("llama2", "mixtral"):
        message = f"a {name} with positions = none cannot be exported; LlamaForCausalLM and Mixtral"
        with pytest.raises(UserError, match=message):
            to_config(tiny_model(name, positions="none"))


def test_biases_of_a_router_are_refused_by_name_and_none_are_imported() -> None:
    message = "a mixtral with router_bias_rate = 0.001 cannot be exported; "
    with pytest.raises(UserError, match=message):
        to_config(tiny_model("mixtral", router_bias_rate=0.001))
    # A dense model has no router.
    assert to_config(tiny_model("llama2", router_bias_rate=0.001))
    mine = {
        name: entry.model_copy(update={"router_bias_rate": 1.0}) for name, entry in ENTRIES.items()
    }
    assert from_config(CONTENTS["mixtral"], mine).router_bias_rate == 0.0


def test_first_weights_of_zero_are_not_imported() -> None:
    mine = {
        name: entry.model_copy(update={"zero_init_residual": True})
        for name, entry in ENTRIES.items()
    }
    assert not any(from_config(c, mine).zero_init_residual for c in CONTENTS.values())


def test_positions_are_imported_as_they_are_counted_there() -> None:
    mine = {key: entry.model_copy(update={"positions": "abacus"}) for key, entry in ENTRIES.items()}
    for content in CONTENTS.values():
        assert from_config(content, mine).positions == "sequential"


@pytest.mark.parametrize("tie_weights", [True, False])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_come_back_to_the_bit(name: str, tie_weights: bool) -> None:
    config = tiny_model(name, tie_weights=tie_weights)
    weights = build_model(config).state_dict()
    theirs = to_tensors(weights, config)
    again = from_tensors(theirs, config)
    assert list(again) == list(weights)
    assert all(torch.equal(again[key], weights[key]) for key in weights)
    assert ("lm_head.weight" in theirs) != tie_weights
    # Half precision fits in float32.
    half = {key: tensor.half() for key, tensor in theirs.items()}
    assert all(
        torch.equal(tensor, weights[key].half().float())
        for key, tensor in from_tensors(half, config).items()
    )


def test_names_of_older_releases_are_read() -> None:
    config = tiny_model("gpt2")
    weights = build_model(config).state_dict()
    old = {k.removeprefix("transformer."): v for k, v in to_tensors(weights, config).items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 24, 24)
    old["lm_head.weight"] = old["wte.weight"].clone()
    again = from_tensors(old, config)
    assert all(torch.equal(again[key], weights[key]) for key in weights)


LLAMA, MIXTRAL, GPT2 = "llama2", "mixtral", "gpt2"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            LLAMA,
            {"model_type": "qwen2"},
            "model_type = 'qwen2': must be one of gpt2, llama, mixtral",
        ),
        (LLAMA, {"architectures": ["LlamaModel"]}, "architectures = ['LlamaModel']: must be"),
        (LLAMA, {"vocab_size": 32000}, "vocab_size = 32000: must be 18"),
        (LLAMA, {"quantization_config": {"bits": 4}}, "quantization_config = {'bits': 4}"),
        (LLAMA, {"num_key_value_heads": 1}, "num_key_value_heads = 1: must be 2"),
        (LLAMA, {"head_dim": 8}, "head_dim = 8: must be 16"),
        (LLAMA, {"hidden_act": "gelu"}, "hidden_act = 'gelu': must be 'silu'"),
        (LLAMA, {"rms_norm_eps": 1e-6}, "rms_norm_eps = 1e-06: must be 1e-05"),
        (LLAMA, {"rms_norm_eps": None}, "rms_norm_eps = None"),
        (LLAMA, {"attention_bias": True}, "attention_bias = True: must be False"),
        (LLAMA, {"mlp_bias": True}, "mlp_bias = True: must be False"),
        (
            LLAMA,
            {"rope_parameters": {"rope_type": "llama3", "rope_theta": 100.0}},
            "rope_parameters.rope_type = 'llama3': our models scale no wavelengths",
        ),
        (
            LLAMA,
            {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}},
            "rope_scaling.type = 'linear'",
        ),
        (LLAMA, {"rope_scaling": {"type": "linear"}}, "rope_scaling.type = 'linear': our models"),
        (LLAMA, {"rope_theta": 7.0}, "rope_theta = 7.0, but rope_parameters.rope_theta = 100.0"),
        (LLAMA, {"hidden_size": None}, "hidden_size = None: must be a valid integer"),
        (LLAMA, {"hidden_size": "wide"}, "hidden_size = 'wide': must be a valid integer"),
        (LLAMA, {"num_attention_heads": 3}, "d_model = 32: must be divisible by n_heads = 3"),
        (MIXTRAL, {"sliding_window": 4096}, "sliding_window = 4096: must be None"),
        (MIXTRAL, {"router_jitter_noise": 0.1}, "router_jitter_noise = 0.1: must be 0.0"),
        (MIXTRAL, {"num_experts_per_tok": 5}, "top_k = 5: must not exceed n_experts = 4"),
        (GPT2, {"activation_function": "relu"}, "activation_function = 'relu': must be 'gelu_new'"),
        (GPT2, {"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon = 1e-06: must be 1e-05"),
        (GPT2, {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx = True"),
        (GPT2, {"attn_pdrop": 0.1}, "attn_pdrop = 0.1, but resid_pdrop = 0.0"),
        # Of no meaning in a GPT-2, but wrong.
        (GPT2, {"head_dim": 8}, "head_dim = 8: must be 16"),
        (GPT2, {"n_embd": {"a": 1}, "n_inner": None}, "n_embd = {'a': 1}: must be a valid integer"),
        (GPT2, {"n_head": True}, "n_head = True: must be a valid integer"),
        (GPT2, {"n_layer": 10**6}, "n_layer = 1000000: must be less than or equal to 1024"),
        (MIXTRAL, {"router_aux_loss_coef": 1e308}, "router_aux_loss_coef = 1e+308: must be less"),
        (LLAMA, {"rope_parameters": [1]}, "rope_parameters = [1]: must be a valid dictionary"),
        (LLAMA, {"model_type": "\x1b[2J"}, r"model_type = '\x1b[2J': must be one of"),
        (LLAMA, {"hidden_act": "x" * 10**6}, "xxx...xxx"),
    ],
)
def test_what_our_models_do_not_have_is_refused_by_name(
    name: str, change: dict[str, Any], message: str
) -> None:
    content = to_config(tiny_model(name)) | change
    with pytest.raises(UserError, match=re.escape(message)):
        back(content)


# Values that JSON can hold, numbers out of range too, and deeper than any configuration.
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just(1e308)
    ),
    lambda values: st.one_of(
        st.lists(values, max_size=3),
        st.dictionaries(
            st.sampled_from(("rope_theta", "rope_type", "type", "x\x1b")), values, max_size=2
        ),
    ),
    max_leaves=6,
)


def refusal(read: Callable[[], object]) -> str:
    """The line that refuses something; empty if it is read."""
    try:
        read()
    except UserError as error:
        message = str(error)
    else:
        return ""
    assert message.isprintable()
    assert len(message) < 500
    return message


@settings(max_examples=300)
@given(data=st.data(), value=JSON)
def test_whatever_stands_in_a_file_is_read_or_refused(data: st.DataObject, value: Any) -> None:
    content = CONTENTS[data.draw(st.sampled_from(ARCHITECTURES))]
    key = data.draw(st.sampled_from([*sorted(content), "head_dim", "rope_scaling", "n_inner"]))
    message = refusal(lambda: back(content | {key: value}))
    event(message.partition(" ")[0])


def test_what_a_file_leaves_out_is_as_transformers_has_it() -> None:
    content = to_config(tiny_model("gpt2"))
    for key in ("n_inner", "tie_word_embeddings", "activation_function", "architectures"):
        del content[key]
    config = back(content)
    assert (config.d_ff, config.tie_weights) == (4 * 32, True)
    content = to_config(tiny_model("llama2"))
    for key in ("rope_theta", "rope_parameters", "tie_word_embeddings", "head_dim"):
        del content[key]
    config = back(content)
    assert (config.rope_theta, config.tie_weights) == (10_000, False)
    del content["rms_norm_eps"]
    with pytest.raises(UserError, match="rms_norm_eps = 1e-06"):
        back(content)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("model.norm.weight", None, "model.norm.weight: missing"),
        (
            "model.norm.weight",
            torch.ones(31),
            r"model.norm.weight: \(31,\), by config.json \(32,\)",
        ),
        ("model.norm.weight", torch.ones(32).double(), "model.norm.weight: torch.float64"),
        ("model.norm.bias", torch.ones(32), "model.norm.bias: our models have no such tensor"),
        (
            "model.layers.0.self_attn.q_proj.weight",
            torch.ones(16, 32),
            r"q_proj.weight: \(16, 32\), by config.json \(32, 32\)",
        ),
        ("lm_head.weight", torch.ones(18, 32), "lm_head.weight: not the embeddings"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(
    name: str, change: torch.Tensor | None, message: str
) -> None:
    config = tiny_model()
    tensors = to_tensors(build_model(config).state_dict(), config)
    if change is None:
        del tensors[name]
    else:
        tensors[name] = change
    with pytest.raises(UserError, match=message):
        from_tensors(tensors, config)
