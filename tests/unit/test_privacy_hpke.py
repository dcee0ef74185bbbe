"""Our HPKE against RFC 9180's vectors, and against pyhpke in both directions."""

import json
from pathlib import Path
from random import Random

import pytest
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from privacy.hpke import Context, derive_private, public_of, set_up_receiver, set_up_sender
from wire.errors import Malformed

VECTOR = json.loads((Path(__file__).parents[1] / "vectors/hpke.json").read_text())
SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)


def field(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


def both() -> tuple[Context, Context]:
    encapsulated, sender = set_up_sender(field("pkRm"), field("info"), field("ikmE"))
    return sender, set_up_receiver(encapsulated, field("skRm"), field("info"))


def test_a_key_pair_is_derived_as_in_the_rfc() -> None:
    assert field("skRm") == derive_private(field("ikmR"))
    assert field("pkRm") == public_of(field("skRm"))


def test_the_encapsulated_key_is_that_of_the_rfc() -> None:
    assert field("enc") == set_up_sender(field("pkRm"), field("info"), field("ikmE"))[0]


def test_the_first_messages_are_sealed_and_opened_as_in_the_rfc() -> None:
    sender, receiver = both()
    for message in VECTOR["encryptions"]:
        aad, sealed = bytes.fromhex(message["aad"]), bytes.fromhex(message["ct"])
        assert sealed == sender.seal(aad, field("pt"))
        assert field("pt") == receiver.open(aad, sealed)


@pytest.mark.parametrize("export", VECTOR["exports"], ids=lambda export: export["context"] or "empty")
def test_secrets_are_exported_as_in_the_rfc(export: dict[str, str]) -> None:
    for context in both():
        assert bytes.fromhex(export["value"]) == context.export(bytes.fromhex(export["context"]), 32)


@pytest.mark.parametrize("seed", range(20))
def test_what_another_seals_opens_here_and_the_other_way_round(seed: int) -> None:
    random = Random(seed)
    private = derive_private(random.randbytes(32))
    info, aad, text = (random.randbytes(random.randrange(60)) for _ in range(3))
    key = SUITE.kem.deserialize_private_key(private)
    encapsulated, ours = set_up_sender(public_of(private), info, random.randbytes(32))
    theirs = SUITE.create_recipient_context(encapsulated, key, info)
    assert text == theirs.open(ours.seal(aad, text), aad)
    assert ours.export(b"x", 16) == theirs.export(b"x", 16)
    other, sender = SUITE.create_sender_context(SUITE.kem.deserialize_public_key(public_of(private)), info)
    assert text == set_up_receiver(other, private, info).open(aad, sender.seal(text, aad))


def test_what_was_changed_does_not_open_and_leaves_the_place_in_the_order() -> None:
    sender, receiver = both()
    sealed = sender.seal(b"aad", b"text")
    for aad, data in ((b"add", sealed), (b"aad", sealed[:-1]), (b"aad", b""), (b"aad", b"\0" + sealed[1:])):
        with pytest.raises(Malformed):
            receiver.open(aad, data)
    assert receiver.open(b"aad", sealed) == b"text"


@pytest.mark.parametrize("key", [bytes(32), b"\1" + bytes(31), b"", bytes(31), bytes(33)])
def test_a_key_that_gives_no_secret_is_malformed(key: bytes) -> None:
    """> the Diffie-Hellman output is the all-zero value (RFC 9180 §7.1.4): small-order points."""
    with pytest.raises(Malformed):
        set_up_receiver(key, field("skRm"), b"")
    with pytest.raises(Malformed):
        set_up_sender(key, b"", bytes(32))
