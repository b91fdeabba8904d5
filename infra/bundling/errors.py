"""What goes wrong with bundles."""

from __future__ import annotations

import pulumi


class BundleError(pulumi.RunError):
    """A bundle could not be built; the message says why, in pip's or the compiler's own words where it was them.

    Pulumi shows it without a traceback, as it does ConfigError.
    """
