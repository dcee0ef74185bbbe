"""Connections without meaning: sockets, TLS, HTTP/2 and clocks; no DNS in here."""
