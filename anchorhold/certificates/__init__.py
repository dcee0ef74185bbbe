"""Certificates that devices can use: a private authority of our own, or a public one by ACME; made and renewed by one run
of a process of its own."""
