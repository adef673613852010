"""Pages are opened in Chromium."""

from ..browser import browser

__all__ = ["browser"]
