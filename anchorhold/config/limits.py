"""How long files may be: apart, because the supervisor needs this and nothing else of what reads a configuration."""

MAX_FILE = 1024 * 1024
"""Octets of a configuration."""

MAX_NAMED_FILE = 8 * 1024 * 1024
"""Octets of a file the configuration names; the largest is a root zone, 2.3 MB in 2026."""

MAX_LIST_FILE = 64 * 1024 * 1024
"""Octets of one that everybody may read: a list of names may be long."""
