"""The certificates in other people's hands: curl and kdig accept them, pebble issues them, knotd takes the updates."""

import json
import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from kit.certificates import identity
from kit.peers import free_ports, open_folder, peer, program, until
from kit.updates import KEY_FILE

from anchorhold.certificates.folder import CertificateFolder
from anchorhold.certificates.pair import faults
from anchorhold.certificates.request import start_renewal
from anchorhold.certificates.settings import AcmeSettings, Action, Challenge, Kind, RenewSettings, UpdateServer
from anchorhold.certificates.subjects import read_subjects
from net import clock

NAME = "dns.home.arpa"
HOME = RenewSettings(Kind.PRIVATE, (NAME, f"*.{NAME}"), ("127.0.0.1", "::1"))


class Run:
    """A state directory, and runs of the real process in it."""

    def __init__(self, state: Path) -> None:
        self.path = state / "certificates"
        self.path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self.path, 65_534, 65_534)

    def run(self, settings: RenewSettings, answer: int = -1) -> int:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return start_renewal(settings, folder, {**os.environ, "ANCHORHOLD_USER": "nobody"}, answer).wait()
        finally:
            os.close(folder)

    def folder(self) -> CertificateFolder:
        return CertificateFolder(os.open(self.path, os.O_RDONLY | os.O_DIRECTORY))


