"""What libraries do once and late is done before the system calls are those of service only: OpenSSL looks for an algorithm when
it is first used, and waits for nobody, but says so to the kernel (futex)."""

import hmac
import ssl
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from net.tls import system_authorities
from resolver.dnssec.algorithms import ALGORITHMS, Wrong

_RSA = b"\3\1\0\1" + b"\xff" * 256
"""A key of 2,048 bits that nobody has (RFC 3110 §2); to verify with it takes the whole way to "wrong"."""
_SECRET = 2**200 + 1


def begin_once() -> None:
    """What OpenSSL reads, looks for and sets up at its first use, and whom the system trusts, before processes are copied: so the
    copies share it."""
    system_authorities()
    verify_once()
    for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        ssl.SSLContext(protocol)
    hmac.digest(b"", b"", "sha256")


def verify_once() -> None:
    """A signature of each algorithm of DNSSEC, none of which holds."""
    for number, public in _publics().items():
        for size in (64, 96, 114, 256):
            with suppress(Wrong):
                ALGORITHMS[number].verify(public, b"\1" * size, b"")


def _publics() -> dict[int, bytes]:
    points = {13: ec.SECP256R1(), 14: ec.SECP384R1()}
    found = {number: _point(curve) for number, curve in points.items()}
    found[15] = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    found[16] = ed448.Ed448PrivateKey.from_private_bytes(bytes(57)).public_key().public_bytes_raw()
    return {number: found.get(number, _RSA) for number in ALGORITHMS}


def _point(curve: ec.EllipticCurve) -> bytes:
    key = ec.derive_private_key(_SECRET, curve).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
