"""The codecs of HTTP/2 that are installed; the same tests hold for each."""

import pytest
from h2.connection import H2Connection

import net.h2
import net.h2_server
from net.h2_codecs import Codec, lacks

CODECS = [Codec.H2] if lacks() else [Codec.H2, Codec.NGH2]

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
