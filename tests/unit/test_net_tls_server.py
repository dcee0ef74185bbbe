"""Connections to `secure`: one certificate for all, and keys of tickets that are let go of in time."""

import os
import ssl
from dataclasses import replace

import pytest
from kit.certificates import NAME, authority, identity
from kit.children import ended
from kit.handshakes import shake_hands
from kit.profiles import LINUX

from anchorhold.cells.secure import PROFILE
from anchorhold.sandbox import enter, preload
from net.tls_server import TICKET_LIFE, Credentials, CredentialsRefused, ServerContexts

START = 1_000.0
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


def serving() -> ServerContexts:
    made = identity("good")
    return ServerContexts(Credentials(made.certificate, made.key), "dot", START)


def trusting(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority().pem)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "dot"])
    return context


def shake(
    contexts: ServerContexts, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A handshake in memory: the client's end, and ours."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=NAME, session=session)
    far = contexts.begin(to_server, to_client)
    shake_hands(near, far)
    say(far, near)
    return near, far


def say(one: ssl.SSLObject, other: ssl.SSLObject) -> None:
    one.write(b"word")
    assert b"word" == other.read(4)


@VERSIONS
def test_who_comes_back_is_known_by_his_ticket(version: ssl.TLSVersion) -> None:
    contexts, client = serving(), trusting(version)
    first, _ = shake(contexts, client)
    again, ours = shake(contexts, client, first.session)
    assert (False, True, True) == (first.session_reused, again.session_reused, ours.session_reused)
    assert ("dot", "dot") == (first.selected_alpn_protocol(), again.selected_alpn_protocol())


@VERSIONS
def test_a_ticket_is_worth_nothing_when_the_time_of_its_key_is_over(version: ssl.TLSVersion) -> None:
    contexts, client = serving(), trusting(version)
    first, ours = shake(contexts, client)
    contexts.turn(START + TICKET_LIFE - 1)
    assert shake(contexts, client, first.session)[0].session_reused
    contexts.turn(START + TICKET_LIFE)
    second, _ = shake(contexts, client, first.session)
    assert not second.session_reused
    assert "dot" == second.selected_alpn_protocol()
    # What stands goes on, and the next key has its own twelve hours.
    say(ours, first)
    say(first, ours)
    contexts.turn(START + 2 * TICKET_LIFE - 1)
    assert shake(contexts, client, second.session)[0].session_reused
    contexts.turn(START + 2 * TICKET_LIFE)
    assert not shake(contexts, client, second.session)[0].session_reused


@pytest.mark.parametrize("protocol", ["dot", "h2"])
def test_no_old_version_and_no_old_cipher_with_any_key(protocol: str) -> None:
    made, client = identity("good"), trusting(ssl.TLSVersion.TLSv1_2)
    contexts = ServerContexts(Credentials(made.certificate, made.key), protocol, START)
    for turned in (0.0, TICKET_LIFE):
        contexts.turn(START + turned)
        near, far = shake(contexts, client)
        assert protocol == far.selected_alpn_protocol()
        assert "ECDHE" in near.cipher()[0]  # type: ignore[index]
        refused = ssl.create_default_context(cadata=authority().pem)
        refused.minimum_version = refused.maximum_version = ssl.TLSVersion.TLSv1_2
        refused.set_ciphers("ECDHE+AES128+SHA256:ECDHE+AES+SHA")
        with pytest.raises(ssl.SSLError):
            shake(contexts, refused)


def test_a_key_that_is_not_the_certificates_is_refused() -> None:
    mine, other = identity("good"), identity("expired")
    with pytest.raises(CredentialsRefused, match="the key is not that of the first certificate"):
        ServerContexts(Credentials(mine.certificate, other.key), "dot", START)


@LINUX
def test_the_next_key_is_made_by_what_the_cell_may_do() -> None:
    """It was shut in half a day ago, and reads no file."""
    contexts, client = serving(), trusting()

    def body() -> None:
        preload()
        enter(replace(PROFILE, memory=0))
        first, _ = shake(contexts, client)
        for turn in range(1, 20):
            contexts.turn(START + turn * TICKET_LIFE)
            again, _ = shake(contexts, client, first.session)
            assert not again.session_reused
            first, _ = shake(contexts, client, again.session)
            assert first.session_reused
        os._exit(0)

    assert 0 == ended(body)
