"""Time and memory of our code, beside that of others and the limits of the hardware."""

# First, as it names any package that is missing and the way to install it.
import src  # noqa: F401
