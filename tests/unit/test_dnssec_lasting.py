"""What one lie leaves behind: nothing that was not signed is remembered longer than a moment."""

from dataclasses import replace

from kit.internet import Internet
from kit.signed import sign
from kit.signing import Signer
from kit.toytree import Tree
from kit.world import play

from resolver.cache.rrsets import Failed
from resolver.dnssec.security import Security
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Negative
from wire.dns.names import read_name

ROOT, TLD, CHILD = "192.0.2.1", "192.0.2.2", "192.0.2.4"
A = 1


def tree_with(records: str, child: str, *, signed: bool) -> Tree:
    """The root, `example.` with `records`, and one zone below it."""
    tree = Tree()
    net: Internet = tree.internet
    net.serve(".", {"a.root.": ROOT})
    net.serve("example.", {"ns.example.": TLD}, records)
    net.serve(child, {f"ns.{child}": CHILD}, "www A 192.0.2.80\nftp A 192.0.2.81")
    if signed:
        sign(net, child, Signer(child))
    for origin in ("example.", "."):
        tree.signed[origin] = sign(net, origin, Signer(origin))
    tree.start()
    return tree


def test_a_code_that_nobody_signed_denies_no_names_below() -> None:
    """NXDOMAIN with the proof that the name does exist, with names below it (RFC 8020 §2): forged, or a server's mistake."""

    def deny(found: Resolved) -> Resolved | Failed:
        assert isinstance(found.end, Negative)
        return replace(found, end=replace(found.end, absent=True))

    tree = tree_with("", "shop.between.example.", signed=False)
    tree.edits["between.example. DS"] = deny
    assert Security.INSECURE is tree.check("www.shop.between.example.").security


def test_an_alias_made_of_a_wildcard_hides_no_zone() -> None:
    tree = tree_with("* CNAME www\nwww A 192.0.2.9", "shop.example.", signed=True)
    (link,) = play(tree.resolve(read_name("other.example"), A, "")).links  # type: ignore[union-attr]
    forged = replace(link, rrset=link.rrset._replace(owner=read_name("shop.example")), proof=())
    tree.edits["shop.example. DS"] = lambda found: Resolved((forged,), None, link.target)
    assert Security.BOGUS is tree.check("www.shop.example.").security

    tree.edits.clear()
    tree.start()
    tree.internet.advance(31)
    assert Security.SECURE is tree.check("ftp.shop.example.").security
