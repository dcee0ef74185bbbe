"""Which of several resolvers a question goes to: all names of a site to the same one, whoever asks, so that it is resolved once.

By the end of the name and not by all of it: what a zone has in common, its keys, its servers, what its proofs deny, and to which
operator it goes (docs/decisions/0008-spread-by-site.md), is then learned and decided by one process
(docs/decisions/0038-more-resolvers.md).
"""

from binascii import crc32

SHARED = frozenset(b"ac co com ed edu go gob gov govt gub ind info ltd me mil ne net nom or org plc sch web".split())
"""Labels below which registries of countries register names, as in `example.co.uk.`."""
ARPA = b"\4arpa\0"
MULTIPLIER = 0x9E37_79B1
"""2³² divided by the golden ratio (Knuth, volume 3, 6.4): CRC-32 tells names apart, but its highest bits follow the letters."""
DEEP = 4
"""Labels of a reverse name that count, so that not all addresses there are belong together: `0.192.in-addr.arpa.`."""


def home_of(name: bytes) -> bytes:
    """The end of a folded wire name that decides: about what was registered, never less of it than that. No list of public
    suffixes: those who route hold none, and nothing but work is lost where two sites fall together."""
    starts, at = [], 0
    while name[at]:
        starts.append(at)
        at += 1 + name[at]
    if len(starts) < 3:
        return name
    kept = 2
    if name.endswith(ARPA):
        kept = DEEP
    elif name[starts[-1]] == 2 and name[starts[-2] + 1 : starts[-1]] in SHARED:
        kept = 3
    return name[starts[-min(kept, len(starts))] :]


def resolver_for(name: bytes, resolvers: int) -> int:
    """Which of so many, from 0 on. The same in every process and in every run: who wants one resolver to have much work needs
    nothing but many names of one site."""
    if resolvers == 1:
        return 0
    return (crc32(home_of(name)) * MULTIPLIER & 0xFFFF_FFFF) * resolvers >> 32
