"""The one error of this room."""

from __future__ import annotations


class ImageError(ValueError):
    """A file cannot be used as an image, or an image cannot be written; the message is one line for the user."""
