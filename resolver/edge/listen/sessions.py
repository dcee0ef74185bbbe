"""What is spoken above TLS and QUIC, by the kind of listener."""

from resolver.edge.listen.doq import DoqSession
from resolver.edge.listen.dot import DotSession
from resolver.edge.listen.h3 import H3Session
from resolver.edge.listen.https import HttpsSession
from resolver.edge.listen.quic_guest import Speak as SpeakQuic
from resolver.edge.listen.tls_listener import Speak
from resolver.settings import Served

SESSIONS: dict[Served, Speak] = {Served.TLS: DotSession, Served.HTTPS: HttpsSession}

TALKS: dict[Served, SpeakQuic] = {Served.QUIC: DoqSession, Served.H3: H3Session}

QUIC_PROTOCOLS = {Served.QUIC: "doq", Served.H3: "h3"}
"""By ALPN (RFC 9250 §4.1, RFC 9114 §3.1)."""
