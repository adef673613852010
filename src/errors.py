"""The error that is the user's to mend."""


class UserError(ValueError):
    """Something that the person at the keyboard can mend; its message is the whole report."""
