"""What an operator asks of the leases, answered inside the dhcp cell.

The way there: `anchorhold leases …` sends one line over the control socket, `{"verb": "leases", "request": {…}}`.
`front` hands the inner object on as it is (JSON, at most 64 KiB) as the argument of a FACT with `Verb.LEASES`. The dhcp
cell then does this:

    answered = answer(argument, Holdings(book, store, folder, settings, times))
    failed = apply_and_commit(answered.changes)     # "", or why the disk did not take them; then they are undone
    lines = answered.conclude(failed)               # the news of names is under way already
    text = "\\n".join(json.dumps(line) for line in lines)

and the text goes back in pieces with the flag MORE, which `front` relays unread. Every line is an object with
`"cell": "dhcp"`; what is wrong with a request is a line with `"error"`. `answer` changes nothing itself and takes a few
milliseconds at most: long lists and imports come in pages, each a request of its own.

Requests, by their field `do`:

    list      after: the `next` of the page before       → leases: [row …], next: where the next page begins, or null,
                                                           key: which key the tags are made with
    show      device                                     → leases: [row …]
    release   device                                     → leases: [row …] that ended
    import    leases: [row …]                            → taken: number, refused: [{row, address, where, why, harmless} …]
    forget    device, names: [file …] that whoever asks  → leases: [row …] that ended, scanned: [file …], found: [where
              sees in the folder, for the cell cannot list it    …], looked_for: [{what, octets, folded} …]

A device is a hardware address, a client identifier or DUID in hexadecimal, an IP address, or the name of a lease. A row
is described at `anchorhold/leases/rows.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple, TypeAlias

import msgspec

from anchorhold.leases.absence import search
from anchorhold.leases.device import BadDevice, Device, needles, read_device
from anchorhold.leases.rows import Foreign, Row, Times, row_of
from anchorhold.leases.takeover import Refused, lease_from
from dhcp.book import LeaseBook
from dhcp.edge.folder import LeaseFolder
from dhcp.sealing import Seal
from dhcp.settings import DhcpSettings
from dhcp.store import LeaseStore, StoreFailed
from dhcp.values import Kind, Lease, LeaseChange

PAGE = 500
"""Leases in one answer, or one import: a page takes about ten milliseconds."""

Line: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the questions are about. Without settings (a command beside a service that does not run) imports go into any
    address.
    """

    book: LeaseBook
    store: LeaseStore
    folder: LeaseFolder
    settings: DhcpSettings | None
    times: Times


class Answered(NamedTuple):
    """What is to be done first, and then the answer: `conclude` gets "" or why the changes could not be kept."""

    changes: tuple[LeaseChange, ...]
    conclude: Callable[[str], list[Line]]


class _List(msgspec.Struct, tag_field="do", tag="list", forbid_unknown_fields=True):
    after: str = ""


class _Show(msgspec.Struct, tag_field="do", tag="show", forbid_unknown_fields=True):
    device: str


class _Release(msgspec.Struct, tag_field="do", tag="release", forbid_unknown_fields=True):
    device: str


class _Import(msgspec.Struct, tag_field="do", tag="import", forbid_unknown_fields=True):
    leases: list[Foreign]


class _Forget(msgspec.Struct, tag_field="do", tag="forget", forbid_unknown_fields=True):
    device: str
    names: list[str] = []


_REQUESTS = msgspec.json.Decoder(_List | _Show | _Release | _Import | _Forget)


def answer(request: bytes, holdings: Holdings) -> Answered:
    """See above. Never raises for a request, whatever is in it."""
    try:
        match _REQUESTS.decode(request):
            case _List(after):
                return _done(_page(after, holdings))
            case _Show(text):
                found, _, _ = _find(text, holdings)
                return _done({"leases": _rows(found, holdings)})
            case _Release(text):
                return _release(text, holdings)
            case _Import(leases):
                return _import(leases, holdings)
            case _Forget(text, names):
                return _forget(text, names, holdings)
    except (msgspec.MsgspecError, BadDevice, ValueError) as error:
        return _done({"error": str(error)})
    raise AssertionError("every request has its case")


