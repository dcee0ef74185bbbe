"""Resolving by ourselves, from the root or from a zone's own servers; pure: the outside is the port in `port.py`."""
