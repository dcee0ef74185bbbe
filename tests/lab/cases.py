"""Zones that are each about one thing: odd delegations, odd servers, odd contents. Their notes name it."""

from lab.model import Glue, Server, Signing, Zone
from lab.plan import ODDITIES

GOOD = "apple.alpha."
"""Where aliases of the cases lead to."""


def _servers(origin: str, *hosts: str, families: str = "46") -> tuple[Server, ...]:
    """`ns1`, `ns2`, … below the zone itself."""
    return tuple(Server(f"ns{n}.{origin}", host, families) for n, host in enumerate(hosts, 1))


def _small(number: int) -> str:
    return (
        f"@ A 192.0.2.{number}\n@ MX 10 mail\nwww A 192.0.2.{number}\nwww AAAA 2001:db8:{number}::1\n"
        f'mail A 192.0.2.25\na.b.c TXT "three"\n*.wild A 192.0.2.{number}\nabroad CNAME www.{GOOD}\n'
    )


def _case(origin: str, servers: tuple[Server, ...], note: str, **more: object) -> Zone:
    number = 100 + sum(origin.encode()) % 100
    return Zone(origin, servers, _small(number) + str(more.pop("records", "")), notes=(note,), **more)  # type: ignore[arg-type]


GLUELESS = (
    _case("glueless.alpha.", (Server("dns1.hosting.net.", "site-nsd"),), "glueless"),
    _case("glueless2.alpha.", (Server("ns1.glueless3.beta.", "site-knotd"),), "glueless twice"),
    _case(
        "glueless3.beta.",
        (Server("dns3.hosting.net.", "site-named"), Server("dns1.hosting.net.", "site-nsd")),
        "glueless",
    ),
    _case("glueless4.gamma.", (Server("ns1.glueless5.delta.", "site-named"),), "glueless three times"),
    _case("glueless5.delta.", (Server("ns1.glueless2.alpha.", "site-nsd"),), "glueless"),
    _case("sibling.beta.", (Server("ns1.sibling2.beta.", "site-nsd"),), "sibling glue"),
    _case("sibling2.beta.", _servers("sibling2.beta.", "site-nsd", "site-knotd"), "in-bailiwick"),
    _case("cousin.gamma.", (Server("ns1.cousin2.gamma.", "site-knotd"),), "sibling without glue", glue=Glue.OWN),
    _case("cousin2.gamma.", _servers("cousin2.gamma.", "site-knotd"), "in-bailiwick"),
    _case("mutual1.gamma.", (Server("ns.mutual2.gamma.", "site-nsd"),), "mutual with sibling glue"),
    _case("mutual2.gamma.", (Server("ns.mutual1.gamma.", "site-nsd"),), "mutual with sibling glue"),
    _case("cycle1.alpha.", (Server("ns.cycle2.alpha.", "site-nsd"),), "cycle without glue", glue=Glue.NONE),
    _case("cycle2.alpha.", (Server("ns.cycle1.alpha.", "site-nsd"),), "cycle without glue", glue=Glue.NONE),
    _case("own-noglue.alpha.", _servers("own-noglue.alpha.", "site-nsd"), "in-bailiwick without glue", glue=Glue.NONE),
    _case(
        "half-cycle1.beta.",
        (Server("ns.half-cycle2.beta.", "site-nsd"), Server("dns2.hosting.net.", "site-knotd")),
        "cycle with a way out",
        glue=Glue.NONE,
    ),
    _case("half-cycle2.beta.", (Server("ns.half-cycle1.beta.", "site-nsd"),), "cycle with a way out", glue=Glue.NONE),
    _case("noaddr.alpha.", (Server("nowhere.hosting.net.", ""),), "server without address", hosts=("site-nsd",)),
    _case(
        "half-noaddr.alpha.",
        (Server("nowhere2.hosting.net.", ""), Server("dns1.hosting.net.", "site-nsd")),
        "one server without address",
    ),
    _case("nozone-ns.delta.", (Server("ns.not-registered.alpha.", ""),), "server in no zone", hosts=("site-nsd",)),
    _case(
        "alias-ns.gamma.",
        (Server("aliased.hosting.net.", "site-nsd", alias="dns1.hosting.net."),),
        "server name is an alias",
    ),
    _case(
        "half-alias-ns.gamma.",
        (
            Server("aliased.hosting.net.", "site-nsd", alias="dns1.hosting.net."),
            Server("dns2.hosting.net.", "site-knotd"),
        ),
        "one server name is an alias",
    ),
)

