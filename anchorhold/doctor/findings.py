"""What was found, and what follows: pure, from evidence to words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from anchorhold.certificates.subjects import is_covered
from anchorhold.control_client import Answer
from anchorhold.link import kind_of
from anchorhold.together import together
from anchorhold.troubles import counters_in, troubles
from resolver.designated import Designation
from resolver.settings import Served

SOON = 7 * 86_400.0
"""Seconds before its end at which a certificate is worth a word: one that renews itself never comes so near."""


class Level(Enum):
    """How bad it is. Only BAD makes the exit code 1."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, how it is, what to do."""

    level: Level
    subject: str
    text: str
    to_do: str = ""


class Trust(Enum):
    """Who believes a certificate."""

    PUBLIC = "public"
    """Every device."""
    PRIVATE = "private"
    """Devices that the authority was installed on."""
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Seen:
    """One way in as a client met it. `failure` says why it is no use; `names` and `addresses` are those of the certificate, and
    `until` its end (seconds since 1970). The certificate of a way over UDP is not looked at: it is the same one."""

    served: Served
    address: str
    port: int
    failure: str = ""
    refused: bool = False
    """No connection came about at all."""
    trust: Trust = Trust.NOBODY
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    until: float = 0.0

    @property
    def label(self) -> str:
        """As the configuration writes it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.served.value}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a clear address said of the ways in (RFC 9462); `failure`: why it said nothing."""

    address: str
    ways: tuple[Designation, ...] = ()
    failure: str = ""


def of_endpoints(name: str, every: Iterable[Seen], now: float) -> Iterator[Finding]:
    """Each way in: reached, believed, in its time, and with the name."""
    for seen in every:
        if seen.failure:
            to_do = (
                "see that the service runs and has a certificate (anchorhold status, certs show), and that no firewall closes the"
                " port"
                if seen.refused
                else "see the log of the service; anchorhold certs show"
            )
            yield Finding(Level.BAD, seen.label, seen.failure, to_do)
            continue
        yield from _of_certificate(name, seen, now)


