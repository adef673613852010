"""The error that is the user's to mend."""


class UserError(ValueError):
    """Something that the person at the keyboard can mend; its message is the whole report."""


class BadRowError(UserError):
    """A row of a data file that cannot be used.

    Attributes:
        kind: what is wrong with it, in a word or two, to count rows by.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
