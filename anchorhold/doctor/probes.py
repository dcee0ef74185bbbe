"""Ways in and clear addresses as a client meets them: connect, shake hands, look at the certificate, ask one question about
ourselves. Nothing of it leaves this machine's own service."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cryptography import x509

from anchorhold.certificates.settings import AUTHORITY, FOLDER_NAME
from anchorhold.certificates.subjects import subjects_of
from anchorhold.config.service import ListenAddress, ServedAddress, ServiceSettings
from anchorhold.control_path import default_state_directory
from anchorhold.direct import tools_with
from anchorhold.doctor.findings import Asked, Seen, Trust
from net.clock import now
from resolver.designated import QUESTION, read_designated
from resolver.edge.converse import converse
from resolver.edge.upstream import TRANSPORTS
from resolver.edge.upstream.port import UpstreamFailed
from resolver.policy.discovery import ALPN_OF
from resolver.settings import Profile, SecureSettings, UpstreamSpec
from wire.dns.message import parse_message
from wire.errors import Malformed
from wire.units import Instant

PATIENCE = 5.0
"""Seconds for one connection."""

MOST_OCTETS = 1024 * 1024
"""Of a file of authorities."""

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # nothing is bound
"""Where a listener on every address is met from here, if no address is said in [secure]."""


def addresses_of(place: ListenAddress, reached: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Where clients meet what listens at `place`."""
    if not place.wildcard:
        return (place.host,)
    size = ipaddress.ip_address(place.host).version
    told = tuple(address for address in reached if ipaddress.ip_address(address).version == size)
    return told or (LOOPBACK[place.host],)


def told_addresses(secure: SecureSettings) -> tuple[str, ...]:
    """Where clients are told to find us."""
    said = secure.front.announcement
    every = [address for one in (said.endpoints if said else ()) for address in one.addresses]
    return tuple(dict.fromkeys(str(ipaddress.ip_address(address)) for address in every))


def own_authority(service: ServiceSettings) -> str:
    """PEM text of the private authority's certificate; empty if there is none, or not for us to read."""
    state = Path(service.state) if service.state else default_state_directory()
    try:
        return (state / FOLDER_NAME / AUTHORITY).read_bytes()[:MOST_OCTETS].decode("ascii", "replace")
    except OSError:
        return ""


def see_all(served: Iterable[ServedAddress], secure: SecureSettings, authorities: str) -> tuple[Seen, ...]:
    """Every way in. `authorities`: PEM text of the private authority, or empty."""
    reached = told_addresses(secure)
    return tuple(
        see(Seen(one.served, address, one.address.port), secure, authorities)
        for one in served
        for address in addresses_of(one.address, reached)
    )


def see(seen: Seen, secure: SecureSettings, authorities: str) -> Seen:
    """One way in: the certificate where there is TCP, then a question, proved by the system's authorities or the private one."""
    if seen.served.stream:
        seen = look_at_certificate(seen, secure.name)
        if seen.failure:
            return seen
    failures = []
    for trust, text in ((Trust.PUBLIC, ""), (Trust.PRIVATE, authorities)):
        if trust is Trust.PRIVATE and not text:
            continue
        failure = _ask(seen, secure, text, Profile.STRICT)
        if not failure:
            return replace(seen, trust=trust)
        failures.append(failure)
    # Perhaps only the proof is the fault; that is said of the certificate.
    if seen.served.stream and not _ask(seen, secure, "", Profile.OPPORTUNISTIC):
        return seen
    return replace(seen, failure=f"does not answer: {failures[-1]}", refused=not seen.served.stream)


def look_at_certificate(seen: Seen, name: str) -> Seen:
    """Connect as a client that believes everybody, to see what it is shown."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    wanted = ALPN_OF[seen.served]
    context.set_alpn_protocols([wanted])
    try:
        with (
            socket.create_connection((seen.address, seen.port), PATIENCE) as endpoint,
            context.wrap_socket(endpoint, server_hostname=name or None) as tls,
        ):
            certificate, alpn = tls.getpeercert(binary_form=True) or b"", tls.selected_alpn_protocol()
    except ssl.SSLError as error:
        return replace(seen, failure=f"no TLS: {error.reason or error}")
    except OSError as error:
        return replace(seen, failure=f"cannot be reached: {error.strerror or 'no answer'}", refused=True)
    if alpn != wanted:
        return replace(seen, failure=f"does not agree to speak {wanted} (ALPN)")
    parsed = x509.load_der_x509_certificate(certificate)
    subjects = subjects_of(parsed)
    return replace(
        seen,
        names=subjects.names,
        addresses=tuple(map(str, subjects.addresses)),
        until=parsed.not_valid_after_utc.timestamp(),
    )


def _ask(seen: Seen, secure: SecureSettings, authorities: str, profile: Profile) -> str:
    """Why it gave no answer to a question about itself; empty if it did."""
    path = secure.path if ALPN_OF[seen.served] in ("h2", "h3") else ""
    spec = UpstreamSpec(
        seen.served.value, secure.name or seen.address, (seen.address,), seen.port, "", path, authorities=authorities
    )
    try:
        asyncio.run(_converse(spec, profile))
    except (UpstreamFailed, Malformed) as error:
        return str(error)
    return ""


async def _converse(spec: UpstreamSpec, profile: Profile) -> bytes:
    """The transport itself: `open_upstream` would go on in clear text where nothing is to be proved."""
    tools = tools_with(_no_lookup)
    upstream = TRANSPORTS[spec.scheme](spec, profile, tools)
    try:
        return await converse(upstream, QUESTION, 0, tools.entropy, Instant(now() + PATIENCE))
    finally:
        await upstream.close()


async def _no_lookup(name: str) -> tuple[str, ...]:
    return ()


def ask_clear(address: str, port: int) -> Asked:
    """What a clear address says of the ways in."""
    spec = UpstreamSpec("udp", "", (address,), port, "")
    try:
        data = asyncio.run(_converse(spec, Profile.OPPORTUNISTIC))
        return Asked(address, read_designated(parse_message(data)).ways)
    except (UpstreamFailed, Malformed) as error:
        return Asked(address, failure=f"gives no answer: {error}")
