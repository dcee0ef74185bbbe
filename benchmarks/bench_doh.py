"""What a cached answer over HTTPS costs in one process, without sockets: TLS, HTTP/2, the desk, microseconds of CPU each.

`python benchmarks/bench_doh.py`; `ANCHORHOLD_HTTP2=h2` for the other codec. The client is h2 either way, and its time does not
count. System calls are not in the figures; `make bench ONLY=doh` measures those too.
"""

import argparse
import base64
import ssl
import time

import bench_front
import h2.config
import h2.connection
import h2.settings
import trustme
from figures import spread

from net.h2_codecs import CODEC
from net.tls_server import Credentials, ServerContexts
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.https import HttpsSession
from resolver.edge.listen.requests import serve_doh
from resolver.edge.listen.tls import TlsConnection
from resolver.edge.listen.tls_listener import TlsListener
from resolver.settings import SecureSettings, Served

NAME = "doh.bench.example"
CONNECTIONS = 40
EACH = bench_front.NAMES // CONNECTIONS
"""Requests of one connection in a round: fewer than it may have open."""
WINDOW = 2**31 - 1 - 65_535
NOW = bench_front.START


class Endpoint:
    """A socket of memory: what is to be read next, and what was written."""

    def __init__(self) -> None:
        self.incoming: list[bytes] = []
        self.written: list[bytes] = []

    def recv(self, _size: int, _flags: int) -> bytes:
        return self.incoming.pop()

    def send(self, data: bytes, _flags: int) -> int:
        self.written.append(data)
        return len(data)


class Client:
    """One connection, with TLS by OpenSSL and HTTP/2 by h2; `reads` are the next records for the server, the last one first."""

    def __init__(self, listener: TlsListener, context: ssl.SSLContext) -> None:
        self._listener = listener
        self.endpoint = Endpoint()
        client = listener.client_at("127.0.0.1", NOW)
        self.connection = TlsConnection(listener, self.endpoint, client, NOW)  # type: ignore[arg-type]
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=NAME)
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._shake_hands()
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW)
        self.say(self._record())

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self.say(self._out.read())

    def _record(self) -> bytes:
        self._tls.write(self._http.data_to_send())
        return self._out.read()

    def say(self, *records: bytes) -> None:
        """The server reads them one by one, and what it writes is heard."""
        self.endpoint.incoming = [*reversed(records)]
        for _ in records:
            self.connection.ready(1, NOW)
            self._listener.flush(NOW)
        for data in self.endpoint.written:
            self._in.write(data)
        self.endpoint.written.clear()
        try:
            while self._http_is_open():
                self._http.receive_data(self._tls.read(65_536))
        except ssl.SSLWantReadError:
            pass

    def _http_is_open(self) -> bool:
        return self._tls.version() is not None and self._http.state_machine.state.name != "IDLE"

    def ask(self, path: bytes) -> bytes:
        """The record of one request."""
        fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", NAME.encode()), (b":path", path)]
        fields += [(b"accept", b"application/dns-message"), (b"user-agent", b"bench")]
        self._http.send_headers(self._http.get_next_available_stream_id(), fields, end_stream=True)
        return self._record()


def opened() -> tuple[TlsListener, ssl.SSLContext]:
    """A listener whose desk knows the answers, and what its clients need."""
    desk, admission = bench_front.warm_desk()
    house = SecureHouse(SecureSettings(bench_front.SETTINGS), desk, admission)
    serve_doh(house)
    authority = trustme.CA()
    leaf = authority.issue_cert(NAME)
    chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
    served = ServerContexts(Credentials(chain, leaf.private_key_pem.bytes()), "h2", NOW)
    asking = ssl.create_default_context()
    authority.configure_trust(asking)
    asking.set_alpn_protocols(["h2"])
    endpoint = Endpoint()
    return (
        TlsListener(endpoint, Served.HTTPS, served, house, lambda *_: None, HttpsSession),  # type: ignore[arg-type]
        asking,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    listener, context = opened()
    clients = [Client(listener, context) for _ in range(CONNECTIONS)]
    paths = [b"/dns-query?dns=" + base64.urlsafe_b64encode(asked).rstrip(b"=") for asked in bench_front.packets()]
    found = []
    for number in range(options.rounds + 1):
        spent = 0.0
        for client, place in zip(clients, range(0, len(paths), EACH), strict=True):
            records = [client.ask(path) for path in paths[place : place + EACH]]
            client.endpoint.incoming = records[::-1]
            connection = client.connection
            start = time.process_time()
            for _ in records:
                connection.ready(1, NOW)
                listener.flush(NOW)
            spent += time.process_time() - start
            client.say()
        if number:  # at first nobody has asked over HTTPS yet
            found.append(1e6 * spent / len(paths))
    print(f"hit over HTTPS, HTTP/2 by {CODEC.value}: {spread(found, '.2f')} CPU µs each")


if __name__ == "__main__":
    main()
