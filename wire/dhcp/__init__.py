"""Bytes ⇄ values of DHCPv4, DHCPv6, router advertisements and the frames around them; knows formats, decides nothing."""