FAMILIES = (
    _case("only4.alpha.", _servers("only4.alpha.", "site-nsd", families="4"), "servers with IPv4 only"),
    _case("only6.alpha.", _servers("only6.alpha.", "site-knotd", families="6"), "servers with IPv6 only"),
    _case("only6.beta.", _servers("only6.beta.", "site-named", "site-nsd", families="6"), "servers with IPv6 only"),
    _case(
        "four-and-six.gamma.",
        (Server("ns4.four-and-six.gamma.", "site-nsd", "4"), Server("ns6.four-and-six.gamma.", "site-knotd", "6")),
        "one server with IPv4, one with IPv6",
    ),
    _case(
        "only6-glueless.delta.", (Server("ns1.only6.alpha.", "site-knotd", "6"),), "glueless, servers with IPv6 only"
    ),
)

_DIFFERS = _servers("differs.alpha.", "site-nsd", "site-knotd")
DIFFERENCES = (
    _case("differs.alpha.", _DIFFERS, "child has one server more", parent=_DIFFERS[:1]),
    _case(
        "differs2.beta.",
        _servers("differs2.beta.", "site-knotd"),
        "parent and child name different servers",
        parent=(Server("old.differs2.beta.", "site-nsd"),),
        hosts=("site-nsd", "site-knotd"),
    ),
    _case(
        "differs3.gamma.",
        (Server("dns2.hosting.net.", "site-knotd"),),
        "parent names a lame server too",
        parent=(Server("dns2.hosting.net.", "site-knotd"), Server("gone.differs3.gamma.", "refuses")),
        hosts=("site-knotd",),
    ),
    _case(
        "differs4.delta.",
        _servers("differs4.delta.", "refuses", "silent"),
        "only the parent names servers that work",
        parent=(Server("dns1.hosting.net.", "site-nsd"),),
        hosts=("site-nsd",),
    ),
    _case(
        "stale-glue.alpha.",
        _servers("stale-glue.alpha.", "site-nsd"),
        "glue differs from the child's address",
        stale_glue=(Server("ns1.stale-glue.alpha.", "site-knotd"),),
        hosts=("site-nsd", "site-knotd"),
    ),
    _case(
        "dead-glue.alpha.",
        _servers("dead-glue.alpha.", "site-nsd", "site-knotd"),
        "glue of one server leads nowhere",
        stale_glue=(Server("ns1.dead-glue.alpha.", "vanished"),),
        hosts=("site-nsd", "site-knotd"),
    ),
)


def _deep(origin: str, hosts: tuple[str, ...], signing: Signing) -> tuple[Zone, ...]:
    """Zones below each other, one label each, on the given hosts by turns."""
    found = []
    for level, host in enumerate(hosts):
        found.append(
            Zone(
                origin,
                _servers(origin, host),
                _small(40 + level),
                signing=signing,
                notes=("cuts below cuts", f"level {level}"),
            )
        )
        origin = f"d{level + 1}.{origin}"
    return tuple(found)


CUTS = (
    *_deep("deep.alpha.", ("site-nsd", "sub-knotd", "site-knotd", "sub-nsd", "site-named"), Signing.NSEC),
    *_deep("same.beta.", ("site-nsd", "site-nsd", "site-nsd", "site-nsd"), Signing.NONE),
    *_deep("same.gamma.", ("site-named", "site-named", "site-named"), Signing.NONE),
    *_deep("same.delta.", ("site-knotd", "site-knotd", "site-knotd"), Signing.NSEC3),
    *_deep("skip.alpha.", ("site-nsd", "site-nsd", "sub-nsd", "sub-nsd"), Signing.NSEC),
    _case(
        "entcut.beta.", _servers("entcut.beta.", "site-knotd"), "cut below empty non-terminals", signing=Signing.NSEC3
    ),
    _case("x.y.z.entcut.beta.", _servers("x.y.z.entcut.beta.", "sub-nsd"), "cut below empty non-terminals"),
    _case(
        "tld-hosted.gamma.",
        (Server("a.nic.gamma.", "tld-named"), Server("b.nic.gamma.", "tld-nsd")),
        "child on the parent's servers",
    ),
    _case(
        "signed-here.gamma.",
        (Server("a.nic.gamma.", "tld-named"),),
        "child on the parent's servers",
        signing=Signing.NSEC,
    ),
    _case("insecure.d1.deep.alpha.", _servers("insecure.d1.deep.alpha.", "sub-nsd"), "unsigned below signed"),
    _case("optout-child.delta.", _servers("optout-child.delta.", "site-nsd"), "unsigned below opt-out"),
)