def _done(line: Line) -> Answered:
    return Answered((), lambda _failed: [{"cell": "dhcp", **line}])


def _after(changes: tuple[LeaseChange, ...], line: Callable[[], Line]) -> Answered:
    """The answer is `line`, made when the changes are kept."""

    def conclude(failed: str) -> list[Line]:
        if failed:
            return [{"cell": "dhcp", "error": f"nothing was changed, for the disk does not take it: {failed}"}]
        return [{"cell": "dhcp", **line()}]

    return Answered(changes, conclude)


def _page(after: str, holdings: Holdings) -> Line:
    """Leases in the order of their addresses; offers and quarantines too."""
    start = _place(after) if after else (0, b"")
    rest = nsmallest(PAGE + 1, (lease for lease in holdings.book.leases() if _order(lease) > start), key=_order)
    page = rest[:PAGE]
    following = f"{page[-1].kind:d} {page[-1].address.hex()}" if len(rest) > PAGE else None
    return {"leases": _rows(page, holdings), "next": following, "key": Seal(holdings.book.key).mark.hex()}


def _order(lease: Lease) -> tuple[Kind, bytes]:
    return lease.kind, lease.address


def _place(text: str) -> tuple[int, bytes]:
    """Raises ValueError."""
    kind, _, address = text.partition(" ")
    return int(kind), bytes.fromhex(address)


def _rows(leases: list[Lease], holdings: Holdings) -> list[Row]:
    return [row_of(lease, holdings.book, holdings.times) for lease in leases]


def _find(text: str, holdings: Holdings) -> tuple[list[Lease], Device, frozenset[bytes]]:
    """Leases of a device, in order. Raises BadDevice."""
    device = read_device(text)
    tags = device.tags(holdings.book.tag)
    found = sorted((lease for lease in holdings.book.leases() if device.is_of(lease, tags)), key=_order)
    return found, device, tags


def _release(text: str, holdings: Holdings) -> Answered:
    found, _, _ = _find(text, holdings)
    rows = _rows(found, holdings)
    return _after(tuple(LeaseChange(lease, None) for lease in found), lambda: {"leases": rows})


def _import(leases: list[Foreign], holdings: Holdings) -> Answered:
    if len(leases) > PAGE:
        return _done({"error": f"at most {PAGE} leases in one request"})
    changes: dict[tuple[Kind, bytes], LeaseChange] = {}
    refused: list[Line] = []
    named: set[tuple[Kind, str]] = set()
    for number, foreign in enumerate(leases):
        try:
            lease = lease_from(foreign, holdings.book, holdings.settings, holdings.times)
        except Refused as why:
            row: Line = {"row": number, "address": foreign.address, "where": foreign.where}
            refused.append({**row, "why": str(why), "harmless": why.harmless})
            continue
        if lease.name and (lease.kind, lease.name) in named:
            lease = lease._replace(name="")
        named.add((lease.kind, lease.name))
        # Of two in one file the later counts, as where they come from.
        changes[lease.kind, lease.address] = LeaseChange(holdings.book.at(lease.kind, lease.address), lease)
    taken = tuple(changes.values())
    return _after(taken, lambda: {"taken": len(taken), "refused": refused})


def _forget(text: str, names: list[str], holdings: Holdings) -> Answered:
    """End its leases, remove every trace, then look whether one is left."""
    found, device, tags = _find(text, holdings)
    rows = _rows(found, holdings)
    wanted = needles(device, tuple(found), tags)
    gone = {*tags, *(lease.client for lease in found), *(lease.hardware for lease in found)} - {b""}

    def look() -> Line:
        try:
            holdings.store.forget(sorted(gone), holdings.times.now)
            holdings.folder.notice(names)
            scanned, left = search(holdings.folder.names(), holdings.folder.pieces, wanted)
        except (StoreFailed, OSError) as failed:
            return {"error": f"the leases have ended, but the disk may still know of them: {failed}; try again"}
        for_files = [{"what": each.what, "octets": each.octets.hex(), "folded": each.folded} for each in wanted]
        return {"leases": rows, "scanned": scanned, "found": left, "looked_for": for_files}

    return _after(tuple(LeaseChange(lease, None) for lease in found), look)
