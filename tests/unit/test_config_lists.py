"""[lists.NAME]: where lists come from, and what they are used for."""

import os
from base64 import b64encode
from pathlib import Path

import pytest
from kit.configured import MINIMAL

from anchorhold.config.errors import SettingsError
from anchorhold.config.list_sources import FORMATS
from anchorhold.config.load import load
from anchorhold.config.places import read_named_file
from anchorhold.config.request import may_be_read_by_all, read_named
from anchorhold.config.service import Loaded
from anchorhold.lists.settings import ListSource
from privacy.lists import formats
from resolver.policy_settings import ListUse, Refusal, Refusing

KEY = b"Ed" + bytes(range(40))


def loaded(text: str, files: dict[str, bytes] | None = None) -> Loaded:
    def read(path: str) -> bytes:
        return (files or {}).get(path) or read_named_file(path)

    return load(MINIMAL + text, "/etc/a.toml", read_file=read)


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as found:
        loaded(text)
    return str(found.value)


def sources(text: str, files: dict[str, bytes] | None = None) -> tuple[ListSource, ...]:
    lists = loaded(text, files).lists
    assert lists is not None
    return lists.sources


def test_without_lists_there_is_no_cell() -> None:
    assert (None, False, ()) == ((one := loaded("")).lists, one.front.lists, one.resolver.policy.lists)


def test_a_string_is_a_url() -> None:
    one = loaded('[lists]\nads = "https://lists.example/ads.txt"\n')
    assert one.lists is not None
    assert (ListSource("ads", "https://lists.example/ads.txt"),) == one.lists.sources
    assert ((ListUse("ads", redirect=False, source="https://lists.example/ads.txt"),), True) == (
        one.resolver.policy.lists,
        one.front.lists,
    )
    assert one.lists.protected == one.resolver.policy.protected


def test_everything_that_can_be_said() -> None:
    key = b64encode(KEY).decode()
    text = f"""[clients.kids]
networks = ["192.168.1.0/24"]
[schedules.night]
windows = ["daily 21:00-07:00"]
[lists.ads]
url = "https://nas.home.arpa:8443/ads.txt"
format = "adblock"
allow = true
clients = ["kids"]
schedule = "night"
answer = "192.168.1.2, fd00::2"
refresh = "6h"
max_size = "8 MiB"
fuse = 0.2
public_key = "{key}"
[lists.mine]
file = "mine.txt"
"""
    one = loaded(text, {"/etc/mine.txt": b"a.example\n"})
    assert one.lists is not None
    url = "https://nas.home.arpa:8443/ads.txt"
    ads, mine = one.lists.sources
    assert ListSource("ads", url, True, b"", "adblock", 21_600, 8 * 1024**2, KEY, f"{url}.minisig", 0.2) == ads
    assert ("", b"a.example\n") == (mine.url, mine.text)
    address = Refusal(Refusing.ADDRESS, (bytes((192, 168, 1, 2)), b"\xfd" + bytes(14) + b"\2"))
    assert ListUse("ads", (1,), True, 0, address, source=url) == one.resolver.policy.lists[0]
    assert "mine.txt" == one.resolver.policy.lists[1].source


def test_records_of_a_list_from_elsewhere_are_given_out_only_if_that_is_said() -> None:
    text = "".join(
        f"[lists.{name}]\n{where}\n{said}\n"
        for name, where, said in (
            ("a", 'url = "https://a.example/"', ""),
            ("b", 'url = "https://a.example/"', "redirect = true"),
            ("c", 'file = "mine.txt"', ""),
            ("d", 'file = "mine.txt"', "redirect = false"),
        )
    )
    one = loaded(text, {"/etc/mine.txt": b"a.example\n"})
    assert [use.redirect for use in one.resolver.policy.lists] == [False, True, True, False]


def test_names_in_local_zones_are_at_home() -> None:
    zone = '[[local]]\nzone = "corp.example"\nrecords = ["nas A 192.168.1.2"]\n[lists]\n'
    found = sources(zone + 'a = "https://nas.corp.example/"\nb = "https://lists.example/"\nc = "https://[fd00::1]/"\n')
    assert [True, False, True] == [one.private for one in found]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("", "neither url nor file"),
        ('url = "https://a.example/"\nfile = "x"', "both url and file"),
        ('url = "http://a.example/"', "https only"),
        ('url = "https://user:word@a.example/"', "a name and password"),
        ('url = "https://a.example:0/"', "no port"),
        ('url = "https://2130706433/"', "no host name"),
        ('url = "https://bücher.example/"', "in ASCII"),
        ('file = "gone.txt"', "No such file"),
        ('url = "https://a.example/"\nformat = "hots"', "did you mean 'hosts'"),
        ('url = "https://a.example/"\nclients = ["kids"]', "no client group 'kids'"),
        ('url = "https://a.example/"\nschedule = "night"', "no schedule 'night'"),
        ('url = "https://a.example/"\nanswer = "nothing"', "is no answer"),
        ('url = "https://a.example/"\npublic_key = "RWQ"', "no public key of minisign"),
        ('url = "https://a.example/"\nsignature = "https://a.example/s"', "a signature without a key"),
        ('url = "https://a.example/"\nrefresh = 60', "refresh"),
    ],
)
def test_what_is_wrong_is_said(table: str, why: str) -> None:
    assert why in refused(f"[lists.ads]\n{table}\n")


def test_only_what_everybody_may_read_is_read_with_our_rights(tmp_path: Path) -> None:
    open_to_all = tmp_path / "list.txt"
    open_to_all.write_text("a.example\n")
    descriptor = os.open(open_to_all, os.O_RDONLY)
    try:
        # pytest's own directories are private.
        assert may_be_read_by_all(str(open_to_all), descriptor) is (os.geteuid() != 0)
    finally:
        os.close(descriptor)
    public = Path(__file__)
    if all(place.stat().st_mode & 0o001 for place in public.resolve().parents) and public.stat().st_mode & 0o004:
        assert read_named(str(public)) == public.read_bytes()


def test_the_formats_are_those_that_there_are() -> None:
    assert (formats.AUTO, *formats.FORMATS) == FORMATS
