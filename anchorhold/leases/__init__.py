"""Leases for their operator: questions answered inside the dhcp cell, files of other servers, and proof that a device
is forgotten.
"""
