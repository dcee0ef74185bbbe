"""[dns64]: prefixes by RFC 6052, clients by name."""

import pytest

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from resolver.settings import Dns64

BASE = """\
[listen]
addresses = ["127.0.0.1:5300"]
[resolve]
mode = "iterate"
[clients.phones]
networks = ["10.0.0.0/24"]
"""


def made(extra: str) -> Dns64 | None:
    return load(BASE + extra, "a.toml").resolver.dns64


def complaint(extra: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(BASE + extra, "a.toml")
    (problem,) = caught.value.problems
    return problem.text("a.toml")


def test_without_the_table_nothing_is_made() -> None:
    assert made("") is None


def test_the_well_known_prefix_is_enough() -> None:
    assert made('[dns64]\nprefixes = ["64:ff9b::/96"]\n') == Dns64(("64:ff9b::/96",))


def test_clients_are_indices_and_ignored_networks_may_be_none() -> None:
    text = '[dns64]\nprefixes = ["64:ff9b::/96"]\nclients = ["phones", "default", "phones"]\nignore = []\n'
    assert made(text) == Dns64(("64:ff9b::/96",), (1, 0), ())


@pytest.mark.parametrize("length", [32, 40, 48, 56, 64, 96])
def test_rfc6052_2_2_a_prefix_has_one_of_six_lengths(length: int) -> None:
    prefix = f"2001:db8::/{length}"
    assert made(f'[dns64]\nprefixes = ["{prefix}"]\n') == Dns64((prefix,))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "a.toml:7: dns64: no prefix, so nothing is made; write 64:ff9b::/96"),
        ('prefixes = ["2001:db8::/50"]', "/50 is no length of a prefix (RFC 6052); one of /32, /40"),
        ('prefixes = ["64:ff9b::"]', "/128 is no length"),
        ('prefixes = ["2001:db8:0:0:1::/96", "64:ff9b:0:0:100::/96"]', "dns64.prefixes[1]: bits 64 to 71"),
        ('prefixes = ["192.0.2.0/24"]', "is no IPv6 network"),
        ('prefixes = ["2001:db8::1/96"]', "write 2001:db8::/96"),
        ('prefixes = ["ff00::/96"]', "no host can be reached below"),
        ('prefixes = ["::/96"]', "no host can be reached below"),
        ('prefixes = ["2001:db8::/32", "2001:db8:1::/96"]', "overlap; drop one of them"),
        ('prefixes = ["64:ff9b::/96"]\nclients = ["phone"]', "did you mean 'phones'?"),
        ('prefixes = ["64:ff9b::/96"]\nignore = ["10.0.0.0/8"]', "dns64.ignore[0]: 10.0.0.0/8 is no IPv6 network"),
        ('prefix = ["64:ff9b::/96"]', "did you mean 'prefixes'?"),
        ('prefixes = "64:ff9b::/96"', "it must be an array"),
    ],
)
def test_what_is_wrong_is_said_with_a_hint(keys: str, said: str) -> None:
    line = complaint(f"[dns64]\n{keys}\n")
    assert said in line, line
