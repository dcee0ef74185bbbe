"""The codecs of HTTP/2 and of QUIC that are installed; the same tests hold for each."""

import pytest
from h2.connection import H2Connection

import net.h2
import net.h2_server
import net.quic_client
import net.quic_server
from net import quic_codecs
from net.h2_codecs import CHOICE, Codec

CODECS = [Codec.H2] if CHOICE.lacks() else [Codec.H2, Codec.NGH2]

CONNECTIONS: tuple[type, ...] = (H2Connection,)
"""What does the work in each."""
if Codec.NGH2 in CODECS:
    import ngh2

    CONNECTIONS += (ngh2.Connection,)


def use_codec(codec: Codec, patch: pytest.MonkeyPatch) -> None:
    """For clients and servers that are made from now on."""
    patch.setattr(net.h2, "open_codec", net.h2.codec_of(codec))
    patch.setattr(net.h2_server, "open_codec", net.h2_server.codec_of(codec))


@pytest.fixture(params=CODECS, ids=lambda codec: codec.value)
def http2_codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Codec:
    """Each in turn."""
    codec: Codec = request.param
    use_codec(codec, monkeypatch)
    return codec


QUIC_CODECS = [quic_codecs.Codec.AIOQUIC]
if not quic_codecs.CHOICE.lacks():
    QUIC_CODECS.append(quic_codecs.Codec.QH3)


def use_quic_codec(codec: quic_codecs.Codec, patch: pytest.MonkeyPatch) -> None:
    """For connections of clients and listeners that are made from now on."""
    patch.setattr(net.quic_client, "open_core", net.quic_client.codec_of(codec))
    patch.setattr(net.quic_server, "open_house", net.quic_server.codec_of(codec))


@pytest.fixture(params=QUIC_CODECS, ids=lambda codec: codec.value)
def quic_codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> quic_codecs.Codec:
    """Each in turn."""
    codec: quic_codecs.Codec = request.param
    use_quic_codec(codec, monkeypatch)
    return codec
