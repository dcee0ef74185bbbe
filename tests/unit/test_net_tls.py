"""Shared contexts, sessions that are used once, pins."""

import ssl

import pytest
from kit.certificates import authority, identity, server_context
from kit.handshakes import shake_hands

from net.tls import Peer, PinRefused, TlsClient, TlsFactory, spki_digest


def shake(client: TlsClient, server: ssl.SSLContext, name: str = "dns.example") -> tuple[ssl.SSLObject, bool]:
    """A handshake in memory; the client's end, and whether the session was resumed."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.context.wrap_bio(to_client, to_server, server_hostname=client.server_name(name))
    far = server.wrap_bio(to_server, to_client, server_side=True)
    shake_hands(near, far)
    far.write(b"x")
    near.read(1)
    return near, bool(near.session_reused)


def test_servers_with_the_same_authorities_share_one_context() -> None:
    factory, pem = TlsFactory(), authority().pem
    one = factory.client(Peer("one.example", authorities=pem))
    two = factory.client(Peer("two.example", authorities=pem))
    unproved = factory.client(Peer("one.example", authorities=pem, verify=False))
    https = factory.client(Peer("one.example", authorities=pem, alpn=("h2",)))
    assert one.context is two.context
    assert len({id(client.context) for client in (one, unproved, https)}) == 3


def test_strict_contexts_verify_and_nothing_older_than_1_2_is_spoken() -> None:
    context = TlsFactory().client(Peer("dns.example", authorities=authority().pem)).context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_system_store_is_read_at_once_where_there_is_one() -> None:
    context = TlsFactory().client(Peer("dns.example")).context
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("peer", [Peer("a", authorities="no PEM at all"), Peer(".bad.example"), Peer("a" * 64 + ".é")])
def test_what_can_never_work_is_said_when_it_is_opened(peer: Peer) -> None:
    with pytest.raises(ValueError):
        TlsFactory().client(peer)


def test_a_session_is_offered_once_and_to_its_own_server_only() -> None:
    client = TlsFactory().client(Peer("dns.example", authorities=authority().pem))
    other = TlsFactory().client(Peer("other.example", authorities=authority().pem))
    server = server_context(identity("good"))
    near, resumed = shake(client, server)
    assert not resumed
    client.keep_session(near, "127.0.0.1")
    assert other.context.sessions.keys() == set()
    assert [shake(client, server)[1] for _ in range(2)] == [True, False]


def test_a_pin_is_the_digest_of_the_key() -> None:
    good = identity("good")
    certificate = ssl.PEM_cert_to_DER_cert(good.certificate.decode())
    assert spki_digest(certificate) == good.pin


@pytest.mark.parametrize("garbage", [b"", b"\x30\x03\x02\x01\x00", bytes(400)])
def test_a_certificate_that_cannot_be_read_matches_no_pin(garbage: bytes) -> None:
    with pytest.raises(PinRefused):
        spki_digest(garbage)


def test_a_wrong_pin_is_refused_and_a_right_one_among_many_is_enough() -> None:
    server = server_context(identity("good"))
    right = identity("good").pin
    for pins, accepted in (((bytes(32),), False), ((bytes(32), right), True)):
        client = TlsFactory().client(Peer("", pins=pins))
        near, _ = shake(client, server, "127.0.0.1")
        if accepted:
            client.prove(near)
        else:
            with pytest.raises(PinRefused):
                client.prove(near)
