"""A causal language model of anyone's, asked in words that its own tokenizer reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ..common.errors import UserError
from ..common.visible import excerpt
from ..data.records import Record
from ..generation import CUT
from ..terminal.model_flags import PLACEHOLDER
from .batching import asked_by_length
from .transformers_calls import no_output, quiet, refusing

# Tokens of an answer beyond the longest right one: spaces in front of it, and the end of sequence
# or the line break behind it; what goes on instead is thereby seen to be another answer.
_ROOM = 4


@dataclass(frozen=True)
class OtherModel:
    """A model with its tokenizer.

    Attributes:
        folder: where it came from.
        template: what is asked, with `PLACEHOLDER` for the problem.
        model: transformers' model, in evaluation mode on its device.
        tokenizer: transformers' tokenizer.
        begin: ids of the tokens that the tokenizer puts in front of a text, such as ``<s>``.
        ends: ids of the tokens that end an answer; empty if it has none.
    """

    folder: Path
    template: str
    model: Any
    tokenizer: Any
    begin: list[int]
    ends: list[int]

    @property
    def architecture(self) -> str:
        """``model_type`` of config.json."""
        return str(self.model.config.model_type)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weight.numel() for weight in self.model.parameters())

    @property
    def active_parameters(self) -> int:
        """Number of weights that one token uses: all, unless the config tells of experts."""
        config = self._config
        used = getattr(config, "num_experts_per_tok", None)
        there = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
        if not (isinstance(used, int) and isinstance(there, int) and 0 < used <= there):
            return self.parameters
        named = self.model.named_parameters()
        of_experts = sum(weight.numel() for name, weight in named if ".experts." in name)
        return self.parameters - of_experts * (there - used) // there

    @cached_property
    def positions(self) -> int | None:
        """Most tokens of a text, with its end; None if the config has no limit."""
        limit = getattr(self._config, "max_position_embeddings", None)
        return limit if isinstance(limit, int) else None

    def check_room(self, record: Record) -> None:
        """Check that a problem can be asked and answered.

        Raises:
            UserError: if the tokenizer cannot read it, or the model not so many tokens.
        """
        self._prompts([record])

    def answers(
        self,
        records: Sequence[Record],
        batch_size: int,
        progress: bool = False,
        mark_cut: bool = False,
    ) -> list[str]:
        """What the model says to each problem, by greedy decoding.

        An answer is the text up to the first end of sequence or line break, without the spaces
        around it. One of more tokens than a right one may have is cut there.

        Args:
            records: the problems; their targets tell how long an answer may be.
            batch_size: problems asked at once. Those with equally many tokens are asked together:
                then none is padded, and each is answered as if it were alone, by any architecture.
            progress: show a bar, where there is a terminal.
            mark_cut: see `generate_answers`.

        Raises:
            UserError: as `check_room`.
        """
        prompts = self._prompts(records)
        targets = [record.target for record in records]
        # A model may write digit by digit what its tokenizer would join to fewer tokens.
        limit = max(map(len, [*targets, *self._read(targets)]), default=0) + _ROOM
        return asked_by_length(
            prompts,
            lambda some: self._answer(some, limit, mark_cut),
            batch_size,
            "problems",
            progress,
        )

    def _answer(self, prompts: list[list[int]], limit: int, mark_cut: bool) -> list[str]:
        """The answers to prompts of equally many tokens."""
        from transformers import GenerationConfig

        input_ids = torch.tensor(prompts, device=self.model.device)
        T = input_ids.size(1)
        greedy = GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=min(limit, self.positions - T) if self.positions else limit,
            eos_token_id=self.ends or None,
            # Fills up the answers that have ended.
            pad_token_id=self.ends[0] if self.ends else None,
        )
        with quiet(), refusing(f"{self.folder}: its model cannot answer"):
            output = self.model.generate(
                input_ids=input_ids,
                attention_mask=torch.ones_like(input_ids),
                generation_config=greedy,
            )
            return [self._text(row, mark_cut) for row in output[:, T:].tolist()]

    def _text(self, ids: list[int], mark_cut: bool = False) -> str:
        """An answer from its tokens; special ones in the middle are spelled out."""
        end = next((i for i, token in enumerate(ids) if token in self.ends), len(ids))
        text: str = self.tokenizer.decode(ids[:end], clean_up_tokenization_spaces=False)
        said = "".join(text.splitlines()[:1]).strip()
        is_cut = end == len(ids) and text.splitlines()[:1] == [text]
        return said + CUT if mark_cut and is_cut else said

    def _prompts(self, records: Sequence[Record]) -> list[list[int]]:
        """Token ids of what is asked for each problem, see `check_room`."""
        texts = [self.template.replace(PLACEHOLDER, record.prompt) for record in records]
        prompts = [self.begin + ids for ids in self._read(texts)]
        targets = self._read([record.target for record in records])
        n_embeddings = self.model.get_input_embeddings().num_embeddings
        for record, prompt, target in zip(records, prompts, targets, strict=True):
            if not prompt:
                raise UserError(
                    f"{excerpt(record.prompt)}: the tokenizer in {self.folder} skips all of it"
                )
            if max(prompt) >= n_embeddings:
                raise UserError(
                    f"{self.folder}: its tokenizer has a token {max(prompt)}, "
                    f"its model only {n_embeddings:,} embeddings, numbered from 0"
                )
            # The last one is the end.
            tokens = len(prompt) + len(target) + 1
            if self.positions is not None and tokens > self.positions:
                raise UserError(
                    f"{excerpt(record.prompt)}: {tokens} tokens with its answer, "
                    f"but the model in {self.folder} has {self.positions} positions"
                )
        return prompts

    def _read(self, texts: list[str]) -> list[list[int]]:
        """Token ids of texts, without special tokens around them.

        Raises:
            UserError: if the tokenizer knows neither a character nor a token for unknown ones.
        """
        if not texts:
            return []
        what = f"{self.folder}: its tokenizer cannot read {texts[0]!r} and its like"
        with refusing(what), no_output():
            ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return ids

    @property
    def _config(self) -> Any:
        # Of a model for pictures too, that of its language model.
        return self.model.config.get_text_config()
