"""TLS contexts of a server: TLS 1.2 and 1.3, no old cipher, and tickets whose keys are made here, never leave memory and are
thrown away in time (RFC 9325)."""

import os
import ssl
from dataclasses import dataclass

from net.certificates import x509

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption only (RFC 9325 §4.2). TLS 1.3 has no others."""

TICKET_LIFE = 12 * 3_600.0
"""Seconds for which one key seals tickets. Python gives no hold of the key, so the whole context is let go of with it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate with those that lead from it to its authority, and its private key; both PEM."""

    chain: bytes
    key: bytes


class CredentialsRefused(Exception):
    """Certificate and key cannot be used; the text says why and what to do."""


def leaf_of(chain: bytes) -> x509.Certificate:
    """The first certificate of the chain. Raises CredentialsRefused."""
    try:
        return x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError):
        raise CredentialsRefused("the chain holds no certificate") from None


def build_server_context(credentials: Credentials, protocol: str) -> ssl.SSLContext:
    """A context whose clients may speak `protocol` (ALPN). Raises CredentialsRefused.

    Python's `ssl` reads files only: it gets one that exists in memory, for as long as it reads. It is ours, so no right is needed
    to open it again; but /proc is, or a working directory of /proc/self/fd.
    """
    context = _without_certificate(protocol)
    descriptor = os.memfd_create("anchorhold-credentials", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(credentials.key + b"\n" + credentials.chain)
        # A key with a password would be asked for at the terminal.
        paths = "/proc/self/fd/" if os.path.isdir("/proc/self/fd") else ""
        context.load_cert_chain(f"{paths}{descriptor}", password=_refuse_password)
    except ssl.SSLError as error:
        raise CredentialsRefused(_reason(error)) from None
    finally:
        os.close(descriptor)
    return context


def _without_certificate(protocol: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols([protocol])
    # One is enough: it is used once, and brings the next.
    context.num_tickets = 1
    return context


def _refuse_password() -> str:
    raise CredentialsRefused("the key is locked with a password; write it without one (openssl pkey), mode 0600")


def _reason(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is not that of the first certificate in the chain; the server's own certificate comes first"
    return (
        "chain and key are not a certificate and its key in PEM form; see: openssl x509 -in CHAIN, openssl pkey -in KEY"
    )


class ServerContexts:
    """How connections that speak one protocol are begun. Two contexts: one has the certificate, which is read once, while files
    can be read; the other one has the key that seals tickets, and is let go of with it."""

    def __init__(self, credentials: Credentials, protocol: str, now: float) -> None:
        """`now` is monotonic seconds. Raises CredentialsRefused."""
        self._protocol = protocol
        self._certified = build_server_context(credentials, protocol)
        self._sealing = _without_certificate(protocol)
        self._turn = now + TICKET_LIFE

    def begin(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """Our end of a connection of which nothing has come yet."""
        tls = self._sealing.wrap_bio(incoming, outgoing, server_side=True)
        # OpenSSL takes certificate, ciphers and protocols from the context that was set last, and the keys of tickets from the
        # one that made the connection (SSL_set_SSL_CTX(3), as for a server of several names).
        tls.context = self._certified
        return tls

    def turn(self, now: float) -> None:
        """Let go of the key if its time is over, and have another one. Reads no file."""
        if now >= self._turn:
            self._turn = now + TICKET_LIFE
            self._sealing = _without_certificate(self._protocol)
