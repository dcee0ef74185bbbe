"""A root zone file for `local_root` (RFC 8806)."""

from anchorhold.config.errors import Wrong


def read_root_zone(text: str) -> bytes:
    """The records of the root zone in the master file `text`: wire form, uncompressed, SOA first. Raises Wrong.

    The loader has given up its rights when this runs: what it imports at first use must be loaded by then (`_WARM_UP` in
    `loader.py`).
    """
    raise Wrong(f"a root zone ({len(text)} letters) cannot be used: not built yet", "drop local_root")
