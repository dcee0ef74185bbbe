"""One text that turns out to be no list does not take the others with it."""

from collections.abc import Iterator

import pytest

from anchorhold.lists import workshop
from anchorhold.lists.index import Spared
from anchorhold.lists.workshop import Made, Part, digest_of
from privacy.lists.compile import Item
from privacy.lists.formats import Unusable
from privacy.lists.matcher import ListImage
from wire.dns.names import read_name

TEXTS = {digest_of(text): text for text in (b"bad.example\n", b"good.example\n", b"more.example\n")}


def make(kept: list[bytes]) -> Made:
    parts = [Part(f"list-{place}", digest, "domains") for place, digest in enumerate(TEXTS)]

    def put(image: bytes, digest: str) -> str:
        kept.append(image)
        return ""

    return workshop.make(parts, Spared(), TEXTS.__getitem__, put, lambda told: None)


def test_only_the_list_that_is_none_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    read = workshop.read_items

    def reading(text: bytes, form: str) -> Iterator[Item]:
        yield from read(text, form)
        if text.startswith(b"bad"):
            raise Unusable("more than there may be")

    monkeypatch.setattr(workshop, "read_items", reading)
    kept: list[bytes] = []
    made = make(kept)
    assert ((0, "more than there may be"),) == made.lists["list-0"].reasons
    image = ListImage(kept[-1])
    assert ("list-1", "list-2") == image.names
    found = {name: bool(image.name_hits(read_name(f"{name}.example"), 1)) for name in ("bad", "good", "more")}
    assert {"bad": False, "good": True, "more": True} == found
