"""How every command ends: exit code 0, or one line on stderr and 2 for a user's mistake."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from .errors import UserError


class Parser(argparse.ArgumentParser):
    """Reports a wrong flag like any other mistake."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=f"python -m src.{prog}",
            description=description,
            # A flag that is not given is absent from the result: params.yaml has its value.
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Instead of argparse's usage text and exit."""
        raise UserError(f"{message}; see {self.prog} --help")


def run(main: Callable[[], object]) -> NoReturn:
    """Run a command and end the process.

    A `UserError`, or an `OSError` such as a missing permission or a full disk, becomes one line
    and exit code 2. Anything else is a mistake of ours and keeps its traceback.
    """
    try:
        main()
    except UserError as error:
        message = str(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        message = f"{where}{error.strerror or error}"
    except MemoryError as error:
        message = f"not enough memory: {error}"
    else:
        sys.exit(0)
    print("error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(2)
