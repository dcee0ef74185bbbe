"""TLS for connections that we open: shared contexts, session resumption, and proof of who answers (RFC 8310 §8)."""

import hashlib
import hmac
import os
import re
import ssl
import weakref
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from net.certificates import x509

MAX_SESSIONS = 256
"""Names for which one context remembers a session."""

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?")

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where systems keep their CAs in one file."""


class PinRefused(Exception):
    """The certificate's key is none of those that were pinned."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom we mean to talk to, and what it must prove.

    `name` is a host name or a literal address. `pins` are SHA-256 digests (32 octets) of the SubjectPublicKeyInfo; if
    there are any, the leaf must match one and the name is not compared. `authorities` is PEM text ("": the system's).
    With `verify` false nothing is proved (RFC 8310 §5, opportunistic). `alpn` in order of preference; with `insists` the server
    must choose one of them, else it may also choose none (as one that knows nothing of ALPN does).
    """

    name: str
    pins: tuple[bytes, ...] = ()
    authorities: str = ""
    alpn: tuple[str, ...] = ()
    verify: bool = True
    insists: bool = True


class ResumingContext(ssl.SSLContext):
    """A client context that offers the last session of the same server.

    The event loops give no way to pass a session, but they all end in `wrap_bio`. A session is used once: tickets
    that are offered twice let an observer link the connections (RFC 8446 §C.4). Nor is one offered from another place than it was
    got at, which would link the two: `forget` drops all, and what connections of before still bring.
    """

    sessions: "OrderedDict[str, ssl.SSLSession]"
    since_forgotten: "weakref.WeakSet[ssl.SSLObject]"

    def wrap_bio(  # type: ignore[override]  # narrower than the stub: we are always the client
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As in the base class, with the session remembered for `server_hostname`, which is then forgotten."""
        remembered = session or self.sessions.pop(server_hostname or "", None)
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, remembered)
        self.since_forgotten.add(made)
        return made

    def forget(self) -> None:
        """Offer none of the sessions that are known, or that come over connections that are there."""
        self.sessions.clear()
        self.since_forgotten.clear()

    def remember(self, server_hostname: str, tls: ssl.SSLObject) -> None:
        """Offer the session of `tls` to the next connection to `server_hostname`; only call it once the peer is proved."""
        if tls.session is None or tls not in self.since_forgotten:
            return
        self.sessions[server_hostname] = tls.session
        self.sessions.move_to_end(server_hostname)
        if len(self.sessions) > MAX_SESSIONS:
            self.sessions.popitem(last=False)


@dataclass(frozen=True, slots=True)
class TlsClient:
    """How to speak TLS to one peer."""

    context: ResumingContext
    peer: Peer

    def server_name(self, address: str) -> str:
        """What is sent as SNI and compared with the certificate, on a connection to `address`."""
        # Which interface it is reached by is nobody's matter but ours (RFC 4007 §11.2).
        return (self.peer.name or address).partition("%")[0]

    def prove(self, tls: ssl.SSLObject) -> None:
        """What the handshake did not prove already. Raises PinRefused."""
        if not self.peer.verify or not self.peer.pins:
            return
        certificate = tls.getpeercert(binary_form=True)
        found = spki_digest(certificate) if certificate else b""
        # all are compared, so that the time taken does not tell which one matched
        matches = [hmac.compare_digest(found, pin) for pin in self.peer.pins]
        if not any(matches):
            raise PinRefused

    def keep_session(self, tls: ssl.SSLObject, address: str) -> None:
        """Remember what the server gave for resumption. The peer must have been proved."""
        self.context.remember(self.server_name(address), tls)


class TlsFactory:
    """Makes `TlsClient`s; servers that trust the same authorities share one context, for building one is dear."""

    def __init__(self) -> None:
        system_authorities()
        self._contexts: dict[tuple[str, bool, bool, tuple[str, ...]], ResumingContext] = {}

    def client(self, peer: Peer) -> TlsClient:
        """How to speak to `peer`. Raises ValueError if its authorities are not certificates, or its name is no name."""
        chained = peer.verify and not peer.pins
        key = (peer.authorities if chained else "", chained, peer.verify, peer.alpn)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = _build_context(peer, chained)
        if peer.name:  # ssl refuses some names; better now than at every connection
            ssl.SSLContext.wrap_bio(context, ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=peer.name)
        return TlsClient(context, peer)

    def forget_sessions(self) -> None:
        """This machine is somewhere else: no server shall know it again by a session."""
        for context in self._contexts.values():
            context.forget()


def spki_digest(certificate: bytes) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo of a DER certificate (RFC 7858 §4.2). Raises PinRefused if it has none."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PinRefused from error


@lru_cache(maxsize=1)
def system_authorities() -> str:
    """The certificates that this system trusts, as PEM; "" if it has none. Read once: who is in a sandbox opens no file later."""
    paths = ssl.get_default_verify_paths()
    bundle = paths.cafile or next(filter(os.path.isfile, BUNDLES), None)
    files = [bundle] if bundle else _files_in(paths.capath)
    found: dict[str, None] = {}
    for file in files:
        with suppress(OSError), open(file, encoding="ascii", errors="replace") as opened:
            found.update(dict.fromkeys(_CERTIFICATE.findall(opened.read())))
    return "".join(found)


def _files_in(folder: str | None) -> list[str]:
    try:
        return sorted(entry.path for entry in os.scandir(folder) if entry.is_file()) if folder else []
    except OSError:
        return []


def _build_context(peer: Peer, chained: bool) -> ResumingContext:
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sessions = OrderedDict()
    context.since_forgotten = weakref.WeakSet()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if peer.alpn:
        context.set_alpn_protocols(list(peer.alpn))
    if chained:
        _load_authorities(context, peer.authorities)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_authorities(context: ssl.SSLContext, authorities: str) -> None:
    if authorities:
        try:
            context.load_verify_locations(cadata=authorities)
        except ssl.SSLError as error:
            raise ValueError("the authorities are not certificates in PEM form") from error
        return
    if system := system_authorities():
        context.load_verify_locations(cadata=system)
