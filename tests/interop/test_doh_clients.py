"""curl, kdig and dnsperf as clients of DoH over HTTP/2: at the real listener with a resolver that is played, and at the whole
service."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from kit.certificates import NAME, authority, identity
from kit.https import DNS_MESSAGE, encoded
from kit.peers import free_ports, house, listens, open_folder, peer, until
from kit.wayin import serving

from resolver.settings import Served

PATIENCE = 60.0
QUERY = dns.message.make_query("www.localhost", "A", id=0).to_wire()

pytestmark = pytest.mark.peer("curl, kdig, dnsperf")


@dataclass(frozen=True)
class Site:
    port: int
    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    def run(self, program: str, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            [peer(program), *arguments], input=stdin, capture_output=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    def curl(self, target: str, *arguments: str, body: bytes | None = None) -> "Said":
        """One request; the body of its response is in a file."""
        (self.folder / "response").unlink(missing_ok=True)
        command = ["--http2", "--silent", "--show-error", "--cacert", str(self.authority)]
        command += ["--resolve", f"{NAME}:{self.port}:127.0.0.1", "--output", str(self.folder / "response")]
        command += ["--write-out", '{"code":%{http_code},"version":"%{http_version}","headers":%{header_json}}']
        if body is not None:
            command += ["--data-binary", "@-", "--header", f"content-type: {DNS_MESSAGE}"]
        said = json.loads(
            self.run("curl", *command, *arguments, f"https://{NAME}:{self.port}{target}", stdin=body or b"")
        )
        assert said["version"] == "2"
        headers = {name: ", ".join(values) for name, values in said["headers"].items()}
        return Said(said["code"], headers, (self.folder / "response").read_bytes())

    def kdig(self, *arguments: str) -> str:
        tls = ["+tls-ca=" + str(self.authority), f"+tls-hostname={NAME}", "+retry=0", "+time=30"]
        return self.run("kdig", "@127.0.0.1", "-p", str(self.port), *tls, *arguments, "www.localhost", "A")


@dataclass(frozen=True)
class Said:
    code: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def listener(folder: Path) -> Iterator[Site]:
    with serving(identity("good"), identities=(("tablet", 1),)) as way_in:
        yield Site(way_in.ports[Served.HTTPS], folder)


@contextmanager
def service(folder: Path) -> Iterator[Site]:
    who = identity("good")
    (folder / "chain.pem").write_bytes(who.certificate)
    (folder / "key.pem").write_bytes(who.key)
    (folder / "key.pem").chmod(0o600)
    nobody, port = free_ports(2)
    more = f"""\
[upstreams.default]
profile = "opportunistic"
servers = ["udp://127.0.0.1:{nobody}"]
[limits]
rate = 0
[clients.kids]
networks = ["127.0.0.64/26"]
[secure]
listen = ["https://127.0.0.1:{port}"]
name = "{NAME}"
certificate = "files"
chain = "{folder}/chain.pem"
key = "{folder}/key.pem"
[secure.clients]
tablet = "kids"
"""
    with house(folder, more):
        until(lambda: listens(port), "the listener")
        yield Site(port, folder)


@pytest.fixture(scope="module", params=[listener, service], ids=["listener", "service"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with open_folder() as folder, request.param(folder) as site:
        (folder / "authority.pem").write_text(authority().pem)
        yield site


def test_curl_gets_an_answer_to_a_post_with_the_headers_of_the_standard(site: Site) -> None:
    said = site.curl("/dns-query", body=QUERY)
    assert dns.message.from_wire(QUERY).is_response(dns.message.from_wire(said.body))
    assert (200, DNS_MESSAGE, str(len(said.body))) == (
        said.code,
        said.headers["content-type"],
        said.headers["content-length"],
    )
    assert re.fullmatch(r"private, max-age=\d+", said.headers["cache-control"])


def test_curl_gets_the_same_answer_to_a_get(site: Site) -> None:
    said = site.curl(f"/dns-query?dns={encoded(QUERY)}", "--header", f"accept: {DNS_MESSAGE}")
    assert (200, dns.rcode.NOERROR) == (said.code, dns.message.from_wire(said.body).rcode())


@pytest.mark.parametrize(
    ("code", "target", "arguments"),
    [
        (400, "/dns-query", ()),
        (400, "/dns-query?dns=AAAA", ()),
        (404, "/", ()),
        (404, "/dns-query/phone", ()),
        (405, "/dns-query", ("--request", "DELETE")),
        (405, "/dns-query", ("--head",)),
        (406, f"/dns-query?dns={encoded(QUERY)}", ("--header", "accept: text/html")),
        (415, "/dns-query", ("--data", "q=1")),
    ],
)
def test_curl_is_told_what_was_wrong(site: Site, code: int, target: str, arguments: tuple[str, ...]) -> None:
    said = site.curl(target, *arguments)
    assert (code, "no-store") == (said.code, said.headers["cache-control"])
    assert "--head" in arguments or 8 < len(said.body) < 100


@pytest.mark.parametrize(("length", "code"), [(65_535, 400), (65_536, 413), (2_000_000, 413)])
def test_curl_may_send_65535_octets_and_no_more(site: Site, length: int, code: int) -> None:
    assert code == site.curl("/dns-query", body=bytes(length)).code


def test_curl_reaches_its_group_by_a_label(site: Site) -> None:
    assert 200 == site.curl("/dns-query/tablet", body=QUERY).code


def test_curl_that_knows_only_http_1_is_not_let_in(site: Site) -> None:
    command = [peer("curl"), "--http1.1", "--silent", "--cacert", str(site.authority)]
    command += ["--resolve", f"{NAME}:{site.port}:127.0.0.1", f"https://{NAME}:{site.port}/dns-query"]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert (35, b"") == (done.returncode, done.stdout)


@pytest.mark.parametrize("way", ["+https", "+https-get"])
def test_kdig_resolves_over_https_and_its_answer_is_padded(site: Site, way: str) -> None:
    said = site.kdig("+https", way, "+edns")
    assert "status: NOERROR" in said
    assert re.search(r"www\.localhost\.\s+\d+\s+IN\s+A\s", said)
    assert "PADDING" in said.upper()
    assert ("HTTP/2-GET" if way == "+https-get" else "HTTP/2-POST") in said


def test_kdig_that_trusts_others_only_gets_no_answer(site: Site) -> None:
    (site.folder / "other.pem").write_bytes(identity("self-signed").certificate)
    command = [peer("kdig"), "@127.0.0.1", "-p", str(site.port), "+https", f"+tls-ca={site.folder / 'other.pem'}"]
    command += [f"+tls-hostname={NAME}", "+retry=0", "www.localhost"]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False, text=True)
    assert "NOERROR" not in done.stdout


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_dnsperf_loses_nothing_over_many_streams(site: Site, method: str) -> None:
    names = site.folder / "names"
    names.write_text("".join(f"host{number}.localhost A\n" for number in range(200)))
    said = site.run(
        *("dnsperf", "-m", "doh", "-s", "127.0.0.1", "-p", str(site.port), "-d", str(names), "-n", "10", "-t", "30"),
        *("-c", "4", "-q", "80", "-O", f"doh-method={method}", "-O", f"doh-uri=https://{NAME}/dns-query"),
    )
    assert re.search(r"Queries completed:\s+2000 \(100\.00%\)", said), said
    assert re.search(r"NOERROR 2000 \(100\.00%\)", said), said
