"""The sections of params.yaml as typed, frozen models that refuse what cannot be right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

# pydantic: type checks, unknown keys and error locations, for which we would write worse code.
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .common.findings import broken

PositiveInt = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
# Far above what anyone trains here, far below what a damaged file could ask for.
Size = Annotated[int, Field(ge=1, le=2**20)]
Count = Annotated[int, Field(ge=1, le=2**10)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
# Formats that write steps to the answer of two operands.
_WITH_STEPS = ("scratchpad", "detailed")


# What becomes the name of a file or folder: it cannot lead elsewhere, nor is it hidden or too long.
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}"
NAME_RULE = "1 to 64 letters, digits or _ . + -, the first none of . + -"


def _name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise PydanticCustomError("name", "must be {rule}", {"rule": NAME_RULE})
    return name


Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME}$"})
]


class Section(BaseModel):
    """One section of params.yaml; what each key means is written there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_plain(self) -> dict[str, Any]:
        """The section in plain values, as data folders and checkpoints keep it.

        Keys that have a default in this file were added later: older folders and checkpoints have
        none, and mean the default. Left out there, they change the bytes of neither.
        """
        return self.model_dump(exclude_defaults=True)


# Of operands and totals. A checkpoint says what its data was drawn from, and PyTorch's safe reader
# knows integers of up to 255 bytes, which are 613 digits.
MAX_DIGITS = 600


def largest_total(N: int, B: int, ops: str) -> int:
    """A bound on the absolute value of all totals of N operands up to B, and of all on the way."""
    return N * (B**N if "*" in ops else B)


class DataConfig(Section):
    """`data:`, read by the generate stage."""

    # The upper bound keeps the arithmetic of the checks below small, nothing else.
    N: Annotated[int, Field(ge=2, le=1000)]
    A: Annotated[int, Field(ge=0)]
    B: Annotated[int, Field(ge=0)]
    ops: str
    precedence: Literal["left_to_right", "standard"]
    # Files of before there was a choice have no such keys.
    modulus: Annotated[int, Field(ge=0, le=2**31)] = 0
    format: Literal[
        "plain", "reverse", "reverse_all", "padded", "reverse_padded", "scratchpad", "detailed"
    ] = "plain"
    n_samples: Annotated[int, Field(ge=1, le=10**12)]
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    test_fraction: Annotated[float, Field(gt=0, lt=1)]
    length_balance: Share
    length_exponent: Share = 0.0
    length_mix: list[Share] = []
    carry_mix: Share = 0.0
    split_by: Literal["problem", "unordered"]
    both_orders: bool = False
    seed: Seed

    @field_validator("ops")
    @classmethod
    def _known_operators(cls, ops: str) -> str:
        if not ops or len(set(ops)) < len(ops) or not set(ops) <= set("+-*/"):
            raise PydanticCustomError("ops", "must be a choice of + - * /, each at most once")
        return ops

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.B >= 10**MAX_DIGITS:
            raise broken("B", self.B, f"must have at most {MAX_DIGITS} digits")
        if self.A > self.B:
            raise broken("A", self.A, f"must not exceed B = {self.B}")
        if self.format in _WITH_STEPS and self.N != 2:
            rule = f"must be 2 with format = {self.format}, which writes out two operands"
            raise broken("N", self.N, rule)
        # Without the first part, the second could take long.
        if ("*" in self.ops and self.N * (len(str(self.B)) - 1) >= MAX_DIGITS) or (
            largest_total(self.N, self.B, self.ops) >= 10**MAX_DIGITS
        ):
            rule = f"totals of N = {self.N} operands must have at most {MAX_DIGITS} digits"
            raise broken("B", self.B, rule)
        if "/" in self.ops and largest_total(self.N, self.B, self.ops) >= 2**63:
            rule = f"with / in ops, totals of N = {self.N} operands must fit in 63 bits"
            raise broken("B", self.B, f"{rule}: divisors of larger ones are hard to find")
        if self.ops == "/" and self.B == 0:
            raise broken("ops", self.ops, "the only divisor would be 0, as A = B = 0")
        if self.carry_mix and not {"+", "-"} & set(self.ops):
            raise broken("carry_mix", self.carry_mix, f"needs + or - in ops, which is {self.ops}")
        self._check_mix()
        if self.both_orders:
            if self.split_by != "unordered":
                rule = f"needs split_by = unordered, not {self.split_by}"
                raise broken("both_orders", True, f"{rule}: else test problems would be in train")
            if self.N != 2 or not set(self.ops) <= set("+*"):
                rule = f"needs N = 2 and ops of + and *, not N = {self.N} and {self.ops}"
                raise broken("both_orders", True, rule)
        if self.modulus == 1:
            raise broken("modulus", 1, "must be 0, for none, or at least 2: all answers are 0")
        if self.modulus and "/" in self.ops:
            rule = f"no / with modulus = {self.modulus}: quotients modulo p are of another kind"
            raise broken("ops", self.ops, rule)
        if self.modulus and self.format in _WITH_STEPS:
            rule = f"writes steps to the whole answer, not to that modulo {self.modulus}"
            raise broken("format", self.format, rule)
        for key in ("val_fraction", "test_fraction"):
            if round(getattr(self, key) * self.n_samples) < 1:
                rule = f"leaves that split empty, as n_samples = {self.n_samples}"
                raise broken(key, getattr(self, key), rule)
        if min(self.split_sizes.values()) < 1:
            rule = f"leaves no training problems, as n_samples = {self.n_samples}"
            raise broken("test_fraction", self.test_fraction, rule)
        return self

    def _check_mix(self) -> None:
        mix = self.length_mix
        if len(mix) > len(str(self.B)):
            rule = f"must have a share for each digit of B = {self.B} at most"
            raise broken("length_mix", mix, rule)
        # A sum of shares such as 0.1 may come out above 1 by rounding.
        if sum(mix) > 1 + 1e-9:
            raise broken("length_mix", mix, f"shares must add up to 1 at most, not {sum(mix):g}")
        if any(share and 10**digits <= self.A for digits, share in enumerate(mix, 1)):
            raise broken("length_mix", mix, f"asks for fewer digits than A = {self.A} has")
        if mix and self.length_balance:
            rule = f"needs length_balance = 0, not {self.length_balance}: both say the lengths"
            raise broken("length_mix", mix, rule)

    @property
    def largest_answer(self) -> int:
        """A bound on the answers' sizes; where N is 2 and modulus 0, the answer to some problem."""
        largest = self.B
        for _ in range(self.N - 1):
            # In the order of what they do to large numbers; 0 and 1 are larger as sums.
            grown = {"*": largest * self.B, "+": largest + self.B, "-": largest + self.B}
            if self.N == 2:
                grown["-"] = self.B
            largest = max([largest, *(grown[op] for op in self.ops if op in grown)])
        if self.modulus:
            # Differences below 0 become as large as can be.
            return self.modulus - 1 if "-" in self.ops else min(largest, self.modulus - 1)
        return largest

    @property
    def split_sizes(self) -> dict[str, int]:
        """Number of problems in train, val and test."""
        val = round(self.val_fraction * self.n_samples)
        test = round(self.test_fraction * self.n_samples)
        return {"train": self.n_samples - val - test, "val": val, "test": test}


