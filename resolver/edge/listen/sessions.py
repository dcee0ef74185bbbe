"""What is spoken above TLS, by the kind of listener."""

from resolver.edge.listen.dot import DotSession
from resolver.edge.listen.https import HttpsSession
from resolver.edge.listen.tls_listener import Speak
from resolver.settings import Served

SESSIONS: dict[Served, Speak] = {Served.TLS: DotSession, Served.HTTPS: HttpsSession}
