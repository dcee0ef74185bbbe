"""What we find secure, insecure or bogus beside unbound and delv, over a name space that BIND, Knot and ldns signed
(`tests/lab/sealed.py`): every algorithm, NSEC and NSEC3 of every kind, delegations that are signed, unsigned, unknown or
wrong, keys in every state of a roll-over, aliases between all of them.

Compared are rcode, AD, the records of the answer and which of them came with signatures. A row of `EXPLAINED` says why some
of them say something else than most; what no row covers fails.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from kit.peers import need_root, peer
from lab.model import Worth
from lab.programs import run_apart
from lab.sealed import SEALED
from lab.verdicts import Said, without_aliases

from wire.dns.codes import ExtendedError as Ede

LEAST, LEAST_OF_DELV = 2_000, 500
OURS = ("ours", "behind-unchecking", "behind-unbound")
"""Iterating; forwarding to an unbound that does not validate, and to one that does."""


class Row(NamedTuple):
    """One question and what each said."""

    name: str
    rrtype: str
    mode: str
    zone: str
    said: dict[str, Said]

    @property
    def apart(self) -> frozenset[str]:
        """Those who say something else than most."""
        return frozenset(who for who, said in self.comparable().items() if said != self.most())

    def comparable(self) -> dict[str, Said]:
        """delv asks as it does, shows no aliases and always tells what it found: where it was asked, that is compared."""
        told = {who: said._replace(error=0) for who, said in self.said.items() if who != "delv" or self.mode != "CD"}
        if "delv" in told:
            told = {who: without_aliases(said) for who, said in told.items()}
            if self.mode == "PLAIN":
                told = {who: said._replace(ad=False) for who, said in told.items()}
        return told

    def is_at(self, *words: str) -> bool:
        """Whether the question is about a zone with a label that ends so."""
        return any(label.endswith(words) for label in self.zone.split("."))

    def most(self) -> Said:
        """What most say."""
        return Counter(self.comparable().values()).most_common(1)[0][0]

    def differs_in_ad(self, who: str) -> bool:
        """Whether `who` found more than the others, and nothing else."""
        return self.comparable()[who] == self.most()._replace(ad=True)

    def differs_in_signatures(self, who: str) -> bool:
        """Whether `who` has other signatures in the answer than the others, and AD at most for CD as well."""
        return self.comparable()[who]._replace(signed=(), ad=False) == self.most()._replace(signed=(), ad=False)


class Explained(NamedTuple):
    """Why some of them are apart and we are right. `who` may be."""

    why: str
    who: frozenset[str]
    covers: Callable[[Row], bool]


DELV, UNBOUND = frozenset(("delv",)), frozenset(("unbound",))

EXPLAINED = (
    Explained(
        "where CD is set, unbound says AD of what it validated for somebody else before; we never do",
        UNBOUND,
        lambda row: row.mode == "CD" and row.differs_in_ad("unbound"),
    ),
    Explained(
        "unbound 1.17 looks for a signature over the CNAME that follows from a DNAME, if it is asked for; there is none "
        "(RFC 6672 §5.3.1)",
        UNBOUND,
        lambda row: row.rrtype == "CNAME" and ".old." in f".{row.name}" and not row.said["unbound"].ad,
    ),
    Explained(
        "an alias of itself: iterating we hand it out with nothing behind it, unbound and delv fail",
        frozenset(("ours",)),
        lambda row: row.name.startswith("self.") and row.said["ours"].rcode == "NOERROR",
    ),
    Explained("delv does not look for signatures by themselves", DELV, lambda row: row.rrtype == "RRSIG"),
    Explained(
        "unbound and delv let a key vouch for others that its zone has revoked, if its parent does; we let it for nothing "
        "(RFC 5011 §2.1)",
        UNBOUND | DELV,
        lambda row: row.is_at("revoked-only"),
    ),
    Explained(
        "Knot, signing online, signs the CNAME that follows from a DNAME, and unbound hands that on; ours is made anew "
        "(RFC 6672 §5.3.1)",
        UNBOUND,
        lambda row: row.is_at("online") and ".old." in row.name and row.differs_in_signatures("unbound"),
    ),
    Explained(
        "BIND 9.18 follows NSEC3 up to 150 iterations, we and unbound as configured up to 50 (RFC 9276 §3.2)",
        DELV,
        lambda row: row.is_at("-i51", "-i150") and row.differs_in_ad("delv"),
    ),
    Explained(
        "delv takes a range that opts out for a proof; it is none (RFC 5155 §9.2)",
        DELV,
        lambda row: (row.is_at("-optout") or _denying(row) in ("ldns.", "hashed.")) and row.differs_in_ad("delv"),
    ),
    Explained(
        "unbound tries the SHA-1 digest when the SHA-256 beside it is wrong (RFC 4509 §3: SHOULD ignore it)",
        UNBOUND,
        lambda row: row.is_at("sha1-beside-wrong"),
    ),
    Explained(
        "delv shows a denial whose SOA is not validly signed, as not validated; we fail it, as unbound does",
        DELV,
        lambda row: row.is_at("-soa-signature") and not row.said["delv"].ad and row.said["unbound"].rcode == "SERVFAIL",
    ),
)


def _denying(row: Row) -> str:
    """The zone that says that there is none: for DS the one above."""
    return row.zone.partition(".")[2] if row.rrtype == "DS" and row.name == row.zone else row.zone


def explanation(row: Row) -> str:
    """The reason of the first row of the table that covers it; "" if none does."""
    return next((one.why for one in EXPLAINED if row.apart <= one.who and one.covers(row)), "")


@pytest.mark.timeout(200)
@pytest.mark.peer("nsd, knotd, named, unbound, delv, dnssec-signzone, kzonesign, keymgr, ldns-signzone")
def test_our_verdicts_equal_unbounds_and_delvs_or_it_is_known_why(tmp_path: Path) -> None:
    for program in (
        "nsd",
        "knotd",
        "named",
        "unbound",
        "delv",
        "dnssec-signzone",
        "kzonesign",
        "keymgr",
        "ldns-signzone",
    ):
        peer(program)
    for program in ("ip", "unshare"):
        peer(program)
    need_root("a network namespace")
    output = tmp_path / "verdicts.json"
    troubles = run_apart("validated", str(output), str(LEAST_OF_DELV + 60), *OURS, "unbound", timeout=180)
    assert output.exists(), troubles
    rows = [read_row(one) for one in json.loads(output.read_text())]
    apart = [row for row in rows if row.apart]
    asked_of_delv = sum("delv" in row.comparable() for row in rows)
    print(f"{len(rows)} questions, {asked_of_delv} of delv too, {len(apart)} not answered alike by all")
    for why, count in Counter(map(explanation, apart)).most_common():
        print(f"{count:5} {why or 'UNEXPLAINED'}")
    assert [] == [row for row in apart if not explanation(row)]
    assert {"unbound": {"sha1-beside-wrong.cases.", "revoked-only.cases."}} == otherwise_than_planned(rows)
    assert {label: {code} for label, code in ERRORS.items()} == errors_told(rows)
    assert len(rows) >= LEAST
    assert asked_of_delv >= LEAST_OF_DELV


PLANNED = {Worth.SECURE: ("NOERROR", True), Worth.INSECURE: ("NOERROR", False), Worth.BOGUS: ("SERVFAIL", False)}


def otherwise_than_planned(rows: list[Row]) -> dict[str, set[str]]:
    """Who finds the addresses of which zone to be worth something else than stands beside the zone."""
    worth = {zone.origin: PLANNED[zone.worth] for zone in SEALED}
    found: dict[str, set[str]] = {}
    for row in rows:
        if (row.name, row.rrtype, row.mode) == (f"www.{row.zone}", "A", "DO"):
            for who, said in row.said.items() if row.zone in worth else ():
                if who != "delv" and (said.rcode, said.ad) != worth[row.zone]:
                    found.setdefault(who, set()).add(row.zone)
    return found


ERRORS = {
    "unknown-algorithm": Ede.UNSUPPORTED_DNSKEY_ALGORITHM,
    "unknown-digest": Ede.UNSUPPORTED_DS_DIGEST,
    "expired": Ede.SIGNATURE_EXPIRED,
    "expired-ldns": Ede.SIGNATURE_EXPIRED,
    "not-yet": Ede.SIGNATURE_NOT_YET_VALID,
    "not-yet-ldns": Ede.SIGNATURE_NOT_YET_VALID,
    "bad-signature": Ede.DNSSEC_BOGUS,
    "bad-key-signature": Ede.DNSSEC_BOGUS,
    "bad-ds": Ede.DNSSEC_BOGUS,
    "wrong-ds": Ede.DNSKEY_MISSING,
    "gone-ds": Ede.DNSKEY_MISSING,
    "sha1-beside-wrong": Ede.DNSKEY_MISSING,
    "revoked-only": Ede.DNSKEY_MISSING,
    "no-keys": Ede.DNSKEY_MISSING,
    "standby-vouched": Ede.DNSKEY_MISSING,
    "no-signature": Ede.RRSIGS_MISSING,
    "no-key-signature": Ede.RRSIGS_MISSING,
    "not-signed": Ede.RRSIGS_MISSING,
    "unsigned-ds": Ede.RRSIGS_MISSING,
    "unproved": Ede.NSEC_MISSING,
}
"""What we say of the addresses in a zone below `cases.` that are not secure."""


def errors_told(rows: list[Row]) -> dict[str, set[int]]:
    """What ours say of those, with DO."""
    found: dict[str, set[int]] = {}
    for row in rows:
        label = row.zone.removesuffix(".cases.")
        if label in ERRORS and (row.name, row.rrtype, row.mode) == (f"www.{row.zone}", "A", "DO"):
            found.setdefault(label, set()).update(row.said[who].error for who in OURS)
    return found


def read_row(found: dict[str, object]) -> Row:
    question, said = found["question"], found["said"]
    assert isinstance(question, list)
    assert isinstance(said, dict)
    name, rrtype, mode, zone = question
    words = {who: Said(**{field: _value(value) for field, value in one.items()}) for who, one in said.items()}
    return Row(name, rrtype, mode, zone, words)


def _value(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