@pytest.fixture
def state() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@contextmanager
def serving(path: Path) -> Iterator[int]:
    """A TLS server with the pair in `path` that echoes a DNS query as a response, and greets whoever speaks HTTP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path / "chain.pem", path / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as client:
                    head = client.recv(4_096)
                    if head.startswith(b"GET "):
                        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                        continue
                    while head and (len(head) < 2 or len(head) < 2 + struct.unpack("!H", head[:2])[0]):
                        head += client.recv(4_096)
                    if not head:
                        continue
                    answer = bytearray(head)
                    answer[4] |= 0x80
                    client.sendall(answer)
            except OSError:
                continue  # whoever does not like the certificate says so in the handshake

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.mark.peer("curl, knot-dnsutils")
def test_curl_and_kdig_accept_the_leaf_for_its_names_and_address_and_no_other(state: Path) -> None:
    house = Run(state)
    assert house.run(HOME) == 0
    authority = str(house.path / "authority.pem")
    with serving(house.path) as port:
        for name, code in ((NAME, 0), (f"kids.{NAME}", 0), ("127.0.0.1", 0), ("www.bank.example", 60)):
            resolve = f"{name}:{port}:127.0.0.1"
            command = [peer("curl"), "-s", "--cacert", authority, "--resolve", resolve, f"https://{name}:{port}/"]
            assert subprocess.run(command, check=False, timeout=60).returncode == code, name
        assert subprocess.run([*command[:2], f"https://127.0.0.1:{port}/"], check=False, timeout=60).returncode == 60
        for host, accepted in ((NAME, True), ("other.example", False)):
            asked = [
                peer("kdig"),
                "@127.0.0.1",
                "-p",
                str(port),
                f"+tls-ca={authority}",
                f"+tls-host={host}",
                "+retry=0",
                "+timeout=30",
            ]
            done = subprocess.run([*asked, "example.", "A"], capture_output=True, text=True, check=False, timeout=60)
            assert ("status: NOERROR" in done.stdout) is accepted, done.stderr


@pytest.mark.peer("strace")
def test_the_run_for_a_private_authority_sees_its_folder_only_and_ends_as_nobody(state: Path) -> None:
    house = Run(state)
    assert house.run(HOME) == 0
    names = ["authority.pem", "authority-key.pem", "chain.pem", "key.pem", "renewal.json"]
    modes = {one.name: (one.stat().st_mode & 0o777, one.stat().st_uid) for one in house.path.iterdir()}
    assert modes == dict.fromkeys(names, (0o600, 65_534 if os.geteuid() == 0 else os.geteuid()))
    (house.path / "chain.pem").write_bytes(b"")
    assert house.run(HOME) == 2
    assert house.run(replace(HOME, names=())) == 2


PEBBLE = "pebble, knot"


@contextmanager
def pebble(folder: Path, resolver: int, http: int) -> Iterator[str]:
    """The directory's URL. It asks the name server at port `resolver` and, for http-01, port `http`."""
    api, management = free_ports(2)
    mine = identity("address")
    (folder / "pebble.pem").write_bytes(mine.certificate)
    (folder / "pebble.key").write_bytes(mine.key)
    settings = {
        "listenAddress": f"127.0.0.1:{api}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "pebble.pem"),
        "privateKey": str(folder / "pebble.key"),
        "httpPort": http,
        "tlsPort": 1,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    command = [peer("pebble"), "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{resolver}"]
    with _environment(PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0", PEBBLE_AUTHZREUSE="0"):
        context = program(command, folder / "pebble.log", api)
        with context:
            yield f"https://127.0.0.1:{api}/dir"


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def knotd(folder: Path, addresses: str) -> Iterator[int]:
    """A primary for example.net that takes updates of TXT records with the key of `kit.updates`."""
    (port,) = free_ports(1)
    for name in ("knot", "knot/journal", "knot/keys"):
        (folder / name).mkdir()
    (folder / "knot/example.net.zone").write_text(
        f"@ 60 SOA ns hostmaster 1 60 60 600 60\n@ 60 NS ns\nns 60 A 127.0.0.1\n{addresses}"
    )
    secret = KEY_FILE.decode().split('secret "')[1].split('"')[0]
    (folder / "knot/knot.conf").write_text(f"""
server:
    listen: 127.0.0.1@{port}
    rundir: {folder}/knot
database:
    storage: {folder}/knot
key:
  - id: acme-key
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: acme
    key: acme-key
    action: update
    update-type: TXT
zone:
  - domain: example.net
    file: {folder}/knot/example.net.zone
    zonefile-sync: -1
    acl: acme
""")
    with program([peer("knotd"), "-c", str(folder / "knot/knot.conf")], folder / "knot.log", port):
        yield port


def zone_has(port: int, name: str, rrtype: str) -> str:
    asked = [peer("kdig"), "@127.0.0.1", "-p", str(port), "+short", name, rrtype]
    return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def trusted(state: Path) -> Path:
    from kit.certificates import authority

    path = state / "trusted.pem"
    path.write_text(authority().pem)
    return path


@pytest.mark.peer(PEBBLE)
def test_pebble_issues_by_dns_01_with_updates_that_knotd_takes(state: Path, trusted: Path) -> None:
    house = Run(state)
    (state / "acme.key").write_bytes(KEY_FILE)
    with knotd(state, "") as port:
        until(lambda: "ns." in zone_has(port, "example.net", "NS"), "the zone")
        with pebble(state, port, 1) as directory:
            acme = AcmeSettings(
                directory,
                ("mailto:somebody@example.net",),
                terms_agreed=True,
                challenge=Challenge.DNS,
                authorities=str(trusted),
                update=UpdateServer("127.0.0.1", "example.net", str(state / "acme.key"), port),
                wait=0,
            )
            wanted = RenewSettings(Kind.ACME, ("dns.example.net", "*.dns.example.net"), acme=acme)
            assert house.run(wanted) == 0
            first = house.folder().pair()
            assert first is not None
            assert list(faults(first, read_subjects(wanted.names, ()), clock.date())) == []
            assert zone_has(port, "_acme-challenge.dns.example.net", "TXT") == ""
            assert house.run(wanted) == 0
            assert house.run(replace(wanted, action=Action.NOW)) == 0
            second = house.folder().pair()
    assert second is not None
    assert first.leaf.serial_number != second.leaf.serial_number
    assert first.leaf.public_key() == second.leaf.public_key()


@pytest.mark.peer(PEBBLE)
def test_pebble_issues_by_http_01_and_a_failure_leaves_the_old_one(state: Path, trusted: Path) -> None:
    house = Run(state)
    with knotd(state, "dns 60 A 127.0.0.1\n") as port, socket.create_server(("127.0.0.1", 0)) as answers:
        until(lambda: "127.0.0.1" in zone_has(port, "dns.example.net", "A"), "the zone")
        with pebble(state, port, answers.getsockname()[1]) as directory:
            acme = AcmeSettings(directory, terms_agreed=True, authorities=str(trusted))
            wanted = RenewSettings(Kind.ACME, ("dns.example.net",), acme=acme)
            assert house.run(wanted, answers.fileno()) == 0
            assert house.run(replace(wanted, names=("other.example.net",)), answers.fileno()) == 1
        assert house.run(replace(wanted, action=Action.NOW), answers.fileno()) == 1
    pair = house.folder().pair()
    assert pair is not None
    assert list(faults(pair, read_subjects(("dns.example.net",), ()), clock.date())) == []
