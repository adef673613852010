"""Text from outside in Markdown pages: shown as it is, whatever it holds."""

from __future__ import annotations

import html
import re

from .visible import visible

# An underscore within a word is no mark.
_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
# What would make a heading or a list of what begins with it.
_BEGINNING = re.compile(r"^(\d*)([-+#=.)]+)(?= )")


def literal(text: object) -> str:
    r"""A text as Markdown that shows it in one line, also in a cell of a table.

    >>> print(literal("a|b <script>"), literal("`c`\n# d_e"), literal("gpt2 d_ff=64"))
    a\|b &lt;script&gt; \`c\`\\n# d_e gpt2 d_ff=64
    """
    marked = _MARKS.sub(r"\\\g<0>", html.escape(visible(str(text)), quote=False))
    return _BEGINNING.sub(r"\1\\\2", marked)


def code(text: object) -> str:
    r"""A text as a code span of Markdown, in one line, also in a cell of a table.

    >>> print(code("a|b"), code("`"), code("c\nd"))
    `a\|b` `` ` `` `c\nd`
    """
    shown = visible(str(text)).replace("|", r"\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if "`" in shown or not shown.strip() else ""
    return f"{fence}{space}{shown}{space}{fence}"


def row(*cells: object) -> str:
    r"""A row of a table, which shows each cell as it is.

    >>> print(row("a|b", 3))
    | a\|b | 3 |
    """
    return f"| {' | '.join(map(literal, cells))} |"
