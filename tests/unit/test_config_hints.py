"""Root hints: those that come with the program, and those of a file."""

import ipaddress

import pytest
from kit.peers import packaged

from anchorhold.config.errors import Wrong
from anchorhold.config.hints import packaged_hints, read_hints
from resolver.settings import Authority

PEER = "/usr/share/dns/root.hints"


def test_the_packaged_hints_are_thirteen_names_with_an_address_of_each_family() -> None:
    hints = packaged_hints()
    assert [hint.name for hint in hints] == [b"\1%c\x0croot-servers\3net\0" % letter for letter in b"abcdefghijklm"]
    assert {tuple(ipaddress.ip_address(address).version for address in hint.addresses) for hint in hints} == {(4, 6)}
    addresses = {address for hint in hints for address in hint.addresses}
    assert len(addresses) == 26
    assert all(ipaddress.ip_address(address).is_global for address in addresses)


def test_the_packaged_hints_hold_the_newest_addresses_of_b_root() -> None:
    assert packaged_hints()[1].addresses == ("170.247.170.2", "2801:1b8:10::b")


def test_the_packaged_hints_equal_those_of_debian() -> None:
    assert read_hints(packaged(PEER, "dns-root-data")) == packaged_hints()


def test_a_master_file_of_ones_own_is_read_with_comments_and_directives() -> None:
    text = "; mine\n$TTL 60\n. IN NS A.Root.Test.\nA.ROOT.test. A 127.0.0.1 ; here\na.root.test. 5 IN AAAA ::1\n"
    assert read_hints(text) == (Authority(b"\1a\4root\4test\0", ("127.0.0.1", "::1")),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 servers of the root are named"),
        ("a. 1 IN A 192.0.2.1", "0 servers"),
        (". 1 IN NS a.", "a. has no address"),
        (". 1 IN NS a.\na. 1 A 192.0.2.1\nb. 1 A 192.0.2.2", "b. has an address, but no NS record"),
        (". 1 IN NS a.\n. 1 IN MX 5 a.", ". MX is no root hint"),
        ("test. 1 IN NS a.", "test. NS is no root hint"),
        (". IN NS a.", "near line 1: Missing default TTL"),
        (". 1 CH NS a.", "class"),
        ("\n. 1 IN NS a.\na. 1 IN A 192.0.2.300\n", "near line"),
        ("$INCLUDE /etc/passwd\n", "'$INCLUDE' is not allowed"),
        ("$GENERATE 1-4000000000 a$ A 192.0.2.1\n", "'$GENERATE' is not allowed"),
        ("\0", "near line 1"),
        ("\ud800 1 NS a.", "no master file"),
        ("".join(f". 1 NS a{n}.\na{n}. 1 A 192.0.2.1\n" for n in range(65)), "65 servers of the root"),
    ],
)
def test_what_is_no_hint_is_said(text: str, said: str) -> None:
    with pytest.raises(Wrong) as caught:
        read_hints(text)
    assert said in caught.value.what
    assert caught.value.hint.startswith("write NS records of .")
