"""The tensors of model.safetensors, or of the several files that an index names."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from ..common.errors import UserError, naming
from ..common.files import open_regular
from ..common.findings import shown
from ..common.visible import visible
from .json_file import Part, parse, read_object

# save_pretrained writes the first, or for a large model several files and the second.
WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
# A file beside the index: one of unknown origin could name any other.
_BESIDE = re.compile(r"[\w.-]{1,200}\.safetensors", re.ASCII)


class _Index(Part):
    weight_map: dict[str, str]


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of a folder by name, still in their files: none is read before it is used.

    Raises:
        UserError: naming the file, and what is wrong with it.
    """
    index = folder / _INDEX
    if (folder / WHOLE).exists() or not index.exists():
        return _of_file(folder / WHOLE)
    content = read_object(index)
    with naming(index):
        places = parse(content, _Index).weight_map
        for place in places.values():
            if not _BESIDE.fullmatch(place):
                raise UserError(f"names a file that is not beside it: {shown(place)}")
    tensors: dict[str, Tensor] = {}
    for place in sorted(set(places.values())) or [WHOLE]:
        for name, tensor in _of_file(folder / place).items():
            if places.get(name) != place:
                raise UserError(f"{folder / place}: {shown(name)} is not here by {_INDEX}")
            tensors[name] = tensor
    with naming(index):
        if missing := sorted(places.keys() - tensors.keys()):
            raise UserError(f"{places[missing[0]]} does not hold {shown(missing[0])}")
    return tensors


def _of_file(path: Path) -> dict[str, Tensor]:
    try:
        open_regular(path).close()
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.offset_keys()}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; other formats are not read") from None
    except IsADirectoryError:
        raise UserError(f"{path}: a folder, must be a file") from None
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:
        # An odd header fails in the library's own way, an odd shape or type in that of torch.
        reason = textwrap.shorten(visible(str(error)), 200, placeholder=" ...")
        raise UserError(f"{path}: damaged or no safetensors: {reason}") from None
