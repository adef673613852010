"""The Lightning module: loss, metrics, optimizer and schedule, the same for every model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from .config import ModelConfig, Params, TrainingConfig
from .layers import Routing
from .loss import answer
from .models import build_model
from .training import distributed, sharding
from .training.optimizer import make_optimizer
from .utils import derive_seed


class LitLM(pl.LightningModule):
    """A language model with its training.

    The loss is the cross-entropy of the answer tokens. A mixture of experts adds its
    load-balancing loss in training only, and logs it apart, so that ``val_loss`` compares across
    architectures.

    Measures ``train_loss``, ``val_loss`` (nats per answer token) and ``val_exact_match`` (share of
    problems to which greedy decoding gives the whole target: where targets have steps, no more
    than have a right answer, as that may follow wrong steps). Lightning's own logging is not used:
    it counts validations one step too early, and shows single batches. `log` is not called in each
    step either: it takes some hundredths of a step, and makes several processes wait for each
    other.

    With several processes, each computes its share of a batch, and the metrics are of the whole.

    Args:
        model: the fields of `ModelConfig`.
        training: the fields of `TrainingConfig`.

    Attributes:
        grad_norm: norm of all gradients before clipping, in the last step that computed it.
    """

    grad_norm: Tensor

    def __init__(self, model: Mapping[str, Any], training: Mapping[str, Any]) -> None:
        super().__init__()
        self.save_hyperparameters({"model": dict(model), "training": dict(training)})
        self.model_config = ModelConfig.model_validate(model)
        self.training_config = TrainingConfig.model_validate(training)
        self.model = build_model(self.model_config)
        self.grad_norm = torch.tensor(math.nan)
        # Sum and count of each metric in the validation that is running.
        self._sums: dict[str, tuple[Tensor, int]] = {}
        # How many tokens each expert of each layer has served in the step that is running.
        self._assignments: list[Tensor] = []

    def configure_model(self) -> None:
        """Shard the weights, where `runtime.strategy` says so."""
        if self.device_mesh is not None:
            mesh = self.device_mesh["data_parallel"]
            sharding.shard(self.model.blocks, self.model, mesh)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """The model's logits, (B, T, V)."""
        return self.model(input_ids, attention_mask)

    def losses(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Cross-entropy of the answer tokens, and the mean auxiliary loss of the MoE layers.

        With several processes, or batches whose gradients are accumulated, each part is weighted
        by its number of tokens: the mean over the parts is the loss of all rows, and the mean of
        their gradients, which the optimizer gets, its gradient. An expert's load is counted over
        all processes, but over this batch alone, as the routing of the next batches is not known
        yet. The error is the covariance of load and gradient over the batches: less than a
        thousandth of the gradient at the default coefficient, for 64 problems in 2 to 8 batches.

        What moves the routers' biases is counted over all batches and processes of a step.
        """
        answers = answer(self.model, batch)
        routed = [(routing, mask) for routing, _, mask in answers.routed(self.model)]
        if routed and self.model_config.router_bias_rate:
            counts = [routing.assignments(mask) for routing, mask in routed]
            self._assignments.append(torch.stack(counts))
        parts = distributed.processes() * self.training_config.accumulate_grad_batches
        if parts == 1:
            aux = [routing.load_balancing_loss(mask) for routing, mask in routed]
            return answers.loss(), torch.stack(aux).mean() if aux else None
        loss = answers.loss() * (parts * answers.valid.sum() / batch["step_answers"])
        # The last layer serves the answers only.
        totals = [batch["step_tokens"]] * (len(routed) - 1) + [batch["step_answers"]]
        aux = [
            routing.load_balancing_loss(mask, load) * (parts * mask.sum() / total)
            for (routing, mask), load, total in zip(routed, _loads(routed), totals, strict=False)
        ]
        return loss, torch.stack(aux).mean() if aux else None

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """The ``loss`` of a batch, which the optimizer minimises, and its parts."""
        loss, aux_loss = self.losses(batch)
        measured = {"train_loss": loss.detach()}
        if aux_loss is not None:
            measured["train_aux_loss"] = aux_loss.detach()
            loss = loss + self.model_config.aux_loss_coef * aux_loss
        return {"loss": loss, **measured}

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Add this batch to the sums over all tokens and problems."""
        # Compiling for their shapes too would not pay for so few batches.
        with torch.compiler.set_stance("force_eager"):
            answers = answer(self.model, batch)
        if len(answers.valid) == 0:
            # A last batch had too few rows for all processes; sharded weights want all of them
            # to compute nevertheless.
            return
        self._add_mean("val_loss", answers.loss(), int(answers.valid.sum()))
        self._add("val_exact_match", answers.exact().sum(), len(answers.valid))
        for layer, (routing, _, counts) in enumerate(answers.routed(self.model)):
            n_tokens = int(counts.sum())
            self._add_mean(f"val_router_entropy_{layer}", routing.entropy(counts), n_tokens)
            for expert, share in enumerate(routing.load(counts)):
                self._add_mean(f"val_expert_load_{layer}_{expert}", share, n_tokens)

    def _add_mean(self, name: str, mean: Tensor, count: int) -> None:
        self._add(name, mean * count, count)

    def _add(self, name: str, value: Tensor, count: int) -> None:
        before, n = self._sums.get(name, (torch.zeros((), device=value.device), 0))
        self._sums[name] = before + value, n + count

    def on_validation_epoch_end(self) -> None:
        """Log the means over all processes.

        Lightning's own means are wrong where processes differ in their counts.
        """
        sums = {name: (float(value), count) for name, (value, count) in self._sums.items()}
        self._sums = {}
        for name, value in distributed.means(sums).items():
            # The same in each process; max, as the mean of three thirds need not be the whole.
            self.log(name, value, reduce_fx="max", sync_dist=True, logger=False)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """A step of the optimizer; then the routers' biases move by the loads of that step."""
        super().optimizer_step(*args, **kwargs)
        if self._assignments:
            counts = torch.stack(self._assignments).sum(0)
            self.model.balance_experts(distributed.summed(counts))
            self._assignments = []

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm as Lightning does, and keep the norm for the logger.

        Without clipping it is computed for the steps that are logged.
        """
        parameters = self.trainer.precision_plugin.main_params(optimizer)
        if gradient_clip_val:
            norm = torch.nn.utils.clip_grad_norm_(parameters, gradient_clip_val)
            self.grad_norm = sharding.full(norm)
        elif (self.trainer.global_step + 1) % self.training_config.log_every_n_steps == 0:
            gradients = [p.grad for p in parameters if p.grad is not None]
            self.grad_norm = sharding.full(torch.nn.utils.get_total_norm(gradients))

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


def initial_module(params: Params, weights: Mapping[str, Tensor] | None = None) -> LitLM:
    """The module that a training begins with.

    Args:
        weights: state dict of the model; None: random ones, drawn from `training.seed`.
    """
    torch.manual_seed(derive_seed(params.training.seed, "initialisation"))
    lit = LitLM(params.model_config_in_use.to_plain(), params.training.to_plain())
    if weights is not None:
        lit.model.load_state_dict(weights)
    return lit


def _loads(routed: list[tuple[Routing, Tensor]]) -> list[Tensor]:
    """Each layer's share of assignments by expert, (E,), over all processes."""
    if not routed:
        return []
    counts = [(routing.load(mask), mask.sum().float()) for routing, mask in routed]
    # In one message: a step waits for each.
    served = distributed.summed(torch.stack([torch.cat([f * n, n[None]]) for f, n in counts]))
    return list(served[:, :-1] / served[:, -1:])


def learning_rate_factor(step: int, config: TrainingConfig) -> float:
    """Factor of the learning rate at optimizer step 0, 1, ..: linear warm-up, then cosine to 0."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / (config.max_steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
