"""Mutated images of lists, and their parts, through all that reads them: `images.py --cases N --seed S [--record]`.

Every case is an image, or a part of one, with one to four edits as in the run above. What is accepted as an image is then asked
for names and addresses: nothing but Malformed may come of it. A broken promise is a part that does not read back.

The input is a pure function of the seed and the case's number: `--only NUMBER`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.long import Harnesses, main

from privacy.lists.compile import Item, Source, compile_image
from privacy.lists.entry import Entry, Record, Saying, Scope, Trigger
from privacy.lists.image import (
    Detail,
    Facts,
    Pattern,
    build_detail,
    build_facts,
    build_pattern,
    parse_detail,
    parse_facts,
    parse_image,
    parse_patterns,
    parse_prefixes,
)
from privacy.lists.matcher import ListImage
from privacy.lists.patterns import PatternSet

NAME = b"\3www\7example\0"
DETAIL = Detail(0, Trigger.NAME, Saying.RECORDS, Scope.TREE, True, (1, 28), True, (NAME,), (Record(1, bytes(4), 60),))


def entries() -> list[bytes]:
    """A whole image and each of its parts; few, for the suite cuts every one at every octet."""
    items: list[Item] = [
        (1, NAME, Scope.TREE),
        Entry(Trigger.NAME, Saying.RECORDS, 2, NAME, types=(1,), excepted=(NAME,), records=DETAIL.records),
        Entry(Trigger.PATTERN, Saying.BLOCK, 3, pattern="^w+"),
        Entry(Trigger.ADDRESS, Saying.BLOCK, 4, network=(bytes(4), 8)),
        Entry(Trigger.SERVER, Saying.BLOCK, 5, NAME),
    ]
    return [
        compile_image([Source("some", bytes(32), items)]).image,
        build_detail(DETAIL),
        build_facts(Facts("some", bytes(32), 4, 3, 2, 1)),
        build_pattern(Pattern(0, 3, "^w+")),
        b"\x81\4\x08\x82\0\0",
    ]


def feed_image(data: bytes) -> bool:
    """What is accepted as a whole can be asked anything."""
    parse_image(data)
    image = ListImage(data)
    hits = [*image.name_hits(NAME, 1), *image.server_hits(NAME)]
    for address in (bytes(4), bytes(16)):
        hits += [*image.address_hits(address), *image.server_address_hits(address)]
    assert all(hit.list < len(image.names) for hit in hits)
    return bool(hits)


def feed_detail(data: bytes) -> bool:
    """What is accepted goes through `build_detail` and back."""
    detail = parse_detail(data)
    assert detail == parse_detail(build_detail(detail))
    return True


def feed_facts(data: bytes) -> bool:
    assert data == b"".join(map(build_facts, parse_facts(data)))
    return bool(data)


def feed_patterns(data: bytes) -> bool:
    """They are written as they came; those that compile can be asked."""
    patterns = parse_patterns(data)
    assert data == b"".join(map(build_pattern, patterns))
    PatternSet([pattern.text for pattern in patterns]).matches(NAME)
    return bool(data)


def feed_prefixes(data: bytes) -> bool:
    prefixes = list(parse_prefixes(data))
    assert data == b"".join(realm + bytes((size, length)) for realm, size, length in prefixes)
    return bool(data)


HARNESSES: Harnesses = {
    "privacy.lists.image.parse_image": feed_image,
    "privacy.lists.image.parse_detail": feed_detail,
    "privacy.lists.image.parse_facts": feed_facts,
    "privacy.lists.image.parse_patterns": feed_patterns,
    "privacy.lists.image.parse_prefixes": feed_prefixes,
}


if __name__ == "__main__":
    sys.exit(main((__file__, __doc__, "Images of lists"), HARNESSES, entries()))
