"""The attention weights of a model while it answers one problem, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from ..attention import CausalSelfAttention
from ..common.files import replacing
from ..data.formats import Format
from ..generation import generate_answers
from ..models import TransformerLM
from ..tokenizer import BOS, CharTokenizer
from .questions import check_question


@torch.inference_mode()
def attention(model: TransformerLM, prompt: str, written: Format) -> tuple[str, pd.DataFrame]:
    """The model's answer, and the attention weights of every layer and head.

    Args:
        prompt: written in this format.

    Returns:
        The answer, and a table of layer, head, query, key (the position of each, ``<bos>`` is 0),
        said (the token that the model says at the query) and weight; a query's weights sum to 1.

    Raises:
        UserError: for what is not a problem, or too long for the model.
    """
    check_question(prompt, model.max_seq_len, written)
    tokenizer = CharTokenizer()
    (answer,) = generate_answers(model, [prompt])
    ids = tokenizer.encode(BOS + prompt + answer)
    input_ids = torch.tensor([ids], device=next(model.parameters()).device)

    seen: list[Tensor] = []

    def remember(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(layer, CausalSelfAttention)
        x, positions = inputs[:2]
        seen.append(layer.weights(x, positions)[0])

    layers = [module for module in model.modules() if isinstance(module, CausalSelfAttention)]
    hooks = [layer.register_forward_pre_hook(remember) for layer in layers]
    try:
        said = model(input_ids)[0].argmax(-1).tolist()
    finally:
        for hook in hooks:
            hook.remove()
    weights = torch.stack(seen).cpu()  # (layers, H, T, T)
    index = torch.ones_like(weights).tril().nonzero()
    columns = dict(zip(("layer", "head", "query", "key"), index.T.tolist(), strict=True))
    table = pd.DataFrame({**columns, "weight": weights[tuple(index.T)].tolist()})
    return answer, table.assign(said=[tokenizer.decode([said[q]]) for q in table["query"]])


def draw(prompt: str, answer: str, table: pd.DataFrame, title: str, path: Path) -> None:
    """A heat map for each layer and head, as a PNG file.

    Args:
        prompt, answer: what was asked and said.
        table: what `attention` returns.
        title: stands above.
    """
    # Vega-Lite's own renderer, without a browser; only here is it worth its import.
    import vl_convert

    # One character each, as the columns are narrow.
    tokenizer = CharTokenizer()
    tokens = ["^", *(tokenizer.decode([i]) for i in tokenizer.encode(prompt + answer))]
    # Vega keeps one row for equal names: the position makes each token's its own.
    names = [f"{i:02}{token}" for i, token in enumerate(tokens)]
    cells = table.assign(
        looks=[names[q] for q in table["query"]], at=[names[k] for k in table["key"]]
    )
    axis = {"labelExpr": "slice(datum.label, 2)", "labelAngle": 0, "labelOverlap": False}
    order = {"type": "ordinal", "sort": names}
    spec = {
        "title": {
            "text": title,
            "subtitle": f"row: the token that looks, column: at what; ^ is {BOS}",
        },
        "data": {"values": cells.to_dict("records")},
        "mark": "rect",
        "width": 13 * len(tokens),
        "height": 13 * len(tokens),
        "encoding": {
            "x": {"field": "at", **order, "title": None, "axis": axis},
            "y": {"field": "looks", **order, "title": None, "axis": axis},
            "color": {"field": "weight", "type": "quantitative", "scale": {"domain": [0, 1]}},
            "row": {"field": "layer", "type": "ordinal"},
            "column": {"field": "head", "type": "ordinal"},
        },
        "config": {"view": {"stroke": None}, "scale": {"bandPaddingInner": 0}},
    }
    with replacing(path) as temporary:
        temporary.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
