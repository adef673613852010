"""Model configurations to Hugging Face's config.json and back, without transformers itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from ..common.errors import UserError
from ..common.findings import shown
from ..config import ModelConfig, PositiveFloat
from ..models import MODELS
from ..params import describe
from ..tokenizer import CharTokenizer
from .json_file import Part, parse
from .layouts import LAYOUTS, Layout


def layout_of(config: ModelConfig) -> Layout:
    """The class of transformers that has a configuration's parts.

    Raises:
        UserError: if no class combines these parts, or counts tokens in this way.
    """
    if config.positions in ("abacus", "coupled"):
        raise UserError(
            f"a {config.name} with positions = {config.positions} cannot be exported; the classes "
            "of transformers number tokens 0, 1, 2, .., as sequential does"
        )
    if config.mlp == "moe" and config.router_bias_rate:
        raise UserError(
            f"a {config.name} with router_bias_rate = {config.router_bias_rate} cannot be "
            "exported; MixtralForCausalLM chooses experts without biases"
        )
    if config.positions == "none" and not MODELS[config.name].attention_bias:
        raise UserError(
            f"a {config.name} with positions = none cannot be exported; LlamaForCausalLM and "
            "MixtralForCausalLM always rotate, only GPT2LMHeadModel can do without"
        )
    if config.positions == "none":
        # `to_tensors` gives it a table of zeros.
        config = config.model_copy(update={"pos_encoding": "learned"})
    differences = {}
    for layout in LAYOUTS.values():
        if MODELS[layout.name].attention_bias == MODELS[config.name].attention_bias:
            parts = layout.parts.items()
            differences[layout.architecture] = [(k, v) for k, v in parts if getattr(config, k) != v]
            if not differences[layout.architecture]:
                return layout
    nearest = min(differences, key=lambda architecture: len(differences[architecture]))
    given = ", ".join(f"{key} = {getattr(config, key)}" for key in ("norm", "mlp", "pos_encoding"))
    needed = ", ".join(f"{key} = {value}" for key, value in differences[nearest])
    raise UserError(
        f"a {config.name} with {given} cannot be exported; {nearest} would need {needed}"
    )


def to_config(config: ModelConfig) -> dict[str, Any]:
    """The content of config.json.

    Raises:
        UserError: see `layout_of`.
    """
    layout = layout_of(config)
    content: dict[str, Any] = {
        "model_type": layout.model_type,
        "architectures": [layout.architecture],
        "dtype": "float32",
        "vocab_size": CharTokenizer.vocab_size,
        "bos_token_id": CharTokenizer.bos_id,
        "eos_token_id": CharTokenizer.eos_id,
        "pad_token_id": CharTokenizer.pad_id,
        **{theirs: getattr(config, ours) for ours, theirs in layout.keys.items()},
        **dict.fromkeys(layout.dropouts, config.dropout),
        **{key: values[0] for key, values in layout.fixed.items()},
    }
    if layout.parts["pos_encoding"] == "rope":
        content |= {
            "num_key_value_heads": config.n_heads,
            "head_dim": config.d_model // config.n_heads,
            # transformers 4 reads the first, 5 the second.
            "rope_theta": config.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        }
    if config.mlp == "moe":
        # With a balanced load their loss is top_k, ours 1.
        content["router_aux_loss_coef"] = config.aux_loss_coef / config.top_k
    return content


def from_config(content: Mapping[str, Any], entries: Mapping[str, ModelConfig]) -> ModelConfig:
    """Our configuration of the model that a config.json describes.

    Args:
        content: the content of config.json.
        entries: `models:` of params.yaml. What the class has no key for, such as rope_theta of a
            GPT-2 or the experts of a dense model, is taken from the entry of the same name.

    Raises:
        UserError: naming the key whose value our models cannot have.
    """
    kind = content.get("model_type")
    if not isinstance(kind, str) or kind not in LAYOUTS:
        raise UserError(f"model_type = {shown(kind)}: must be one of {', '.join(LAYOUTS)}")
    layout = LAYOUTS[kind]
    entry = next((e for e in entries.values() if e.name == layout.name), None)
    if entry is None:
        raise UserError(f"params.yaml has no entry of models: with name: {layout.name}")
    theirs = parse(content, _READERS[kind]).model_dump()
    values: dict[str, Any] = {ours: theirs[key] for ours, key in layout.keys.items()}
    if values["d_ff"] is None:
        values["d_ff"] = 4 * values["d_model"]
    values |= {**layout.parts, "positions": "sequential", "dropout": _dropout(theirs, layout)}
    values["zero_init_residual"] = False  # the first weights of what is published were not zero
    if layout.parts["pos_encoding"] == "rope":
        values["rope_theta"] = _rope_theta(theirs, layout)
    if layout.parts["mlp"] == "moe":
        # 15 digits survive the division, so that 0.01 comes back as 0.01.
        coefficient = theirs["router_aux_loss_coef"] * theirs["num_experts_per_tok"]
        values["aux_loss_coef"] = float(f"{coefficient:.15g}")
        values["router_bias_rate"] = 0.0
    try:
        config = ModelConfig.model_validate(entry.model_dump() | values)
    except ValidationError as error:
        raise UserError(describe(error.errors())) from None
    _check_heads(theirs, config)
    return config


def _reader(layout: Layout) -> type[Part]:
    """The keys of config.json that count for a class, with the types that ours have."""

    def typed(key: str) -> Any:
        ours = ModelConfig.model_fields[key]
        return Annotated[ours.annotation, *ours.metadata] if ours.metadata else ours.annotation

    types: dict[str, Any] = {
        "architectures": _one_of([layout.architecture], None),
        "vocab_size": _one_of(CharTokenizer.vocab_size),
        "quantization_config": _one_of(None),
        # GPT-2 has no such keys; where they stand all the same, they must be right.
        "num_key_value_heads": int | None,
        "head_dim": int | None,
        "rope_theta": PositiveFloat | None,
        "rope_parameters": dict[str, Any] | None,
        "rope_scaling": dict[str, Any] | None,
        **{theirs: typed(ours) for ours, theirs in layout.keys.items()},
        **dict.fromkeys(layout.dropouts, typed("dropout")),
        **{key: _one_of(*values) for key, values in layout.fixed.items()},
    }
    if layout.parts["mlp"] == "moe":
        # So that it is still finite times the number of chosen experts.
        types["router_aux_loss_coef"] = Annotated[float, Field(ge=0, le=1e9)]
    if "n_inner" in types:
        types["n_inner"] |= None
    # A rope_theta may stand elsewhere too, see `_rope_theta`.
    defaults = dict.fromkeys(types.keys() - layout.keys.values()) | layout.defaults
    defaults["rope_theta"] = None
    fields: dict[str, Any] = {key: (kind, defaults.get(key, ...)) for key, kind in types.items()}
    return create_model(layout.architecture, __base__=Part, **fields)


def _one_of(*values: object) -> Any:
    """The type of a key for which our models have a single value, in one spelling or several."""

    def check(given: object) -> object:
        if given not in values:
            raise PydanticCustomError("one_of", "must be {first}", {"first": shown(values[0])})
        return given

    return Annotated[Any, AfterValidator(check)]


def _dropout(theirs: Mapping[str, Any], layout: Layout) -> float:
    first, *others = layout.dropouts
    for key in others:
        if theirs[key] != theirs[first]:
            raise UserError(
                f"{key} = {theirs[key]}, but {first} = {theirs[first]}: our models have one dropout"
            )
    return float(theirs[first])


def _rope_theta(theirs: Mapping[str, Any], layout: Layout) -> Any:
    """The base of RoPE's wavelengths, under the key of transformers 4 or 5."""
    stated = {"rope_theta": theirs["rope_theta"]}
    for name in ("rope_parameters", "rope_scaling"):
        for key, value in (theirs[name] or {}).items():
            place = f"{name}.{shown(key)[1:-1]}"
            if key == "rope_theta":
                stated[place] = value
            elif key not in ("rope_type", "type") or value != "default":
                raise UserError(f"{place} = {shown(value)}: our models scale no wavelengths")
    known = [(place, value) for place, value in stated.items() if value is not None]
    for place, value in known[1:]:
        if value != known[0][1]:
            first = " = ".join((known[0][0], shown(known[0][1])))
            raise UserError(f"{first}, but {place} = {shown(value)}")
    return known[0][1] if known else layout.defaults["rope_theta"]


def _check_heads(theirs: Mapping[str, Any], config: ModelConfig) -> None:
    required = {"num_key_value_heads": config.n_heads, "head_dim": config.d_model // config.n_heads}
    for key, value in required.items():
        if theirs[key] not in (None, value):
            raise UserError(
                f"{key} = {theirs[key]}: must be {value}, as our heads share no keys and values "
                "and divide hidden_size"
            )


_READERS = {kind: _reader(layout) for kind, layout in LAYOUTS.items()}
