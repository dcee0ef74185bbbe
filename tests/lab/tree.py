"""The lab's name space: a root, its top-level domains, plain zones of every kind; the odd ones are in `lab/cases.py`."""

from lab import blocks
from lab.cases import CASES
from lab.model import Server, Signing, Zone

PAIRS = (("nsd", "knotd"), ("knotd", "named"), ("named", "nsd"))
"""Which programs serve a zone together, by turns."""

ROOT_SERVERS = tuple(
    Server(f"{letter}.root-servers.net.", f"root-{program}")
    for letter, program in zip("abc", ("nsd", "knotd", "named"), strict=True)
)


def _top(name: str, signing: Signing, *programs: str, algorithm: str = "ED25519", records: str = "") -> Zone:
    """A top-level domain whose servers are below itself."""
    servers = tuple(
        Server(f"{letter}.nic.{name}", f"tld-{program}") for letter, program in zip("ab", programs, strict=False)
    )
    extra = f'nic TXT "the registry of {name}"\nwww.nic A 192.0.2.1\n' + records
    return Zone(name, servers, extra, signing=signing, algorithm=algorithm)


def _far_top(name: str, signing: Signing, *programs: str) -> Zone:
    """A top-level domain whose servers have names elsewhere."""
    servers = tuple(Server(f"{name}{program}.gtld-servers.net.", f"tld-{program}") for program in programs)
    return Zone(name, servers, "", signing=signing)


TOPS = (
    Zone(".", ROOT_SERVERS, "", signing=Signing.NSEC, algorithm="RSASHA256"),
    Zone(
        "net.",
        tuple(Server(f"{c}.gtld-servers.net.", f"tld-{p}") for c, p in (("a", "nsd"), ("b", "named"))),
        signing=Signing.NSEC,
    ),
    Zone("root-servers.net.", ROOT_SERVERS),
    Zone("gtld-servers.net.", (Server("a.gtld-servers.net.", "tld-nsd"), Server("b.gtld-servers.net.", "tld-named"))),
    _top("alpha.", Signing.NSEC, "nsd", "knotd", algorithm="ECDSAP256SHA256"),
    _far_top("beta.", Signing.NSEC3, "knotd", "named"),
    _top("gamma.", Signing.NONE, "named", "nsd"),
    _far_top("delta.", Signing.OPT_OUT, "nsd", "knotd"),
    _top("odd.", Signing.NONE, "nsd", "knotd"),
    _top("arpa.", Signing.NSEC, "nsd", "named"),
    Zone(
        "in-addr.arpa.",
        (Server("a.in-addr-servers.arpa.", "tld-nsd"), Server("b.in-addr-servers.arpa.", "tld-knotd")),
        signing=Signing.NSEC,
    ),
    Zone(
        "ip6.arpa.",
        (Server("a.ip6-servers.arpa.", "tld-knotd"), Server("b.ip6-servers.arpa.", "tld-named")),
        signing=Signing.NSEC3,
    ),
    Zone("in-addr-servers.arpa.", (Server("a.in-addr-servers.arpa.", "tld-nsd"),)),
    Zone("ip6-servers.arpa.", (Server("b.ip6-servers.arpa.", "tld-named"), Server("a.ip6-servers.arpa.", "tld-knotd"))),
    Zone(
        "hosting.net.",
        tuple(
            Server(f"dns{n}.hosting.net.", f"site-{program}") for n, program in enumerate(("nsd", "knotd", "named"), 1)
        ),
        "www A 192.0.2.200\n",
    ),
)

FRUIT = (
    *("apple", "banana", "cherry", "date", "elder", "fig", "grape", "hazel", "iris", "juniper", "kiwi", "lemon"),
    *(
        "mango",
        "nectar",
        "olive",
        "papaya",
        "quince",
        "rowan",
        "sorrel",
        "tamarind",
        "ugli",
        "vanilla",
        "walnut",
        "yam",
    ),
)
FULL = 6
"""How many of the plain zones have every block."""

_KINDS = (Signing.NONE, Signing.NSEC, Signing.NSEC3)
_DOMAINS = ("alpha.", "beta.", "gamma.", "delta.")


def _fruit_origin(index: int) -> str:
    return f"{FRUIT[index]}.{_DOMAINS[index % len(_DOMAINS)]}"


def _fruit(index: int) -> Zone:
    """A zone of plain data. Its servers are below itself, below the hoster, or below another plain zone."""
    origin, other = _fruit_origin(index), _fruit_origin((index + 1) % FULL)
    first, second = PAIRS[index % 3]
    match index % 3:
        case 0:
            names = f"ns1.{origin}", f"ns2.{origin}"
        case 1:
            names = f"dns{1 + _PROGRAMS[first]}.hosting.net.", f"dns{1 + _PROGRAMS[second]}.hosting.net."
        case _:
            names = f"ns1.{origin}", f"dns{1 + _PROGRAMS[second]}.hosting.net."
    servers = (Server(names[0], f"site-{first}"), Server(names[1], f"site-{second}"))
    chosen = blocks.ALL if index < FULL else (blocks.PLAIN, *(blocks.ALL[1 + (index + step) % 8] for step in range(2)))
    signing = _KINDS[(index // 2) % 3]
    if signing is Signing.NSEC3 and "nsd" in (first, second):
        signing = Signing.NSEC  # Debian's NSD 4.6 ends while it hashes the names of such a zone
    return Zone(
        origin, servers, blocks.compose(origin, other, index + 10, *chosen), signing=signing, secure=index % 7 != 3
    )


_PROGRAMS = {"nsd": 0, "knotd": 1, "named": 2}
FRUITS = tuple(_fruit(index) for index in range(len(FRUIT)))

TREE: tuple[Zone, ...] = TOPS + FRUITS + CASES
