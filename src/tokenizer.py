"""Character-level tokenizer for arithmetic: 18 tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
VOCABULARY = (PAD, BOS, EOS, *"0123456789", *"+-*/", "=")


class CharTokenizer:
    """One token a character, and three that are written in angle brackets.

    >>> tokenizer = CharTokenizer()
    >>> tokenizer.encode("<bos>7+5=12<eos>")
    [1, 10, 13, 8, 17, 4, 5, 2]
    >>> tokenizer.decode([1, 10, 13, 8, 17, 4, 5, 2])
    '<bos>7+5=12<eos>'
    >>> input_ids, attention_mask = tokenizer.pad_batch([[1, 10, 17, 10, 2], [4, 17, 4]])
    >>> input_ids.tolist()
    [[1, 10, 17, 10, 2], [4, 17, 4, 0, 0]]
    >>> attention_mask.tolist()
    [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    >>> tokenizer.make_loss_mask(input_ids).tolist()
    [[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]]
    """

    vocab_size = len(VOCABULARY)
    pad_id, bos_id, eos_id = (VOCABULARY.index(token) for token in (PAD, BOS, EOS))
    equals_id = VOCABULARY.index("=")

    _ids: ClassVar = {token: i for i, token in enumerate(VOCABULARY)}
    _pattern = re.compile("|".join((PAD, BOS, EOS, ".")), re.DOTALL)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text.

        Raises:
            ValueError: for a character outside the vocabulary.
        """
        try:
            return [self._ids[token] for token in self._pattern.findall(text)]
        except KeyError as error:
            raise ValueError(
                f"character {error} in {text!r} is not in the vocabulary ({' '.join(VOCABULARY)})"
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text that `encode` would turn into these ids, special tokens written out.

        Raises:
            ValueError: for an id outside the vocabulary.
        """
        ids = [int(i) for i in ids]
        if not all(0 <= i < self.vocab_size for i in ids):
            raise ValueError(f"token ids must be from 0 to {self.vocab_size - 1}: {ids}")
        return "".join(VOCABULARY[i] for i in ids)

    def pad_batch(self, list_ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Pad on the right to the longest row: ``(input_ids, attention_mask)``, both (B, T)."""
        # Here, not above: data generation reads the vocabulary and must not wait for torch.
        import torch
        from torch.nn.utils.rnn import pad_sequence

        rows = [torch.as_tensor(ids, dtype=torch.long) for ids in list_ids]
        input_ids = pad_sequence(rows, batch_first=True, padding_value=self.pad_id)
        lengths = torch.tensor([len(row) for row in rows])
        attention_mask = torch.arange(input_ids.size(1)) < lengths[:, None]
        return input_ids, attention_mask.long()

    def make_loss_mask(self, input_ids: Tensor) -> Tensor:
        """1 for the tokens of the answer, those after ``=`` up to ``<eos>``; same shape as ids."""
        is_equals = (input_ids == self.equals_id).long()
        after_equals = is_equals.cumsum(-1) - is_equals > 0
        return (after_equals & (input_ids != self.pad_id)).long()