def _of_certificate(name: str, seen: Seen, now: float) -> Iterator[Finding]:
    problems = []
    if seen.until and seen.until <= now:
        problems.append((Level.BAD, "its certificate has run out", "anchorhold certs renew, or new files"))
    elif seen.until and seen.until - now < SOON:
        days = int((seen.until - now) // 86_400)
        problems.append(
            (Level.WARNING, f"its certificate runs out in {days} days", "see why it was not renewed: certs show")
        )
    if name and seen.names and not is_covered(name, seen.names):
        problems.append((Level.BAD, f"its certificate does not hold {name}", "a certificate for the name in [secure]"))
    if seen.trust is Trust.NOBODY:
        problems.append((Level.BAD, "its certificate is believed by nobody", "name its authority here: --ca-file FILE"))
    for level, text, to_do in problems:
        yield Finding(level, seen.label, text, to_do)
    if not problems:
        private = " (devices that your authority is installed on)" if seen.trust is Trust.PRIVATE else ""
        yield Finding(Level.GOOD, seen.label, f"answers, and proves who it is{private}")


def of_discovery(answers: Iterable[Asked], every: tuple[Seen, ...]) -> Iterator[Finding]:
    """What is told, against what is there; and whether the certificate lets devices believe it (RFC 9462 §4.2)."""
    served = {(seen.served.value, seen.port) for seen in every if not seen.failure}
    for asked in answers:
        subject = f"discovery at {asked.address}"
        if asked.failure:
            yield Finding(Level.BAD, subject, asked.failure, "see that the service answers there: anchorhold status")
            continue
        told = {(way.scheme, way.port) for way in asked.ways}
        if missing := sorted(f"{scheme}:{port}" for scheme, port in served - told):
            yield Finding(Level.BAD, subject, f"not told of {', '.join(missing)}", "set name in [secure]; see the log")
        if extra := sorted(f"{scheme}:{port}" for scheme, port in told - served):
            yield Finding(
                Level.BAD, subject, f"told of {', '.join(extra)}, where nobody answers", "see the lines above"
            )
        if told == served and told:
            yield Finding(
                Level.GOOD, subject, f"tells of {', '.join(sorted(f'{way.scheme}:{way.port}' for way in asked.ways))}"
            )
        if told and not is_proved(asked.address, every):
            yield Finding(
                Level.WARNING,
                subject,
                f"the certificate does not hold {asked.address}, so devices that verify do not upgrade (RFC 9462 §4.2)",
                "a certificate with this address: anchorhold certs init does that by itself",
            )


def is_proved(address: str, every: Iterable[Seen]) -> bool:
    """Whether some certificate shows that who answers in clear text at `address` is who is asked there."""
    return any(address in seen.addresses for seen in every if not seen.failure)


def of_status(cells: dict[str, Answer], secure: bool) -> Iterator[Finding]:
    """The service's own word: cells, clock, trust anchors, upstreams, leases."""
    wanted = ("front", "resolver", *(("secure",) if secure else ()))
    for cell in (*wanted, *(name for name in cells if kind_of(name) != name)):
        line = cells.get(cell)
        if line is None or "error" in line:
            yield Finding(Level.BAD, f"cell {cell}", "does not answer", "see the log; it is started again by itself")
    resolver = together(cells)
    yield from _of_machine(cells)
    yield from _of_clock(resolver)
    yield from _of_keeper(resolver)
    yield from _of_upstreams(resolver)
    dhcp = cells.get("dhcp", {})
    if dhcp.get("store"):
        yield Finding(
            Level.BAD, "leases", f"are not written: {dhcp['store']}", "make room on the disk, or see its rights"
        )
    elif "leases" in dhcp:
        yield Finding(Level.GOOD, "leases", f"{dhcp['leases']}, all kept")


def _of_machine(cells: dict[str, Answer]) -> Iterator[Finding]:
    """What the machine would not give, and whether another network would be noticed."""
    for cell, line in cells.items():
        if times := line.get("restarts"):
            yield Finding(
                Level.WARNING, f"cell {cell}", f"had to be replaced {times} times", "see the log: it says why"
            )
        for trouble, times in troubles(counters_in(line)).items():
            yield Finding(
                Level.WARNING, f"machine ({cell})", f"{trouble.what}: {trouble.means} ({times} times)", trouble.remedy
            )
    network = together(cells).get("network")
    if isinstance(network, dict) and "routes" not in str(network.get("watched")):
        yield Finding(
            Level.WARNING,
            "network",
            "another network is not noticed by its routes: connections end when they time out",
            "nothing, if this machine stays where it is; on Linux, let it use netlink sockets",
        )


def _of_clock(resolver: Answer) -> Iterator[Finding]:
    clock = resolver.get("clock")
    if isinstance(clock, dict):
        if clock.get("believed"):
            yield Finding(Level.GOOD, "clock", "is believed")
        else:
            yield Finding(
                Level.BAD, "clock", "is wrong: nothing that is signed can be checked", "set it (NTP, or date)"
            )


def _of_keeper(resolver: Answer) -> Iterator[Finding]:
    keeper = resolver.get("keeper")
    if not isinstance(keeper, dict):
        return
    if keeper.get("problems"):
        yield Finding(Level.WARNING, "trust anchors", f"{keeper['problems']} problems", "anchorhold anchors")
    elif not keeper.get("kept"):
        yield Finding(
            Level.WARNING, "trust anchors", "changes are not kept", "see the state directory; anchorhold anchors"
        )
    else:
        yield Finding(Level.GOOD, "trust anchors", "followed and kept")


def _of_upstreams(resolver: Answer) -> Iterator[Finding]:
    groups: dict[str, list[str]] = {}
    rows = resolver.get("upstreams")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            groups.setdefault(str(row.get("group")), []).append(str(row.get("state")))
    for group, states in groups.items():
        resting = states.count("resting")
        subject = f"upstreams {group}"
        if resting == len(states):
            yield Finding(Level.BAD, subject, "none answers", "see your line, then: anchorhold check FILE --upstreams")
        elif resting:
            yield Finding(Level.WARNING, subject, f"{resting} of {len(states)} do not answer", "anchorhold status")
        else:
            yield Finding(Level.GOOD, subject, f"{len(states)} in use")


@dataclass(frozen=True, slots=True)
class Family:
    """Devices of one kind: whether they will come over an encrypted way by themselves, and why."""

    devices: str
    upgrades: bool
    why: str


def families(answers: tuple[Asked, ...], every: tuple[Seen, ...], dnr: bool) -> tuple[Family, ...]:
    """What each kind of device will do. As their makers describe them; not tried by this program (docs/guide/encrypted.md)."""
    there = {seen.served for seen in every if not seen.failure}
    told = any(asked.ways for asked in answers)
    proved = any(is_proved(asked.address, every) for asked in answers if asked.ways)
    public = any(seen.trust is Trust.PUBLIC for seen in every if not seen.failure)
    believed = "" if public else ", once your authority is installed on them"
    same = {asked.address for asked in answers}
    dot = any(
        seen.served is Served.TLS and seen.port == 853 and seen.address in same and not seen.failure for seen in every
    )
    http = bool(there & {Served.HTTPS, Served.H3})
    verified = told and proved and bool(there)
    return (
        Family(
            "Android (Private DNS: Automatic)",
            dot,
            "DoT at the address of plain DNS, port 853, unverified"
            if dot
            else "needs tls:// at the address of plain DNS, port 853",
        ),
        Family(
            "Android (Private DNS: a name)",
            dot and public,
            "by your name" if dot and public else "needs a public certificate (acme) and tls:// at port 853",
        ),
        Family(
            "iOS, iPadOS, macOS",
            verified and bool(there & {Served.TLS, Served.HTTPS}),
            f"by DDR, verified{believed}" if verified else _lacking(told, proved),
        ),
        Family(
            "Windows 11",
            http and (verified or dnr),
            f"DoH by {'DNR' if dnr else 'DDR'}{believed}, if set to automatic"
            if http and (verified or dnr)
            else "needs https://, and DNR or a verified DDR",
        ),
        Family(
            "systemd-resolved",
            dot,
            "with DNSOverTLS=opportunistic, unverified"
            if dot
            else "needs tls:// at the address of plain DNS, port 853",
        ),
        Family(
            "Chrome, Edge, Firefox", False, "they use what the system uses; by hand: your DoH address in their settings"
        ),
    )


def _lacking(told: bool, proved: bool) -> str:
    if not told:
        return "nothing is told by DDR"
    return "the certificate does not hold the address of plain DNS" if not proved else "nothing is reached"
