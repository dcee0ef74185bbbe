"""What an operator asks of the lists, answered inside the lists cell.

`anchorhold lists …` sends one line over the control socket, `{"verb": "lists", "request": {…}}`; `front` hands the inner object
on as the argument of a FACT with `Verb.LISTS`, and the answer back, unread. Every answer is one object with `"cell": "lists"`;
what is wrong with a request is in `"error"`. Nothing here takes long: what does is begun, and asked after again.

Requests, by their field `do`:

    status                        → lists: [row …], image: {…} or null, problem, building
    update   names                → accepted: [name …], which are fetched
    confirm  held: {name: digest} → accepted: [name …], whose text that is held back comes into force, if it has this digest (its
                                    first 8 letters or more); if one has not, none does
    undo     name                 → undone: name
    diff     name                 → working: true, as long as it is; then between, held: its digest or null, came, gone,
                                    new: [[line, text] …], old: […]
    test     name (hex), type     → hits: [{list, line, says, …} …]
"""

import asyncio
import os
from collections.abc import Callable
from typing import Annotated, TypeAlias

import msgspec

from anchorhold.lists.apart import WorkFailed
from anchorhold.lists.index import Copy, Counted
from anchorhold.lists.library import Shelf
from anchorhold.lists.rounds import Rounds
from anchorhold.lists.workshop import Compared, Part
from net.clock import now
from privacy.lists.matcher import Hit, ListImage
from privacy.lists.patterns import MAX_ALL_INSTRUCTIONS
from wire.dns.names import parse_name, show_name
from wire.errors import Malformed

Line: TypeAlias = dict[str, object]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8,64}$")]


class _Status(msgspec.Struct, tag_field="do", tag="status", forbid_unknown_fields=True):
    pass


class _Update(msgspec.Struct, tag_field="do", tag="update", forbid_unknown_fields=True):
    names: list[str] = []


class _Confirm(msgspec.Struct, tag_field="do", tag="confirm", forbid_unknown_fields=True):
    held: dict[str, Digest]


class _Undo(msgspec.Struct, tag_field="do", tag="undo", forbid_unknown_fields=True):
    name: str


class _Diff(msgspec.Struct, tag_field="do", tag="diff", forbid_unknown_fields=True):
    name: str


class _Test(msgspec.Struct, tag_field="do", tag="test", forbid_unknown_fields=True):
    name: str
    type: int = 1


class _Costs(msgspec.Struct, tag_field="do", tag="costs", forbid_unknown_fields=True):
    pass


_REQUESTS = msgspec.json.Decoder(_Status | _Update | _Confirm | _Undo | _Diff | _Test | _Costs)


class _Wrong(Exception):
    """The request cannot be carried out; the text says why."""


