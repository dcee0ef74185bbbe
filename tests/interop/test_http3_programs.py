"""Programs of HTTP/3 that share no code with ours: Chromium and caddy's reverse proxy as clients and ngtcp2's server, where
`make interop` has installed them."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kit.certificates import NAME, authority, identity
from kit.https import encoded
from kit.peers import House, free_ports, house, open_folder, until
from kit.wayin import serving

from resolver.settings import Served

PATIENCE = 60.0
INSTALLED = Path(sys.executable).parent / "interop"
"""Written by `make interop`: the programs were installed by it."""

QUESTION = "www.harbour.example."
ADDRESS = "192.0.2.7"


def answer(message: bytes) -> bytes:
    query = dns.message.from_wire(message)
    response = dns.message.make_response(query)
    if query.question[0].rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "A", ADDRESS))
    return response.to_wire()


def upstream(folder: Path, url: str, method: str) -> str:
    ca_file = folder / "authority.pem"
    ca_file.write_text(authority().pem)
    return f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{ca_file}", method = "{method}" }}]'


def ask(here: House, name: str) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, "A", use_edns=0), here.address, PATIENCE, here.port)


@contextmanager
def running(command: list[str], **more: object) -> Iterator[subprocess.Popen[bytes]]:
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **nowhere, **more) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


class Backend(http.server.BaseHTTPRequestHandler):
    """DoH over HTTP/1.1, behind caddy."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = answer(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/dns-message")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def backend() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(PATIENCE)


def credentials(folder: Path) -> tuple[Path, Path]:
    chain, key = folder / "chain.pem", folder / "key.pem"
    shown = identity("good")
    chain.write_bytes(shown.certificate)
    key.write_bytes(shown.key)
    return chain, key


if INSTALLED.exists():

    def test_chromium_asks_over_http3() -> None:
        shown = identity("good")
        leaf = x509.load_pem_x509_certificate(shown.certificate)
        spki = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = base64.b64encode(hashlib.sha256(spki).digest()).decode()
        query = dns.message.make_query("www.example", "A", id=0, use_edns=0).to_wire()
        with open_folder() as folder, serving(shown) as way_in:
            place = f"{NAME}:{way_in.ports[Served.H3]}"
            command = [
                *(str(shutil.which("chromium")), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *(f"--user-data-dir={folder}", "--disable-background-networking", "--disable-component-update"),
                *("--enable-quic", f"--origin-to-force-quic-on={place}", f"--log-net-log={folder}/net.json"),
                *(f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND", "--dump-dom"),
                *(f"--ignore-certificate-errors-spki-list={digest}", f"https://{place}/dns-query?dns={encoded(query)}"),
            ]
            before = way_in.state().counters
            with running(command, env={**os.environ, "HOME": str(folder)}):
                until(lambda: way_in.state().counters.get("misses", 0) > before.get("misses", 0), "Chromium's question")
                until(lambda: ":status: 200" in (Path(folder) / "net.json").read_text(), "Chromium's log")
            counters = way_in.state().counters
            seen = (Path(folder) / "net.json").read_text()
        assert counters["quic-handshakes"] == before.get("quic-handshakes", 0) + 1
        assert "content-type: application/dns-message" in seen

    def test_caddy_serves_http3_before_a_doh_server() -> None:
        with open_folder() as folder, backend() as behind:
            chain, key = credentials(Path(folder))
            (port,) = free_ports(1)
            site = {
                "listen": [f"127.0.0.1:{port}"],
                "tls_connection_policies": [{}],
                "automatic_https": {"disable": True},
                "routes": [{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": f"127.0.0.1:{behind}"}]}]}],
            }
            loaded = [{"certificate": str(chain), "key": str(key)}]
            config = {
                "admin": {"disabled": True},
                "apps": {"http": {"servers": {"doh": site}}, "tls": {"certificates": {"load_files": loaded}}},
            }
            (Path(folder) / "caddy.json").write_text(json.dumps(config))
            command = [str(shutil.which("caddy")), "run", "--config", f"{folder}/caddy.json"]
            with running(command, env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}):
                url = f"h3://{NAME}@127.0.0.1:{port}/dns-query"
                with house(folder, upstream(Path(folder), url, "POST"), "127.0.0.1") as here:
                    until(lambda: ask(here, QUESTION).answer, "caddy")
                    answers = [ask(here, f"n{number}.harbour.example.") for number in range(40)]
        assert [[ADDRESS]] * 40 == [[item.to_text() for item in response.answer[0]] for response in answers]

    def test_ngtcp2s_server_is_asked_over_http3() -> None:
        """It serves files: the answer to one question, whatever stands behind the `?`."""
        with open_folder() as folder:
            chain, key = credentials(Path(folder))
            (port,) = free_ports(1)
            site = Path(folder) / "site"
            site.mkdir()
            query = dns.message.make_query(QUESTION, "A", id=0, use_edns=0)
            (site / "answer.dns").write_bytes(answer(query.to_wire()))
            (Path(folder) / "types").write_text("application/dns-message dns\n")
            command = [str(shutil.which("gtlsserver")), "--quiet", f"--htdocs={site}"]
            command += [f"--mime-types-file={folder}/types", "127.0.0.1", str(port), str(key), str(chain)]
            with running(command):
                url = f"h3://{NAME}@127.0.0.1:{port}/answer.dns"
                with house(folder, upstream(Path(folder), url, "GET"), "127.0.0.1") as here:
                    until(lambda: ask(here, QUESTION).answer, "ngtcp2's server")
                    response = ask(here, QUESTION)
                    other = ask(here, "other.harbour.example.")
        assert [ADDRESS] == [item.to_text() for item in response.answer[0]]
        assert other.answer == [], "an answer to another question is none"
