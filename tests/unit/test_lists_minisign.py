"""minisign's signatures."""

from base64 import b64decode

import pytest
from kit.minisigned import KEY_ID, PUBLIC, signed

from privacy.lists.minisign import SignatureRefused, parse_signature, require_signature
from wire.errors import Malformed

TEXT = b"0.0.0.0 ads.example\n"

# From the documentation of minisign's library for Rust (minisign-verify): the text is `test`.
PUBLISHED_KEY = b64decode("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3")
PUBLISHED = b"""untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==
"""
PUBLISHED_LEGACY = b"""untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==
"""


@pytest.mark.parametrize("algorithm", [b"Ed", b"ED"])
def test_a_signature_holds_over_its_text_and_no_other(algorithm: bytes) -> None:
    signature = parse_signature(signed(TEXT, algorithm))
    assert "timestamp:1" == require_signature(TEXT, signature, PUBLIC)
    with pytest.raises(SignatureRefused, match="not over this text"):
        require_signature(TEXT + b"0.0.0.0 evil.example\n", signature, PUBLIC)


@pytest.mark.parametrize("signature", [PUBLISHED, PUBLISHED_LEGACY], ids=["prehashed", "legacy"])
def test_published_signatures_hold(signature: bytes) -> None:
    assert "file:test" in require_signature(b"test", parse_signature(signature), PUBLISHED_KEY)


def test_another_key_is_named() -> None:
    signature = parse_signature(signed(TEXT, key_id=b"otherkey"))
    with pytest.raises(SignatureRefused, match="not by 0807060504030201"):
        require_signature(TEXT, signature, PUBLIC)
    forged = parse_signature(signed(TEXT))
    with pytest.raises(SignatureRefused, match="not over this text"):
        require_signature(TEXT, forged, b"Ed" + KEY_ID + PUBLISHED_KEY[10:])


def test_a_trusted_comment_that_was_changed_is_seen() -> None:
    data = signed(TEXT).replace(b"timestamp:1", b"timestamp:2")
    with pytest.raises(SignatureRefused, match="trusted comment was changed"):
        require_signature(TEXT, parse_signature(data), PUBLIC)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        signed(TEXT)[:-30],
        signed(TEXT).replace(b"untrusted", b"entrusted"),
        signed(TEXT, b"XX"),
        signed(TEXT) + b"more\n",
        signed(TEXT, comment=b"x" * 5_000),
    ],
)
def test_what_is_no_signature_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_signature(data)
