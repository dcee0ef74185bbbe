"""Whether a configuration that is on trial does its work: what the service says, and what its clients would meet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep

from anchorhold import text
from anchorhold.certificate_check import check_certificate
from anchorhold.config.service import ListenAddress, Loaded
from anchorhold.control_client import Answer, ControlFailed, ask_service
from anchorhold.dhcp_roles import NOTHING, roles_of
from anchorhold.doctor.findings import Finding, Level, of_endpoints, of_status
from anchorhold.doctor.probes import addresses_of, ask_clear, own_authority, see_all
from anchorhold.link import kind_of
from anchorhold.terminal import by_cell, rows_of, show
from dhcp.facts import TURNED_AWAY, WHY
from net.clock import date
from wire.dns.codes import QueryFlag

PATIENCE = 8.0
"""Seconds in which what comes later than answers (leases, encrypted ways in) must have come."""

PAUSE = 0.5
_FAILED = ("SERVFAIL", "REFUSED")


@dataclass(frozen=True, slots=True)
class Probed:
    """What is looked at: by which socket operators ask, the settings on trial, the question."""

    control: Path
    loaded: Loaded
    key: bytes


def probe(probed: Probed) -> Iterator[Finding]:
    """Everything, in the order in which it matters. What is BAD there means that the configuration does not do its work."""
    yield _first_good(lambda: [*_of_cells(probed)], PATIENCE)
    yield from _of_question(probed)
    yield from _of_addresses(probed)
    if probed.loaded.lists is not None:
        yield from _settled(lambda: [*_of_lists(probed)], PATIENCE)
    if probed.loaded.dhcp is not None:
        yield from _settled(lambda: [*_of_leases(probed)], PATIENCE)
    if probed.loaded.secure is not None:
        yield from _of_certificate(probed.loaded)
        yield from _settled(lambda: [*_of_encrypted(probed)], PATIENCE)


def _settled(look: Callable[[], list[Finding]], patience: float) -> list[Finding]:
    """What is found once nothing is bad any more, or after all this time."""
    until = monotonic() + patience
    found = look()
    while any(one.level is Level.BAD for one in found) and monotonic() < until:
        sleep(PAUSE)
        found = look()
    return found


def _first_good(look: Callable[[], list[Finding]], patience: float) -> Finding:
    """The same in one line: the first that is bad, or the last."""
    found = _settled(look, patience)
    return next((one for one in found if one.level is Level.BAD), found[-1])


def _ask(probed: Probed, request: Answer) -> dict[str, Answer]:
    """Raises ControlFailed."""
    return by_cell(ask_service(probed.control, request))


def _of_cells(probed: Probed) -> Iterator[Finding]:
    """Every cell answers, and by the same generation."""
    loaded = probed.loaded
    try:
        cells = _ask(probed, {"verb": "status"})
    except ControlFailed as error:
        yield Finding(Level.BAD, "cells", str(error))
        return
    for one in of_status(cells, loaded.secure is not None):
        if one.level is Level.BAD and one.subject.startswith(("cell", "clock")):
            yield one
    generation = cells.get("front", {}).get("generation")
    wanted = {"front", "resolver"} | ({"secure"} if loaded.secure else set()) | ({"dhcp"} if loaded.dhcp else set())
    wanted |= {cell for cell in cells if kind_of(cell) in wanted}
    behind = sorted(cell for cell in wanted if cells.get(cell, {}).get("generation") != generation)
    if behind:
        yield Finding(Level.BAD, "cells", f"not all have the configuration: {', '.join(behind)} still has another")
    yield Finding(Level.GOOD, "cells", f"{', '.join(sorted(wanted))} have configuration {show(generation)}")


def _of_question(probed: Probed) -> Iterator[Finding]:
    """The upstreams are asked, whatever is remembered, and what they say is proved; then as a client asks."""
    name, rrtype = text.show_name(probed.key[:-4]), text.show_type(int.from_bytes(probed.key[-4:-2], "big"))
    subject = f"asking {name} {rrtype}"
    request: Answer = {"verb": "explain", "key": probed.key.hex(), "flags": int(QueryFlag.RD), "dnssec": True}
    try:
        chain = _ask(probed, request).get("resolver", {}).get("dnssec")
        message = bytes.fromhex(str(_ask(probed, _question(probed.key)).get("front", {}).get("message", "")))
        rcode = text.show_message(message).rcode
    except (ControlFailed, ValueError) as error:
        yield Finding(Level.BAD, subject, str(error))
        return
    verdict = chain.get("verdict") if isinstance(chain, dict) else None
    if not isinstance(verdict, dict):
        yield Finding(Level.BAD, subject, "the service does not say what came of it")
        return
    yield _of_verdict(subject, verdict)
    if verdict.get("rcode") not in _FAILED:
        level = Level.BAD if rcode in _FAILED else Level.GOOD
        yield Finding(level, f"{subject} as a client", rcode)


def _question(key: bytes) -> Answer:
    return {"verb": "ask", "message": text.build_question(key, QueryFlag.RD).hex()}


def _of_verdict(subject: str, verdict: Answer) -> Finding:
    why = f": {show(verdict['why'])}" if verdict.get("why") else ""
    if verdict.get("rcode") in _FAILED:
        return Finding(Level.BAD, subject, f"{show(verdict['rcode'])}, {show(verdict.get('security'))}{why}")
    if verdict.get("security") == "secure":
        return Finding(Level.GOOD, subject, "answered by the upstreams just now, and proved")
    return Finding(
        Level.WARNING, subject, f"answered by the upstreams just now, not proved ({show(verdict.get('security'))}{why})"
    )


def _of_addresses(probed: Probed) -> Iterator[Finding]:
    """Where clients ask in clear text."""
    for place in probed.loaded.service.listen:
        for address in addresses_of(place):
            yield _of_address(probed, replace(place, host=address))


def _of_address(probed: Probed, place: ListenAddress) -> Finding:
    subject = f"address {place.text()}"
    if not place.port:
        return Finding(Level.GOOD, subject, "not tried: any port is taken that is free")
    try:
        request: Answer = {
            "verb": "explain",
            "key": probed.key.hex(),
            "flags": 0,
            "client": place.host.partition("%")[0],
        }
        allowed = _ask(probed, request).get("front", {}).get("allowed")
    except ControlFailed as error:
        return Finding(Level.BAD, subject, str(error))
    if not allowed:
        return Finding(Level.WARNING, subject, "not tried: this machine itself is not on the access list")
    asked = ask_clear(place.host, place.port)
    if asked.failure:
        return Finding(Level.BAD, subject, asked.failure)
    return Finding(Level.GOOD, subject, "answers")


def _of_lists(probed: Probed) -> Iterator[Finding]:
    """The resolver has the image that was made of all lists. One that was never fetched may come later; one from a file is there
    at once."""
    sources = probed.loaded.lists.sources if probed.loaded.lists is not None else ()
    try:
        said = _ask(probed, {"verb": "lists", "request": {"do": "status"}}).get("lists", {})
        policy = _ask(probed, {"verb": "status"}).get("resolver", {}).get("policy")
    except ControlFailed as error:
        yield Finding(Level.BAD, "lists", str(error))
        return
    rows = {str(row.get("name")): row for row in rows_of(said, "lists")}
    counting = policy.get("lists") if isinstance(policy, dict) else None
    for source in sources:
        row = rows.get(source.name)
        subject = f"list {source.name}"
        if row is None or said.get("building"):
            yield Finding(Level.BAD, subject, "is not in force yet")
        elif isinstance(counting, list) and source.name in counting and row.get("entries"):
            yield Finding(Level.GOOD, subject, f"in force, {show(row['entries'])} entries")
        elif source.url:
            yield Finding(Level.WARNING, subject, f"not in force yet: {show(row.get('error') or row.get('state'))}")
        else:
            yield Finding(Level.BAD, subject, "no line of it is an entry: anchorhold lists status")


def _of_leases(probed: Probed) -> Iterator[Finding]:
    """Each interface is served, a newcomer would be offered an address there, and leases are kept."""
    try:
        dhcp = _ask(probed, {"verb": "status"}).get("dhcp", {})
    except ControlFailed as error:
        yield Finding(Level.BAD, "leases", str(error))
        return
    if "error" in dhcp or not dhcp:
        yield Finding(Level.BAD, "leases", show(dhcp.get("error", "the dhcp cell does not answer")))
        return
    if dhcp.get("store"):
        yield Finding(Level.BAD, "leases", f"are not written: {show(dhcp['store'])}")
    served, newcomers = dhcp.get("interfaces"), dhcp.get("newcomers")
    for link in probed.loaded.service.links:
        if not isinstance(served, list) or (roles_of(link) != NOTHING and link.name not in served):
            yield Finding(Level.BAD, f"leases on {link.name}", "not served: see the log for why")
        elif link.dhcp4:
            said = show(newcomers.get(link.name) if isinstance(newcomers, dict) else None)
            level = Level.BAD if said in TURNED_AWAY or said not in WHY else Level.GOOD
            yield Finding(level, f"leases on {link.name}", f"a newcomer would meet: {WHY.get(said, said)}")
        else:
            yield Finding(Level.GOOD, f"leases on {link.name}", "served")


def _of_certificate(loaded: Loaded) -> Iterator[Finding]:
    """What leads to a certificate: the cell goes on with one it has, so of new files that are no use nobody would notice."""
    wrong, doubtful = check_certificate(loaded, date())
    for problem in wrong:
        yield Finding(Level.BAD, "certificate", problem.text("").removeprefix(": "))
    for doubt in doubtful:
        yield Finding(Level.WARNING, "certificate", doubt)


def _of_encrypted(probed: Probed) -> Iterator[Finding]:
    """Every encrypted way in, as a device meets it."""
    loaded = probed.loaded
    if loaded.secure is None or loaded.service.secure is None:
        return
    try:
        every = see_all(loaded.service.secure.listen, loaded.secure, own_authority(loaded.service))
    except ValueError as error:
        yield Finding(Level.BAD, "encrypted ways in", f"the private authority cannot be used: {error}")
        return
    yield from of_endpoints(loaded.secure.name, every, date())