class ModelConfig(Section):
    """An entry of `models:`; words are keys of the tables in models.py and positional.py."""

    name: Literal["gpt2", "llama2", "mixtral"]
    d_model: Size
    n_heads: Size
    n_layers: Count
    d_ff: Size
    # With RoPE, no weight's size limits the tables of all positions.
    max_seq_len: Annotated[int, Field(ge=1, le=2**16)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    norm: Literal["layernorm", "rmsnorm"]
    mlp: Literal["gelu", "swiglu", "moe"]
    pos_encoding: Literal["learned", "rope"]
    positions: Literal["sequential", "none", "random_start", "abacus", "coupled"] = "sequential"
    # Below, or far above, the wavelengths are no numbers in float32.
    rope_theta: Annotated[float, Field(ge=1, le=1e12, allow_inf_nan=False)]
    tie_weights: bool
    init_std: PositiveFloat
    zero_init_residual: bool = False
    n_experts: Count
    top_k: Count
    aux_loss_coef: NonNegativeFloat
    # Added to probabilities: a larger one would decide alone after a single step.
    router_bias_rate: Share = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.d_model % self.n_heads:
            rule = f"must be divisible by n_heads = {self.n_heads}"
            raise broken("d_model", self.d_model, rule)
        if self.pos_encoding == "rope" and self.d_model // self.n_heads % 2:
            rule = f"d_model / n_heads must be even with pos_encoding = rope, {self.d_model} given"
            raise broken("n_heads", self.n_heads, rule)
        if self.top_k > self.n_experts:
            raise broken("top_k", self.top_k, f"must not exceed n_experts = {self.n_experts}")
        return self


class TrainingConfig(Section):
    """`training:`, read by the train stage."""

    batch_size: PositiveInt
    length_balance: Share
    optimizer: Literal["muon", "adamw"]
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    momentum: Annotated[float, Field(ge=0, lt=1)]
    warmup_steps: Annotated[int, Field(ge=0)]
    max_steps: PositiveInt
    grad_clip: NonNegativeFloat
    accumulate_grad_batches: PositiveInt
    val_check_interval: PositiveFloat
    patience: PositiveInt
    keep_best: PositiveInt
    snapshots: list[Annotated[int, Field(ge=0)]] = []
    log_every_n_steps: PositiveInt
    n_samples: Annotated[int, Field(ge=0)]
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]
    seed: Seed
    init_from: str | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        interval = self.val_check_interval
        if interval > 1 and interval % 1:
            rule = "must be a share of an epoch up to 1.0, or a whole number of batches"
            raise broken("val_check_interval", interval, rule)
        if self.warmup_steps >= self.max_steps:
            rule = f"must be less than max_steps = {self.max_steps}"
            raise broken("warmup_steps", self.warmup_steps, rule)
        if self.snapshots != sorted(set(self.snapshots)):
            raise broken("snapshots", self.snapshots, "must be steps in ascending order")
        if self.snapshots and self.snapshots[-1] > self.max_steps:
            rule = f"must not exceed max_steps = {self.max_steps}"
            raise broken("snapshots", self.snapshots, rule)
        return self


