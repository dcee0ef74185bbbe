"""What reads certificates (RFC 5280), and of what it brings along only what is used.

To check a mail address that somebody puts into a new certificate, cryptography brings Python's reader of mail. What is read is
not checked by that, and ours have no such names; so where the reader is not in memory yet, nothing comes in its place. Who is
imported first takes it from here.
"""

from net.installed import stand_ins

INSTEAD: dict[str, dict[str, object]] = {"email.utils": {"parseaddr": lambda address: ("", address)}}

with stand_ins(INSTEAD):
    from cryptography import x509 as x509
