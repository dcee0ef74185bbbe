"""The real service makes its certificate by itself, serves with it, and takes a new one over while it runs."""

import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from kit.peers import PATIENCE, free_ports, house, open_folder, until

from anchorhold.certificates.authority import pin_of
from anchorhold.certificates.request import start_renewal
from anchorhold.certificates.settings import Action, Kind, RenewSettings

UPSTREAM = '[upstreams.default]\nprofile = "opportunistic"\nservers = ["udp://127.0.0.1:{}"]\n'


def shown(port: int, authority: Path, name: str) -> x509.Certificate | None:
    """What a client that trusts `authority` is shown for `name`; None: nobody is there yet."""
    if not authority.exists():
        return None
    context = ssl.create_default_context(cafile=str(authority))
    try:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        with plain, context.wrap_socket(plain, server_hostname=name) as client:
            return x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"")
    except (ConnectionError, ssl.SSLEOFError):
        return None


def another(port: int, authority: Path, former: x509.Certificate | None = None) -> x509.Certificate:
    """What is shown as soon as it is no longer the former one."""
    seen: list[x509.Certificate] = []

    def is_there() -> bool:
        found = shown(port, authority, "dns.home.arpa")
        if found is not None and found != former:
            seen.append(found)
        return bool(seen)

    until(is_there, "a certificate")
    return seen[0]


def test_a_service_that_has_no_certificate_makes_one_and_renews_it_under_way() -> None:
    port, nobody = free_ports(2)
    secure = f'[secure]\nlisten = ["tls://127.0.0.1:{port}"]\nname = "dns.home.arpa"\n'
    with open_folder() as folder, house(folder, secure + UPSTREAM.format(nobody)):
        made = folder / "state/certificates"
        authority = made / "authority.pem"
        first = another(port, authority)
        assert shown(port, authority, "127.0.0.1") == first
        renew(made)
        second = another(port, authority, first)
    assert pin_of(first.public_key()) == pin_of(second.public_key())
    assert first.serial_number != second.serial_number


def renew(made: Path) -> None:
    """As `anchorhold certs renew` does."""
    folder = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
    wanted = RenewSettings(Kind.PRIVATE, ("dns.home.arpa",), ("127.0.0.1",), action=Action.NOW)
    try:
        assert start_renewal(wanted, folder, {**os.environ, "ANCHORHOLD_USER": "nobody"}).wait() == 0
    finally:
        os.close(folder)
