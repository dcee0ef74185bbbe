"""What devices are handed out, as their own parsers read it."""

import plistlib
import re
import uuid
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from cryptography import x509

from anchorhold.certificates.authority import fingerprint_of, make_authority, new_key
from anchorhold.certificates.handout import NOTHING_TO_TRUST, Served, files_for, page, profile
from anchorhold.certificates.subjects import read_subjects
from wire.units import Epoch

AUTHORITY = make_authority(new_key(), read_subjects(["dns.home.arpa"], ["192.168.1.1"]), Epoch(1_795_000_000))
OURS = Served(
    "dns.home.arpa", ("192.168.1.1",), 853, "https://dns.home.arpa/dns-query", AUTHORITY, "http://192.168.1.1/<b>&/"
)
PUBLIC = Served("dns.example", (), 853, "https://dns.example/dns-query")


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.found |= {value for name, value in attrs if name == "href" and value}
        if tag in ("script", "link", "img", "iframe") or "src" in values:
            self.foreign.append(tag)


@pytest.mark.parametrize(
    "served", [OURS, PUBLIC, Served("a.b", ("fd00::1",), 0, "https://a.b:8443/x"), Served("a.b", (), 8530)]
)
def test_the_page_is_one_file_and_all_it_leads_to_is_there(served: Served) -> None:
    files, links = files_for(served), Links()
    links.feed(files["index.html"].decode())
    assert links.found <= set(files)
    assert links.foreign == []
    assert "{" not in re.sub(r"<style>.*?</style>", "", page(served), flags=re.DOTALL)


def test_the_page_shows_fingerprint_and_limits_of_the_authority_and_escapes_what_it_is_told() -> None:
    text = page(OURS)
    assert fingerprint_of(AUTHORITY) in text
    assert "dns.home.arpa, 192.168.0.0/16" in text
    assert "<b>&/" not in text.replace("<b>Compare", "")
    assert "http://192.168.1.1/&lt;b&gt;&amp;/" in text


def test_without_an_authority_of_our_own_there_is_nothing_to_trust() -> None:
    files = files_for(PUBLIC)
    assert "authority.crt" not in files
    assert NOTHING_TO_TRUST in files["index.html"].decode()
    payloads = plistlib.loads(files["anchorhold-tls.mobileconfig"])["PayloadContent"]
    assert [one["PayloadType"] for one in payloads] == ["com.apple.dnsSettings.managed"]


def test_android_is_told_the_truth_about_private_authorities() -> None:
    assert "Private DNS does not look at authorities that people add" in page(OURS)
    assert "Private DNS provider hostname: <code>dns.example</code>" in page(PUBLIC)
    assert "Android" not in page(Served("a.b", (), 8530, "", AUTHORITY))


@pytest.mark.parametrize(
    ("protocol", "key", "value"), [("TLS", "ServerName", "dns.home.arpa"), ("HTTPS", "ServerURL", OURS.https_url)]
)
def test_a_profile_holds_the_authority_and_the_settings(protocol: str, key: str, value: str) -> None:
    whole = plistlib.loads(profile(OURS, protocol))
    root, settings = whole["PayloadContent"]
    assert (whole["PayloadType"], root["PayloadType"]) == ("Configuration", "com.apple.security.root")
    assert x509.load_der_x509_certificate(root["PayloadContent"]) == AUTHORITY
    assert settings["DNSSettings"] == {"DNSProtocol": protocol, "ServerAddresses": ["192.168.1.1"], key: value}
    numbers = [one["PayloadUUID"] for one in (whole, root, settings)]
    assert len({uuid.UUID(one) for one in numbers}) == 3
    assert profile(OURS, protocol) == profile(OURS, protocol)


def test_the_codes_are_drawings_of_their_own() -> None:
    files = files_for(OURS)
    for name in ("page.svg", "https.svg"):
        assert ElementTree.fromstring(files[name].decode()).tag == "{http://www.w3.org/2000/svg}svg"
    assert files["page.svg"] != files["https.svg"]
    assert b"PRIVATE" not in b"".join(files.values())
