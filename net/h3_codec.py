"""aioquic's codec of HTTP/3, and of the rest of aioquic only what that one uses.

The codec names aioquic's connection in its types, and asks that module of which kind a stream is. For this its QUIC and its TLS
would come along, and all they are made of, into a process whose QUIC is qh3's. So while the codec is imported there, few lines
stand in for the two modules; whoever wants the real ones later gets them.
"""

from contextlib import nullcontext

from net.installed import stand_ins
from net.quic_codecs import CODEC, Codec

INSTEAD: dict[str, dict[str, object]] = {
    "aioquic.quic.connection": {
        "QuicConnection": object,
        "stream_is_client_initiated": lambda stream: not stream & 1,
        "stream_is_unidirectional": lambda stream: bool(stream & 2),
    },
    "aioquic.quic.logger": {"QuicLoggerTrace": object},
}
"""What the codec takes of each (ids of streams: RFC 9000 §2.1)."""


with stand_ins(INSTEAD) if CODEC is Codec.QH3 else nullcontext():
    from aioquic.h3.connection import ErrorCode as ErrorCode
    from aioquic.h3.connection import FrameType as FrameType
    from aioquic.h3.connection import H3Connection as H3Connection
    from aioquic.h3.connection import H3Stream as H3Stream
    from aioquic.h3.connection import ProtocolError as ProtocolError
    from aioquic.h3.connection import Setting as Setting
    from aioquic.h3.connection import StreamType as StreamType
    from aioquic.h3.connection import encode_frame as encode_frame
    from aioquic.h3.connection import encode_settings as encode_settings
    from aioquic.h3.connection import parse_settings as parse_settings
