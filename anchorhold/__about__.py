"""The version and its date, in one place."""

__version__ = "0.1.0"

BUILT = "2026-11-26"
"""The day this release was made (UTC): no clock that shows an earlier one is right. Also the day as of which the packaged trust
anchors were looked at (trust-anchors/README.md). Moved on with every release."""
