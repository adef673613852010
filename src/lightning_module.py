"""The Lightning module: loss, metrics, optimizer and schedule, the same for every model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from .config import ModelConfig, TrainingConfig
from .models import build_model
from .optimizer import make_optimizer
from .scoring import answer


class LitLM(pl.LightningModule):
    """A language model with its training.

    The loss is the cross-entropy of the answer tokens. A mixture of experts adds its
    load-balancing loss in training only, and logs it apart, so that ``val_loss`` compares across
    architectures.

    Logs ``train_loss``, ``val_loss`` (nats per answer token) and ``val_exact_match`` (share of
    problems that greedy decoding answers right).

    Args:
        model: the fields of `ModelConfig`.
        training: the fields of `TrainingConfig`.
    """

    def __init__(self, model: Mapping[str, Any], training: Mapping[str, Any]) -> None:
        super().__init__()
        self.save_hyperparameters({"model": dict(model), "training": dict(training)})
        self.model_config = ModelConfig.model_validate(model)
        self.training_config = TrainingConfig.model_validate(training)
        self.model = build_model(self.model_config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """The model's logits, (B, T, V)."""
        return self.model(input_ids, attention_mask)

    def losses(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Cross-entropy of the answer tokens, and the mean auxiliary loss of the MoE layers."""
        answers = answer(self.model, batch)
        aux = [r.load_balancing_loss(counts) for r, _, counts in answers.routed(self.model)]
        return answers.loss(), torch.stack(aux).mean() if aux else None

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """What the optimizer minimises, for one batch."""
        loss, aux_loss = self.losses(batch)
        self.log("train_loss", loss, prog_bar=True)
        if aux_loss is not None:
            self.log("train_aux_loss", aux_loss)
            loss = loss + self.model_config.aux_loss_coef * aux_loss
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Means over all tokens and all problems, whatever the batches and processes."""
        # Too few batches to pay for compiling their shapes too.
        with torch.compiler.set_stance("force_eager"):
            answers = answer(self.model, batch)
        self._log_mean("val_loss", answers.loss(), int(answers.valid.sum()))
        self._log_mean("val_exact_match", answers.exact().float().mean(), len(answers.valid))
        for layer, (routing, _, counts) in enumerate(answers.routed(self.model)):
            n_tokens = int(counts.sum())
            self._log_mean(f"val_router_entropy_{layer}", routing.entropy(counts), n_tokens, False)
            for expert, share in enumerate(routing.load(counts)):
                self._log_mean(f"val_expert_load_{layer}_{expert}", share, n_tokens, False)

    def _log_mean(self, name: str, value: Tensor, weight: int, prog_bar: bool = True) -> None:
        # Lightning weights by batch_size, and sums both weights and values over processes.
        self.log(name, value, batch_size=weight, sync_dist=True, prog_bar=prog_bar)

    def configure_optimizers(self) -> Any:
        """The optimizer; linear warm-up, then cosine to zero at max_steps."""
        config = self.training_config
        optimizer = make_optimizer(self.model, config)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, config)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def learning_rate_factor(step: int, config: TrainingConfig) -> float:
    """Share of the learning rate that optimizer step 0, 1, .. uses."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / (config.max_steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
