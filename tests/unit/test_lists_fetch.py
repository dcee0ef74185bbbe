"""Fetching, against a real server over https on loopback: what is taken, what is not, and what is told."""

import asyncio
import ssl
import sys
from collections.abc import Iterator

import pytest
from kit.certificates import authority, identity
from kit.list_server import HOME, ListServer, Page, list_server, zipped

from anchorhold.cells.lists import NoLookups, warm_up
from anchorhold.lists.asking import NoAddress
from anchorhold.lists.fetch import Fetcher, FetchFailed, Given, Patience, Wanted
from anchorhold.lists.urls import is_at_home, read_list_url
from resolver.addresses import is_public

LIST = b"0.0.0.0 ads.example\n" * 10
QUICK = Patience(connect=2.0, idle=0.5, whole=3.0, start=0.2, rate=1_000.0)


@pytest.fixture(scope="module")
def server() -> Iterator[ListServer]:
    with list_server() as one:
        yield one


class Got:
    def __init__(self) -> None:
        self.text = b""
        self.asked: list[str] = []

    def take(self, piece: bytes) -> None:
        self.text += piece

    async def addresses(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if host == "nowhere.example":
            raise NoAddress("nowhere.example has no address (NXDOMAIN)")
        return ("127.0.0.1",)


def fetch(wanted: Wanted, got: Got | None = None, patience: Patience = QUICK) -> tuple[bytes, Given]:
    got = got or Got()
    context = ssl.create_default_context(cadata=authority().pem)
    with asyncio.Runner(loop_factory=NoLookups) as runner:
        given = runner.run(Fetcher(lambda: context, got.addresses, patience).fetch(wanted, got.take))
    return got.text, given


def at_home(server: ListServer, path: str, page: Page, most: int = 10_000) -> Wanted:
    server.pages[path] = page
    return Wanted(server.url(path, HOME), most, private=True)


def test_a_list_comes_whole_and_with_what_the_server_says_of_it(server: ListServer) -> None:
    page = Page(LIST, etag='"7"', headers={"Last-Modified": "Fri, 27 Nov 2026 00:00:00 GMT"})
    text, given = fetch(at_home(server, "/good", page))
    assert (LIST, Given(False, '"7"', "Fri, 27 Nov 2026 00:00:00 GMT")) == (text, given)


def test_what_we_have_is_not_sent_again(server: ListServer) -> None:
    wanted = at_home(server, "/same", Page(LIST, etag='"7"'))
    text, given = fetch(Wanted(wanted.url, wanted.most, True, etag='"7"'))
    assert (b"", True) == (text, given.unchanged)


def test_nothing_is_told_but_the_address_and_what_we_have(server: ListServer) -> None:
    server.asked.clear()
    fetch(at_home(server, "/told?x=1", Page(LIST, headers={"Set-Cookie": "a=b"})))
    fetch(at_home(server, "/told?x=1", Page(LIST)))
    for _, headers in server.asked:
        assert {
            "host": f"{HOME}:{server.port}",
            "user-agent": "Mozilla/5.0 (compatible; list fetcher)",
            "accept": "*/*",
            "accept-encoding": "gzip",
            "connection": "close",
        } == headers


def test_gzip_is_unpacked_up_to_the_bound(server: ListServer) -> None:
    assert LIST == fetch(at_home(server, "/gzip", zipped(LIST)))[0]
    with pytest.raises(FetchFailed, match="larger than 10000 octets"):
        fetch(at_home(server, "/bomb", zipped(bytes(50_000_000))))


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page(b"x" * 20_000), "larger than 10000"),
        (Page(LIST, claims=len(LIST) + 5), "cut off"),
        (Page(LIST, claims=None), "does not say where it ends"),
        (Page(b"<html>", headers={"Content-Type": "text/html; charset=utf-8"}), "web page"),
        (Page(LIST, headers={"Content-Encoding": "br"}), "not asked for"),
        (Page(b"no gzip", headers={"Content-Encoding": "gzip"}), "damaged"),
        (Page(zipped(LIST).body[:-9], headers={"Content-Encoding": "gzip"}), "ends too early"),
        (Page(b"", 404), "says 404"),
        (Page(b"", 304), "says 304"),
        (Page(b"", 302, {"Location": "http://lists.example/"}), "no https:// address"),
        (Page(b"", 302, {"Location": "https://127.0.0.1/"}), "an address, not a name"),
        (Page(b"", 302, {"Location": "https://2130706433/"}), "no host name"),
        (Page(b"", 302, {"Location": "https://user:word@lists.example/"}), "name and password"),
        (Page(b"", 302, {"Location": "https://elsewhere.example:22/"}), "another port"),
        (Page(b"", 302, {"Location": "/round"}), "more than 5 redirects"),
        (Page(b"", 302, {"Location": "https://[::1"}), "not followed: it is no address"),
        (Page(LIST, pause=0.3), "too slow"),
        (Page(LIST, pause=1.0), "fell silent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_taken(server: ListServer, page: Page, why: str) -> None:
    server.pages["/round"] = Page(b"", 302, {"Location": "/round"})
    with pytest.raises(FetchFailed, match=why):
        fetch(at_home(server, "/bad", page))


def test_a_redirect_to_a_private_address_is_not_followed_by_any_name(server: ListServer) -> None:
    elsewhere = f"https://elsewhere.example:{server.port}/"
    got = Got()
    with pytest.raises(FetchFailed, match=r"elsewhere\.example is at no public address"):
        fetch(at_home(server, "/away", Page(b"", 301, {"Location": elsewhere})), got)
    assert [HOME, "elsewhere.example"] == got.asked


def test_a_name_of_the_internet_does_not_lead_home(server: ListServer) -> None:
    server.asked.clear()
    with pytest.raises(FetchFailed, match="no public address"):
        fetch(Wanted(server.url("/good", "lists.example"), 10_000))
    with pytest.raises(NoAddress):
        fetch(Wanted("https://nowhere.example/", 10_000))
    assert [] == server.asked


def test_relative_redirects_at_home_are_followed(server: ListServer) -> None:
    server.pages["/dir/two"] = Page(LIST)
    text, given = fetch(at_home(server, "/dir/one", Page(b"", 302, {"Location": "two"})))
    assert (LIST, (HOME,)) == (text, given.hosts)


def test_the_server_says_when_it_wants_to_be_asked_again(server: ListServer) -> None:
    with pytest.raises(FetchFailed) as failed:
        fetch(at_home(server, "/busy", Page(b"", 503, {"Retry-After": "120"})))
    assert 120.0 == failed.value.after


def test_a_certificate_for_another_name_or_by_a_stranger_proves_nothing() -> None:
    with list_server("other.example") as other, pytest.raises(FetchFailed, match="does not prove the name"):
        fetch(at_home(other, "/", Page(LIST)))
    assert other.asked == []
    context = ssl.create_default_context(cadata=identity("foreign").certificate.decode())
    with list_server() as one, asyncio.Runner(loop_factory=NoLookups) as runner:
        wanted, got = at_home(one, "/", Page(LIST)), Got()
        with pytest.raises(FetchFailed, match="does not prove the name"):
            runner.run(Fetcher(lambda: context, got.addresses, QUICK).fetch(wanted, got.take))


def test_nothing_is_imported_while_it_fetches(server: ListServer) -> None:
    """In its sandbox the cell reads no file any more."""
    warm_up()
    before = set(sys.modules)
    fetch(at_home(server, "/good", zipped(LIST)))
    with pytest.raises(FetchFailed):
        fetch(at_home(server, "/bad", Page(LIST, pause=0.3)))
    assert set(sys.modules) - before == set()


def test_the_loop_asks_no_system_resolver() -> None:
    async def look() -> None:
        await asyncio.get_running_loop().getaddrinfo("localhost", 443)

    with asyncio.Runner(loop_factory=NoLookups) as runner, pytest.raises(OSError, match="our own resolver"):
        runner.run(look())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.0.2.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.1.1", False),
        ("127.0.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),  # no bind
        ("198.41.0.4", True),
        ("::1", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:198.41.0.4", True),
        ("2002:a00:1::1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::c629:4", True),
        ("::10.0.0.1", False),
        ("fec0::1", False),
        ("64:ff9b:1::1", False),
        ("::ffff:0:10.0.0.1", False),
        ("2a00:1450:1:1:0:5efe:10.0.0.1", False),
        ("2a00:1450:1:1:0:5efe:198.41.0.4", True),
        ("2001:503:ba3e::2:30", True),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert public == is_public(address)


@pytest.mark.parametrize(
    ("host", "home"),
    [
        ("nas", True),
        ("nas.lan", True),
        ("x.home.arpa", True),
        ("192.168.1.2", True),
        ("lan.example", False),
        ("lists.example", False),
    ],
)
def test_what_is_at_home(host: str, home: bool) -> None:
    assert home == is_at_home(host)


def test_a_url_is_taken_apart() -> None:
    assert ("lists.example", 443, "/a?b") == read_list_url("https://Lists.Example./a?b#c")
    assert ("2001:db8::1", 8443, "/") == read_list_url("https://[2001:DB8::1]:8443")
    assert "https://[2001:db8::1]:8443/" == read_list_url("https://[2001:DB8::1]:8443").text()
