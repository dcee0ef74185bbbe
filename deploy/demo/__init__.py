"""A small Internet on loopback, a real Anchorhold in front of it, and an independent client. `python -m demo`."""
