"""Whatever numbers a model's tokens, a row is what it is alone, and what it is as a whole."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from src.common.errors import UserError
from src.config import ModelConfig
from src.evaluation.screening import leads
from src.models import TransformerLM, build_model
from src.ops.kv_cache import KVCache
from src.positional import NUMBERINGS, POSITIONS
from src.tokenizer import BOS, EOS, CharTokenizer
from src.train import train

from .conftest import ARCHITECTURES, ROOT, tiny_model, tiny_params

Randomise = Callable[[nn.Module], None]
TOKENIZER = CharTokenizer()
WORDS = tuple(NUMBERINGS)


def by_hand(word: str, text: str) -> list[int]:
    """The positions of ``<bos>`` and a text, one at a time."""
    if word not in ("abacus", "coupled"):
        return list(range(1 + len(text)))
    ids, equals = [0] * len(text), (text + "=").index("=")
    for run in re.finditer(r"\d+", text):
        places = list(range(1, len(run[0]) + 1))
        from_right = word == "coupled" and run.start() < equals
        ids[run.start() : run.end()] = reversed(places) if from_right else places
    return [0, *ids]


def texts(count: int, seed: int = 0) -> list[str]:
    """Prompts, some with a part of an answer or of steps."""
    drawn = random.Random(seed)

    def number() -> str:
        return str(drawn.randrange(10 ** drawn.randint(1, 4)))

    return [
        f"{number()}{drawn.choice('+-*/')}{number()}="
        + drawn.choice(["", number(), f"-{number()}", f"{number()}/{number()}="])
        for _ in range(count)
    ]


def encoded(text: str) -> Tensor:
    return torch.tensor([TOKENIZER.encode(BOS + text)])


def model_of(name: str, word: str, randomise: Randomise, **changes: object) -> TransformerLM:
    torch.manual_seed(0)
    model = build_model(tiny_model(name, positions=word, **changes)).eval()
    randomise(model)
    return model


def test_tables_and_configuration_know_the_same_words() -> None:
    fields = ModelConfig.model_fields
    assert set(NUMBERINGS) == set(get_args(fields["positions"].annotation))
    assert set(POSITIONS) == set(get_args(fields["pos_encoding"].annotation))


@pytest.mark.parametrize("side", ["left", "right", "right, unknown"])
@pytest.mark.parametrize("word", WORDS)
def test_positions_are_those_that_are_counted_by_hand(word: str, side: str) -> None:
    model, rows = build_model(tiny_model(positions=word)).eval(), texts(50)
    wide = 1 + max(map(len, rows))
    ids, mask = (torch.zeros(len(rows), wide, dtype=torch.long) for _ in range(2))
    for i, text in enumerate(rows):
        n = 1 + len(text)
        place = slice(wide - n, wide) if side == "left" else slice(n)
        ids[i, place], mask[i, place] = encoded(text)[0], 1
    found = model.position_ids(ids, None if "unknown" in side else mask).expand(len(rows), -1)
    for text, numbers, real in zip(rows, found, mask.bool(), strict=True):
        assert numbers[real].tolist() == by_hand(word, text)


def test_the_table_of_the_page_is_what_is_computed() -> None:
    page = (ROOT / "docs" / "positions.md").read_text()
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    (tokens,) = (row[1:] for row in table if row[1:2] == [f"`{BOS}`"])
    text = "".join(token.strip("`") for token in tokens[1:])
    assert text == "554+456=0101"
    words = {row[0].strip("`"): row[1:] for row in table if len(row) == 1 + len(tokens)}
    for word in ("sequential", "random_start", "abacus", "coupled"):
        assert words[word] == list(map(str, by_hand(word, text)))


def drawn(word: str, ids: Tensor, max_seq_len: int) -> tuple[Tensor, Tensor]:
    """Positions outside training and in it, of a model of so many."""
    model = build_model(tiny_model(positions=word, max_seq_len=max_seq_len))
    torch.manual_seed(0)
    return model.eval().position_ids(ids), model.train().position_ids(ids)


@pytest.mark.parametrize("word", ["random_start", "abacus", "coupled"])
def test_in_training_each_row_is_moved_by_a_number_of_its_own(word: str) -> None:
    ids = encoded("1234+56=0921").repeat(6000, 1)
    still, moved = drawn(word, ids, max_seq_len=17)
    offsets = moved - still
    counting = still > 0 if word == "abacus" else torch.ones_like(still, dtype=torch.bool)
    assert not offsets[~counting.expand_as(offsets)].any()
    numbers = offsets[:, 1]
    assert (offsets == numbers[:, None] * counting).all()
    # Uniform, up to where the largest position is the last of the model's.
    assert int(moved.max()) == 16
    counts = numbers.bincount()
    assert len(counts) == 17 - int(still.max())
    expected = 6000 / len(counts)
    assert (counts - expected).abs().max() < 5 * expected**0.5


def test_a_longest_row_leaves_nothing_to_draw() -> None:
    ids = encoded("1234+56=0921")
    still, moved = drawn("random_start", ids.repeat(50, 1), max_seq_len=ids.size(1))
    assert (moved == still).all()


@pytest.mark.parametrize("word", WORDS)
def test_only_a_training_draws_random_numbers(word: str) -> None:
    model, ids = build_model(tiny_model(positions=word)), encoded("12+34=64")
    before = torch.get_rng_state()
    model.eval()(ids)
    assert torch.equal(torch.get_rng_state(), before)
    model.train()(ids)
    draws = word not in ("sequential", "none")
    assert torch.equal(torch.get_rng_state(), before) != draws


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_without_positions_order_is_known_from_causality_alone(
    name: str, randomise: Randomise
) -> None:
    model = model_of(name, "none", randomise, n_layers=1)
    assert not any("position" in key or "rope" in key for key in model.state_dict())
    one, other = model(encoded("12+345=")), model(encoded("21+345="))
    # In one layer, the last token sees the same set of tokens.
    torch.testing.assert_close(one[:, -1], other[:, -1])
    assert not torch.allclose(model_of(name, "sequential", randomise)(encoded("12=")), one[:, :4])


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_padding_changes_no_real_token(
    name: str, word: str, side: str, randomise: Randomise
) -> None:
    model, row = model_of(name, word, randomise), encoded("12+345=753")
    pad, ones = torch.zeros(1, 4, dtype=torch.long), torch.ones_like(row)
    parts, mask = ([pad, row], [pad, ones]) if side == "left" else ([row, pad], [ones, pad])
    padded = model(torch.cat(parts, 1), torch.cat(mask, 1))
    torch.testing.assert_close(
        padded[:, 4:] if side == "left" else padded[:, : -len(pad[0])], model(row)
    )


@torch.no_grad()
def step_by_step(model: TransformerLM, prompt: str, tokens: int) -> list[int]:
    """Greedy decoding without a cache, a row alone."""
    row = encoded(prompt)
    for _ in range(tokens):
        row = torch.cat((row, model(row)[:, -1:].argmax(-1)), dim=1)
    return row[0, -tokens:].tolist()


# In one pass with padding, or by lengths and beginnings.
@pytest.mark.parametrize("few", [256, 0])
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_answers_are_those_that_are_decoded_alone_without_a_cache(
    name: str, word: str, few: int, randomise: Randomise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.ops.decode._FEW_PROMPTS", few)
    model = model_of(name, word, randomise, tie_weights=False)
    with torch.no_grad():
        model.lm_head.weight[3:13] *= 2  # more digits than signs
    # Beginnings are shared, and places are not: 1 is a ten, a hundred and a unit.
    prompts = ["12+34=", "12+35=", "123+4=", "1+234=", "123+45=", "7*8=", "12+34="]
    ids, mask = TOKENIZER.pad_batch([TOKENIZER.encode(BOS + prompt) for prompt in prompts])
    said = model.generate(ids, 12, -1, mask)[:, ids.size(1) :].tolist()
    assert said == [step_by_step(model, prompt, 12) for prompt in prompts]
    assert len(set(map(tuple, said))) > 1
    assert any(re.search(r"\d\d", TOKENIZER.decode(row)) for row in said)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_leads_of_shared_prefixes_are_those_of_plain_rows(
    name: str, word: str, randomise: Randomise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.ops.prefix_sharing._PASS", 0)
    model = model_of(name, word, randomise)
    rows = [f"{a}+{b}={a + b}" for a in range(0, 200, 7) for b in (3, 41, 5, 150)]
    tokens, _ = TOKENIZER.pad_batch([TOKENIZER.encode(f"{BOS}{row}{EOS}") for row in rows])
    found = leads(model, tokens)
    for row, lead in zip(rows, found, strict=True):
        ids, answer = encoded(row + EOS), row.index("=") + 1
        with torch.no_grad():
            logits = model(ids[:, :-1])[0, answer:]
        true = ids[0, answer + 1 :, None]
        others = logits.scatter(-1, true, -torch.inf).amax(-1)
        torch.testing.assert_close(lead, (logits.gather(-1, true)[:, 0] - others).amin())


def test_tokens_behind_a_cache_need_their_positions(randomise: Randomise) -> None:
    model, ids = model_of("llama2", "coupled", randomise), encoded("12+34=6")
    caches = [KVCache() for _ in model.blocks]
    positions = model.position_ids(ids)
    begun = model.hidden(ids[:, :4], caches=caches, positions=positions[:, :4])
    with pytest.raises(ValueError, match="positions: tokens after those of caches need them"):
        model.hidden(ids[:, 4:], caches=caches)
    ended = model.hidden(ids[:, 4:], caches=caches, positions=positions[:, 4:])
    torch.testing.assert_close(torch.cat((begun, ended), 1), model.hidden(ids))


def test_coupled_positions_need_answers_from_the_units_up(tmp_path: Path, data_dir: Path) -> None:
    params = tiny_params("gpt2", models={"positions": "coupled"})
    folders = tmp_path / "models", tmp_path / "metrics", tmp_path / "runs"
    right = "reverse, reverse_padded, scratchpad, detailed"
    with pytest.raises(UserError) as caught:
        train(params, data_dir, *folders)
    assert str(caught.value) == (
        "models.gpt2.positions = coupled: needs a data.format with answers alone from the units "
        f"up: {right}; {data_dir} is written as plain"
    )
    assert not any(path.is_file() for folder in folders for path in folder.glob("*"))
