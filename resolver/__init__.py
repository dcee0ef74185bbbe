"""A question comes in, a checked answer goes out. Start reading in `pipeline.py`."""
