"""What goes wrong with bundles."""

from __future__ import annotations


class BundleError(Exception):
    """A bundle could not be built; the message says why, in pip's or the compiler's own words where it was them."""