class ListsDesk:
    """Answers requests. `image` gives what is in force, if anything is."""

    def __init__(self, rounds: Rounds, image: Callable[[], ListImage | None]) -> None:
        self._rounds = rounds
        self._image = image
        self._compared: tuple[tuple[str, str], asyncio.Task[Compared]] | None = None

    def answer(self, request: bytes) -> Line:
        """See above. Never raises for a request, whatever is in it."""
        try:
            match _REQUESTS.decode(request):
                case _Update(names):
                    return self._update(names)
                case _Confirm(held):
                    return self._confirm(held)
                case _Undo(name):
                    self._shelf(name)
                    if not self._rounds.undo(name):
                        raise _Wrong(f"of {name} there is no former text to go back to")
                    return {"undone": name}
                case _Diff(name):
                    return self._diff(name)
                case _Test(name, rrtype):
                    return self._test(name, rrtype)
                case _Costs():
                    return self._costs()
                case _:
                    return self.status()
        except (msgspec.MsgspecError, _Wrong) as error:
            return {"error": str(error)}

    def _shelf(self, name: str) -> Shelf:
        shelves = self._rounds.library.shelves
        if name not in shelves:
            raise _Wrong(f"there is no list {name!r}; there are: {', '.join(shelves)}")
        return shelves[name]

    def _update(self, names: list[str]) -> Line:
        for name in names:
            self._shelf(name)
        wanted = names or [name for name, shelf in self._rounds.library.shelves.items() if shelf.source.url]
        self._rounds.update(wanted)
        return {"accepted": wanted}

    def _confirm(self, wanted: dict[str, str]) -> Line:
        for name, digest in wanted.items():
            held = self._shelf(name).kept.held
            if held is None:
                raise _Wrong(f"nothing is held back of {name}")
            if not held.digest.startswith(digest):
                raise _Wrong(
                    f"what is held back of {name} is another text by now ({held.digest[:12]}); look at it again"
                )
        for name in wanted:
            self._rounds.confirm(name)
        return {"accepted": list(wanted)}

    # what differs

    def _diff(self, name: str) -> Line:
        shelf = self._shelf(name)
        kept, form = shelf.kept, shelf.source.format
        if kept.held is not None and kept.current is not None:
            old, new, between = kept.current, kept.held, "what is in force and what is held back"
        elif kept.current is not None and kept.former is not None:
            old, new, between = kept.former, kept.current, "the former text and what is in force"
        else:
            raise _Wrong(f"of {name} there is one text only" if kept.current else f"of {name} nothing is in force yet")
        key = (old.digest, new.digest)
        if self._compared is None or self._compared[0] != key:
            if self._compared is not None:
                self._compared[1].cancel()
            work = self._rounds.difference(Part(name, old.digest, form), Part(name, new.digest, form))
            self._compared = key, asyncio.get_running_loop().create_task(work)
        task = self._compared[1]
        if not task.done():
            return {"working": True}
        self._compared = None
        try:
            held = new.digest if new is kept.held else None
            return {"between": between, "held": held, **msgspec.to_builtins(task.result())}
        except WorkFailed as error:
            return {"error": str(error)}

    # what lists would say

    def _test(self, name: str, rrtype: int) -> Line:
        try:
            octets = bytes.fromhex(name)
            folded, end = parse_name(octets, 0)
        except (ValueError, Malformed):
            raise _Wrong("that is no domain name") from None
        if end != len(octets) or not 0 < rrtype < 65_536:
            raise _Wrong("that is no domain name, or no type")
        image = self._image()
        if image is None:
            return {"hits": [], "image": None}
        hits = [hit for hit in image.name_hits(folded.lower(), rrtype) if hit.list != image.spared]
        return {"hits": [self._hit(image.names[hit.list], hit) for hit in hits[:100]], "image": self._shown_image()}

    def _hit(self, name: str, hit: Hit) -> Line:
        return {
            "list": name,
            "line": hit.line,
            "text": self._rounds.line(name, hit.line),
            "says": hit.saying.name.lower(),
            "important": hit.important,
            "matched": hit.pattern or (show_name(hit.zone) if hit.zone else ""),
            "pattern": bool(hit.pattern),
        }

    # costs

    def _costs(self) -> Line:
        """The regular expressions of each list that cost the most, and what all of them cost."""
        image = self._rounds.image
        counted = image.lists if image is not None else {}
        dear = [
            {"list": name, "line": line, "instructions": instructions, "text": self._rounds.line(name, line)}
            for name, one in counted.items()
            for instructions, line in one.dear
        ]
        return {"dear": dear, "image": self._shown_image()}

    # status

    def status(self) -> Line:
        """All lists, and the image."""
        rounds = self._rounds
        counted = rounds.image.lists if rounds.image is not None else {}
        return {
            "pid": os.getpid(),
            "generation": rounds.library.settings.generation,
            "lists": [_row(shelf, counted.get(name)) for name, shelf in rounds.library.shelves.items()],
            "image": self._shown_image(),
            "building": rounds.building or ("waiting" if rounds.pending else ""),
            "problem": rounds.problem,
        }

    def _shown_image(self) -> Line | None:
        image = self._rounds.image
        if image is None:
            return None
        entries = sum(one.entries for one in image.lists.values())
        patterns = sum(one.patterns for one in image.lists.values())
        return {
            "digest": image.digest,
            "octets": image.octets,
            "entries": entries,
            "patterns": patterns,
            "instructions": image.instructions,
            "most_instructions": MAX_ALL_INSTRUCTIONS,
        }


def _row(shelf: Shelf, counted: Counted | None) -> Line:
    kept = shelf.kept
    made = counted or Counted()
    return {
        "name": shelf.source.name,
        "from": "url" if shelf.source.url else "file",
        "state": _state(shelf, counted),
        "format": made.format or (kept.current.format if kept.current is not None else ""),
        "entries": made.entries,
        "skipped": made.skipped,
        "patterns": made.patterns,
        "protected": made.tried,
        "reasons": [list(reason) for reason in made.reasons],
        "current": _copy(kept.current),
        "former": _copy(kept.former),
        "held": _copy(kept.held),
        "why": kept.why,
        "error": kept.error,
        "failures": kept.failures,
        "checked": kept.checked or None,
        "next": max(0, round(shelf.due - now())) if shelf.source.url else None,
        "progress": {"octets": shelf.octets, "entries": shelf.entries} if shelf.busy else None,
    }


def _state(shelf: Shelf, counted: Counted | None) -> str:
    if shelf.busy:
        return shelf.busy
    if shelf.kept.held is not None:
        return "held"
    if shelf.kept.error:
        return "failing"
    return "in force" if counted is not None else "waiting"


def _copy(copy: Copy | None) -> Line | None:
    return None if copy is None else msgspec.to_builtins(copy)