CONTENTS = (
    Zone(
        "apexwild.alpha.",
        _servers("apexwild.alpha.", "site-nsd"),
        "* A 192.0.2.70\n* TXT w\n@ A 192.0.2.71\na.b A 192.0.2.72\n",
        signing=Signing.NSEC,
        notes=("wildcard at the apex",),
    ),
    Zone(
        "apexwild.beta.",
        _servers("apexwild.beta.", "site-knotd"),
        "* CNAME @\n@ A 192.0.2.73\na.b A 192.0.2.74\n",
        signing=Signing.NSEC3,
        notes=("wildcard at the apex",),
    ),
    Zone(
        "apexwild.gamma.",
        _servers("apexwild.gamma.", "site-named"),
        "* MX 5 @\n@ A 192.0.2.75\n",
        notes=("wildcard at the apex",),
    ),
    Zone(
        "apexdname.alpha.",
        _servers("ns.hoster2.alpha.", "site-nsd"),
        "@ DNAME wild.apple.alpha.\n@ TXT apex\n",
        notes=("DNAME at the apex",),
    ),
    Zone(
        "apexdname.beta.",
        _servers("ns.hoster2.alpha.", "site-nsd"),
        "@ DNAME apexdname.alpha.\n",
        signing=Signing.NSEC,
        notes=("DNAME at the apex",),
    ),
    Zone("hoster2.alpha.", _servers("ns.hoster2.alpha.", "site-nsd"), "", notes=("hoster",)),
    Zone("empty.gamma.", (Server("dns1.hosting.net.", "site-nsd"),), "", notes=("nothing but an apex",)),
    *(
        Zone(
            f"chain{n}.{top}",
            (Server(f"dns{1 + n % 3}.hosting.net.", ("site-nsd", "site-knotd", "site-named")[n % 3]),),
            f"next CNAME next.chain{n + 1}.{('alpha.', 'beta.', 'gamma.')[(n + 1) % 3]}\n"
            if n < 9
            else "next A 192.0.2.99\n",
            signing=(Signing.NONE, Signing.NSEC)[n % 2],
            notes=("a long chain of aliases through zones",),
        )
        for n in range(10)
        for top in (("alpha.", "beta.", "gamma.")[n % 3],)
    ),
    Zone(
        "2.0.45.in-addr.arpa.",
        (Server("dns1.hosting.net.", "site-nsd"), Server("dns2.hosting.net.", "site-knotd")),
        "1 PTR www.apple.alpha.\n2 PTR mail.apple.alpha.\n2 PTR www.banana.beta.\n40 CNAME 40.32-63\n41 CNAME 41.32-63\n",
        signing=Signing.NSEC,
        notes=("reverse tree",),
    ),
    Zone(
        "32-63.2.0.45.in-addr.arpa.",
        (Server("dns3.hosting.net.", "site-named"),),
        "40 PTR host40.cherry.gamma.\n",
        notes=("reverse tree, RFC 2317",),
    ),
    Zone(
        "0.0.0.0.8.b.d.0.6.2.ip6.arpa.",
        (Server("dns2.hosting.net.", "site-knotd"),),
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR www.apple.alpha.\n"
        "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR www.banana.beta.\n",
        signing=Signing.NSEC3,
        notes=("reverse tree",),
    ),
    Zone(
        "expired.alpha.",
        _servers("expired.alpha.", "site-nsd"),
        _small(81),
        signing=Signing.NSEC,
        expired=True,
        notes=("expired signatures",),
    ),
)

LAME = (
    *tuple(
        zone
        for n, oddity in enumerate(ODDITIES)
        for zone in (
            _case(f"{oddity}.odd.", _servers(f"{oddity}.odd.", oddity), oddity),
            _case(
                f"half-{oddity}.odd.",
                (
                    Server(f"ns1.half-{oddity}.odd.", oddity),
                    Server(f"ns2.half-{oddity}.odd.", f"site-{('nsd', 'knotd', 'named')[n % 3]}"),
                ),
                f"one of two: {oddity}",
            ),
        )
    ),
    _case("vanished.odd.", _servers("vanished.odd.", "vanished"), "nobody there", hosts=()),
    _case(
        "half-vanished.odd.",
        _servers("half-vanished.odd.", "vanished", "site-nsd"),
        "one of two: nobody there",
        hosts=("site-nsd",),
    ),
    _case(
        "lame-nsd.odd.", _servers("lame-nsd.odd.", "site-nsd"), "a real server that does not have the zone", hosts=()
    ),
    _case(
        "lame-knot.odd.",
        _servers("lame-knot.odd.", "site-knotd"),
        "a real server that does not have the zone",
        hosts=(),
    ),
    _case(
        "lame-bind.odd.",
        _servers("lame-bind.odd.", "site-named"),
        "a real server that does not have the zone",
        hosts=(),
    ),
    _case(
        "half-lame-bind.odd.",
        _servers("half-lame-bind.odd.", "site-named", "site-knotd"),
        "one of two lacks the zone",
        hosts=("site-knotd",),
    ),
    _case(
        "all-lame.odd.",
        _servers("all-lame.odd.", "site-named", "refuses", "fails", "vanished"),
        "all of four are lame",
        hosts=(),
    ),
)

CASES: tuple[Zone, ...] = GLUELESS + FAMILIES + DIFFERENCES + CUTS + CONTENTS + LAME
