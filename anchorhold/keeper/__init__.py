"""What outlives a run: trust anchors that follow their zones (RFC 5011), and the time.

The process is `anchorhold/cells/keeper.py`; start reading at `anchorhold/keeper/keeper.py`.
"""
