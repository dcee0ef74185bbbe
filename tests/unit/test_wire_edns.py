import pytest

from wire.dns.codes import EdnsOption
from wire.dns.edns import MAX_OPTIONS, Edns, build_opt, parse_opt, parse_options
from wire.errors import Malformed


def test_options_are_read_in_order_and_with_repeats() -> None:
    assert ((10, b"ab"), (12, b""), (10, b"c")) == parse_options(b"\0\x0a\0\2ab\0\x0c\0\0\0\x0a\0\1c")


def test_no_options_are_no_options() -> None:
    assert () == parse_options(b"")


@pytest.mark.parametrize("data", [b"\0", b"\0\x0a\0", b"\0\x0a\0\1", b"\0\x0a\xff\xffab", b"\0\x0a\0\0\0"])
def test_options_that_are_cut_off_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="cut off"):
        parse_options(data)


def test_a_hundred_options_are_the_most() -> None:
    assert MAX_OPTIONS == len(parse_options(bytes(4 * MAX_OPTIONS)))
    with pytest.raises(Malformed, match="too many"):
        parse_options(bytes(4 * MAX_OPTIONS + 4))


def test_the_ttl_field_holds_code_version_and_flags() -> None:
    assert Edns(4096, 1, 2, True, ((3, b""),)) == parse_opt(4096, 0x0102_FFFF, b"\0\3\0\0")
    assert not parse_opt(512, 0x0102_7FFF, b"").do


def test_the_first_option_of_a_code_counts() -> None:
    edns = Edns(1232, 0, 0, False, ((12, b""), (10, b"one"), (10, b"two")))
    assert b"one" == edns.option(EdnsOption.COOKIE)
    assert b"" == edns.option(EdnsOption.PADDING)
    assert edns.option(EdnsOption.NSID) is None


def test_an_opt_is_built_octet_by_octet() -> None:
    assert bytes.fromhex("00 0029 04d0 00 00 8000 0000") == build_opt(1232, True, [])
    assert bytes.fromhex("00 0029 04d0 01 00 0000 0006 000f 0002 0012") == build_opt(1232, False, [(15, b"\0\x12")], 1)
