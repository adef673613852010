"""JSON files of others, read strictly: as typed objects, or refused in one line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ..common.errors import UserError
from ..common.files import read_bytes
from ..common.findings import finding, shown

# Bytes that no configuration, vocabulary or index of a model like ours reaches.
_LIMIT = 2**22


class Part(BaseModel):
    """The keys of an object that count here; others are another program's affair."""

    # A default may be a value that our models cannot have.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", validate_default=True)


AnyPart = TypeVar("AnyPart", bound=Part)


def parse(content: Any, kind: type[AnyPart]) -> AnyPart:
    """Decoded JSON as a typed object.

    Raises:
        UserError: naming key, value and rule.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UserError(finding(error)) from None


def read_object(path: Path) -> dict[str, Any]:
    """The object that a file holds.

    Raises:
        UserError: if there is no such file, and for what is no JSON: other encodings than UTF-8,
            NaN and numbers out of range, keys that occur twice, nesting without end.
    """
    try:
        text = read_bytes(path, _LIMIT).decode()
        content = json.loads(
            text, object_pairs_hook=_distinct, parse_float=_finite, parse_constant=_finite
        )
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: a folder, must be a file") from None
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold an object")
    return content


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise ValueError(f"{shown(key)} occurs twice in an object")
        seen.add(key)
    return dict(pairs)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{shown(text)} is no finite number")
    return number