class EvaluationConfig(Section):
    """`evaluation:`, read by the evaluate stage."""

    batch_size: PositiveInt
    exhaustive: bool
    n_samples: Annotated[int, Field(ge=0)]
    weights: Literal["best", "last", "both", "best_on_test"] = "best"
    temperature: NonNegativeFloat = 0.0
    top_k: Annotated[int, Field(ge=0)] = 0
    attention_scale: PositiveFloat = 1.0
    lengths: Annotated[int, Field(ge=0, le=MAX_DIGITS)] = 0
    lengths_of: Literal["equal", "pairs"] = "equal"
    length_problems: Size = 100
    length_chains: bool = False
    experts: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.length_chains and not self.lengths:
            raise broken("length_chains", True, "needs lengths above 0, up to which they are built")
        if self.exhaustive and self.temperature:
            rule = f"needs temperature = 0, which is {self.temperature}: it decodes greedily"
            raise broken("exhaustive", True, rule)
        if self.top_k and not self.temperature:
            raise broken("top_k", self.top_k, "needs temperature above 0: none is drawn at 0")
        return self


class RuntimeConfig(Section):
    """`runtime:`, which no stage lists: it cannot change a result but by rounding."""

    logger: Literal["wandb", "tensorboard", "none"]
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"]
    devices: Count
    num_nodes: Size
    strategy: Literal["auto", "ddp", "fsdp"]
    timeout_seconds: Size
    num_workers: Annotated[int, Field(ge=0)]
    compile: Literal["auto", "on", "off"]
    progress: bool
    checkpoint_every_n_steps: PositiveInt

    @property
    def processes(self) -> int:
        """Total number of training processes, one for each device."""
        return self.devices * self.num_nodes


def _plain(models: Mapping[str, ModelConfig]) -> dict[str, Any]:
    return {name: model.model_dump() for name, model in models.items()}


class Params(Section):
    """The whole file."""

    model: str
    models: Annotated[
        Mapping[Name, ModelConfig], AfterValidator(MappingProxyType), PlainSerializer(_plain)
    ]
    data: DataConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    runtime: RuntimeConfig

    @model_validator(mode="after")
    def _known_model(self) -> Self:
        if self.model not in self.models:
            rule = f"must be an entry of models: {', '.join(self.models)}"
            raise broken("model", self.model, rule)
        return self

    @model_validator(mode="after")
    def _distributable(self) -> Self:
        training, runtime = self.training, self.runtime
        if training.batch_size < runtime.processes:
            rule = f"must be at least 1 for each of {runtime.processes} processes"
            raise broken("training.batch_size", training.batch_size, rule)
        if runtime.strategy == "fsdp":
            rule = "needs training.optimizer = adamw, as muon needs whole matrices"
            if training.optimizer == "muon":
                raise broken("runtime.strategy", "fsdp", rule)
            if training.precision == "16-mixed":
                rule = "needs training.precision = 32-true or bf16-mixed"
                raise broken("runtime.strategy", "fsdp", rule)
        return self

    @property
    def model_config_in_use(self) -> ModelConfig:
        """The entry of `models:` that `model:` names."""
        return self.models[self.model]
