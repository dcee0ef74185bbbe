"""Bytes to values and back: knows formats, decides nothing, imports the standard library only."""
