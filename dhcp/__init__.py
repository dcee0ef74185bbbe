"""A client speaks, a lease is written, a reply goes out. Decisions; everything but `dhcp/edge/` is pure."""
