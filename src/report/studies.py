"""The report's section that leads to the pages of studies."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from .page import Section

# How such a page begins below its heading.
ASKED = "For who asks: "


def studies(root: Path, out: Path) -> Section | None:
    """Links to the pages in docs/studies, by their questions; None where there are none.

    Args:
        root: of the repository.
        out: the report's file, from which the links lead.
    """
    links = {}
    for page in sorted((root / "docs" / "studies").glob("*.md")):
        target = Path(os.path.relpath(page.resolve(), out.resolve().parent))
        for line in page.read_text(encoding="utf-8").splitlines()[:3]:
            if line.startswith(ASKED):
                links[line.removeprefix(ASKED)] = quote(target.as_posix())
    text = "Pages of their own answer what takes more runs than these."
    return Section("Studies", [text], links=links) if links else None
