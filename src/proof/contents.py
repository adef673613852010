"""What a checkpoint holds beside its weights, typed."""

from __future__ import annotations

from pydantic import ConfigDict

from ..config import ModelConfig, Section, TrainingConfig
from ..data.lineage import Digest, Metrics, Origin


class HyperParameters(Section):
    """The arguments of `LitLM`."""

    model: ModelConfig
    training: TrainingConfig


class Contents(Section):
    """The entries that are read; Lightning adds others of its own.

    Attributes:
        metrics: the validation row of the weights; empty for an imported checkpoint.
        sha256: of the weights, see `checkpoint.weights_hash`.
    """

    model_config = ConfigDict(extra="ignore")

    vocabulary: list[str]
    hyper_parameters: HyperParameters
    metrics: Metrics
    # Files of before have neither.
    story: Origin = Origin()
    sha256: Digest | None = None
