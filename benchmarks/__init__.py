"""What the parts cost, beside others and beside the hardware."""

# Before anything that may be missing: it says how to get it.
import src  # noqa: F401
