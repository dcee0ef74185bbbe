"""What seldom happens to a secure cell, under its own filter of system calls: any call that is not in its table would end it
(SIGSYS), and it would answer no more."""

import os
import signal
import socket
import ssl
import struct
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import dns.message
import pytest
from kit.certificates import NAME, authority
from kit.desk import settings
from kit.front import PATIENCE
from kit.h2_dial import ask as ask_over_h2
from kit.h2_dial import connected as over_h2
from kit.quic_dial import Dialled
from kit.secured import RunningSecure, running_secure
from kit.tls_record import DATA, HANDSHAKE, KEY_UPDATE, record

from anchorhold.ipc import Inbox, MessageType, Verb, build_message
from anchorhold.link import LinkType, send_message
from resolver.settings import SecureSettings, Served
from wire.dns.framing import Framer, frame

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing is a reset."""


def query(name: str = "www.example", **changes: object) -> bytes:
    return dns.message.make_query(name, "A", **changes).to_wire()  # type: ignore[arg-type]


def trusting(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority().pem)
    context.maximum_version = context.minimum_version = version
    context.set_alpn_protocols(["dot"])
    return context


def ask_over_tls(
    port: int, name: str, context: ssl.SSLContext, session: ssl.SSLSession | None = None, host: str = "127.0.0.1"
) -> ssl.SSLSession:
    """One question on a connection of its own; what it would be resumed with."""
    with (
        socket.create_connection((host, port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=NAME, session=session) as client,
    ):
        client.sendall(frame(query(name)))
        framer = Framer()
        while not (messages := list(framer.feed(client.recv(65_536)))):
            pass
        assert 1 == len(dns.message.from_wire(messages[0]).answer)
        assert client.session_reused is (session is not None)
        assert client.session is not None
        return client.session


def all_answer(secure: RunningSecure, name: str) -> None:
    """Every way is there."""
    ask_over_tls(secure.at[Served.TLS], f"tls.{name}", trusting())
    with over_h2(secure.at[Served.HTTPS], "127.0.0.1") as tls:
        assert ask_over_h2(tls)
    ask_over_quic(secure, f"quic.{name}")
    dialled = Dialled(secure.at[Served.H3], alpn="h3").connect()
    dialled.close()


def ask_over_quic(secure: RunningSecure, name: str, **how: object) -> Dialled:
    dialled = Dialled(secure.at[Served.QUIC], **how).connect()
    dialled.ask(query(name, id=0))
    dialled.close()
    return dialled


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_each_version_of_tls_anew_and_resumed(version: ssl.TLSVersion) -> None:
    context = trusting(version)
    with running_secure() as secure:
        session = ask_over_tls(secure.at[Served.TLS], "first.example", context)
        ask_over_tls(secure.at[Served.TLS], "again.example", context, session)
        all_answer(secure, "later.example")
        assert 0 == secure.end()


def test_keys_are_updated_on_a_connection(tmp_path: Path) -> None:
    context, keys = trusting(), tmp_path / "keys"
    context.keylog_filename = str(keys)
    with running_secure() as secure:
        with (
            socket.create_connection(("127.0.0.1", secure.at[Served.TLS]), PATIENCE) as plain,
            context.wrap_socket(plain.dup(), server_hostname=NAME) as client,
        ):
            assert ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256) == client.cipher()
            for updates in range(20):
                update = record(keys, int(updates > 0), KEY_UPDATE, HANDSHAKE, updates)
                plain.sendall(update + record(keys, 0, frame(query(f"n{updates}.example")), DATA, updates + 1))
                # It has said what its next keys are, and uses them.
                (message,) = Framer().feed(client.recv(65_536))
                assert 1 == len(dns.message.from_wire(message).answer)
        all_answer(secure, "later.example")


def test_what_is_no_tls_and_clients_that_reset_at_any_moment() -> None:
    hello = bytes.fromhex("1603010200010001fc0303") + os.urandom(90)
    said = (b"", b"\x16", b"GET / HTTP/1.1\r\n\r\n", hello[:40], hello, os.urandom(3_000), frame(query()))
    with running_secure() as secure:
        for number in range(4 * len(said)):
            port = secure.at[(Served.TLS, Served.HTTPS)[number % 2]]
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as stream:
                stream.sendall(said[number % len(said)])
                if number < 2 * len(said):
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        for protocol, version in (("h2", "TLSv1_3"), ("x", "TLSv1_3"), ("dot", "TLSv1_2")):
            context = trusting(ssl.TLSVersion[version])
            context.set_alpn_protocols([protocol])
            with suppress(ssl.SSLError, ConnectionError):
                plain = socket.create_connection(("127.0.0.1", secure.at[Served.TLS]), PATIENCE)
                with context.wrap_socket(plain, server_hostname=NAME) as client:
                    client.sendall(os.urandom(500))
        # Whoever does this gets no connection for a while.
        with over_h2(secure.at[Served.HTTPS], "127.0.0.9") as tls:
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(500))
            assert tls.recv(65_536)
        all_answer(secure, "later.example")


def test_quic_anew_resumed_pressed_and_what_is_none() -> None:
    with running_secure() as secure:
        first = ask_over_quic(secure, "first.example")
        ask_over_quic(secure, "again.example", ticket=first.client.tickets[-1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", secure.at[Served.QUIC]))
            client.settimeout(PATIENCE)
            # Another version, with ids of eight octets: the ones that we speak are told.
            client.send(b"\xc0\x0a\x0a\x0a\x0a\x08" + bytes(8) + b"\x08" + bytes(8) + bytes(1_200))
            assert client.recv(65_535)
            # A packet of a connection that is none: it is told so.
            client.send(b"\x40" + os.urandom(100))
            assert client.recv(65_535)
            for length in (0, 1, 20, 1_200, 4_000):
                client.send(os.urandom(length))
        crowd = [Dialled(secure.at[Served.QUIC], f"127.0.1.{number}") for number in range(60)]
        for one in crowd:
            one.step()
        for one in crowd:
            one.connect().close()
        all_answer(secure, "later.example")


def test_other_listeners_and_settings_are_taken_while_it_serves() -> None:
    with running_secure() as secure:
        for generation, host in ((2, "127.0.0.1"), (3, "::1"), (4, "0.0.0.0"), (5, "127.0.0.1")):
            send_message(secure.link, LinkType.WITHDRAW)
            secure.at = secure.listen(host)
            secure.use(SecureSettings(replace(settings(), generation=generation), streams=10 * generation))
            if host == "::1":
                ask_over_tls(secure.at[Served.TLS], "six.example", trusting(), host=host)
            else:
                all_answer(secure, f"n{generation}.example")


def test_a_name_that_the_certificate_lacks_is_told_over_the_link() -> None:
    with running_secure(name="other.example") as secure:
        # It looks at the end of a wake-up.
        secure.ping()
        secure.ping()
        assert ["secure: the certificate does not hold the name in [secure]; clients are not sent here"] == secure.log


def test_front_asks_what_it_does() -> None:
    with running_secure() as secure:
        ours, theirs = socket.socketpair()
        with ours:
            ours.settimeout(PATIENCE)
            secure.hand(LinkType.STATUS, theirs.detach())
            for verb, argument in (
                (Verb.STATUS, b""),
                (Verb.CACHE_STATS, b""),
                (Verb.CACHE_FLUSH, b"\0"),
                (Verb.LISTS, b""),
            ):
                ours.sendall(build_message(MessageType.FACT, 1, bytes((verb,)) + argument))
                inbox = Inbox()
                while not (heard := list(inbox.feed(ours.recv(65_536)))):
                    pass
                assert b'"cell": "secure"' in heard[0].body
        all_answer(secure, "later.example")


def test_without_descriptors_it_still_serves_who_comes() -> None:
    with (
        running_secure(descriptors=96, connections=1_000, connections_per_address=1_000) as secure,
        ExitStack() as stack,
    ):
        for number in range(150):
            place, source = ("127.0.0.1", secure.at[Served.TLS]), (f"127.0.2.{number}", 0)
            stack.enter_context(socket.create_connection(place, PATIENCE, source))
        ask_over_quic(secure, "quic.example")
        stack.close()
        all_answer(secure, "later.example")


def test_it_sleeps_and_wakes_and_ends_well_with_things_open() -> None:
    with running_secure() as secure, ExitStack() as stack:
        secure.process.send_signal(signal.SIGSTOP)
        for number in (signal.SIGCONT, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            secure.process.send_signal(number)
        all_answer(secure, "later.example")
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", secure.at[Served.TLS]), PATIENCE))
        client = stack.enter_context(trusting().wrap_socket(plain, server_hostname=NAME))
        dialled = Dialled(secure.at[Served.QUIC]).connect()
        assert 0 == secure.end()
        assert b"" == client.recv(100)
        dialled.socket.close()
