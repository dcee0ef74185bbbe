"""aioquic's codec of HTTP/3 without aioquic's QUIC, and qh3's QUIC without its HTTP/3."""

import importlib
import os
import subprocess
import sys

import pytest
from aioquic.quic import connection, logger

from net import quic_codecs
from net.h3_codec import INSTEAD
from net.quic_codecs import CHOICE, Codec

AROUND = {"aioquic.tls", "aioquic.quic.connection", "aioquic.quic.logger", "service_identity", "OpenSSL", "certifi"}
PROGRAM = """\
import sys
import net.h3, net.h3_server
print(*sorted(sys.modules))
import aioquic.quic.connection
assert aioquic.quic.connection.QuicConnection is not object
"""


@pytest.mark.parametrize("codec", [Codec.AIOQUIC] if CHOICE.lacks() else Codec)
def test_what_is_around_the_codec_is_in_memory_where_it_is_used(codec: Codec) -> None:
    environment = {**os.environ, CHOICE.variable: codec.value}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    assert {"aioquic.h3.connection", "pylsqpack"} < found
    assert (AROUND if codec is Codec.AIOQUIC else set()) == AROUND & found
    assert found.isdisjoint(quic_codecs.INSTEAD)
    for name, instead in quic_codecs.INSTEAD.items() if codec is Codec.QH3 else ():
        module = importlib.import_module(name)
        assert all(getattr(module, one) is not None for one in instead)


@pytest.mark.parametrize("stream", [*range(16), (1 << 62) - 1])
def test_what_stands_in_says_the_same(stream: int) -> None:
    for name in ("stream_is_client_initiated", "stream_is_unidirectional"):
        assert getattr(connection, name)(stream) is INSTEAD[connection.__name__][name](stream)  # type: ignore[operator]
    for module in (connection, logger):
        assert all(hasattr(module, name) for name in INSTEAD[module.__name__])
