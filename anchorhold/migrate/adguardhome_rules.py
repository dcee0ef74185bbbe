"""User rules of AdGuard Home (adblock syntax as far as DNS goes, and lines of hosts files), each to a wish of ours."""

import re
from dataclasses import dataclass, replace

from anchorhold.migrate.products import readable
from anchorhold.migrate.rule_book import Wish
from anchorhold.migrate.words import address, domain
from privacy.lists.formats.text import NOWHERE

MAX_RULE = 2_000
_RCODES = {"REFUSED": "refused", "NXDOMAIN": "nxdomain", "NOERROR": "nodata"}


class Unfit(ValueError):
    """A rule that cannot be one here; the text says why."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a line means: a wish, and the names it is for. `key` is `domains` or `patterns`. `note` is what differs."""

    wish: Wish
    key: str
    values: tuple[str, ...]
    note: str = ""


def read_rule(text: str, answer: str, common: tuple[str, ...], groups: dict[str, str]) -> Read | None:
    """None for comments. `common` are the groups of clients that rules are for, `groups` what a client is called → its group.
    Raises Unfit.
    """
    line = text.strip()
    if not line or line.startswith(("!", "# ")) or line == "#":
        return None
    if len(line) > MAX_RULE:
        raise Unfit("is too long")
    first, *names = line.partition("#")[0].split()
    if address(first) is not None and names:
        return _hosts(first, names, answer, common)
    allows = line.startswith("@@")
    body, options = _split(line.removeprefix("@@"))
    wish = Wish("allow" if allows else "block", "", "" if allows else answer, (), common)
    key, value = _names(body)
    note = ""
    for option in options:
        wish, said = _option(wish, option, groups)
        note = "; ".join(part for part in (note, said) if part)
    return Read(wish, key, (value,), note)


def _hosts(literal: str, names: list[str], answer: str, common: tuple[str, ...]) -> Read:
    shown = tuple(f"={name}" for text in names if (name := domain(text)) and name != ".")
    if len(shown) < len(names):
        raise Unfit("has something that is no name")
    if literal in NOWHERE:
        return Read(Wish("block", "", answer, (), common), "domains", shown)
    return Read(Wish("rewrite", "", "", (), common, (str(address(literal)),)), "domains", shown)


def _split(text: str) -> tuple[str, list[str]]:
    """A rule and its options behind `$`; a pattern in slashes may hold `$` itself."""
    if text.startswith("/"):
        found = re.fullmatch(r"(/.*/)(?:\$([^/]*))?", text)
        if found is None:
            raise Unfit("is a pattern without an end")
        body, options = found[1], found[2] or ""
    else:
        body, _, options = text.partition("$")
    return body, [option for option in options.split(",") if option] if options else []


def _names(body: str) -> tuple[str, str]:
    if len(body) > 2 and body.startswith("/") and body.endswith("/"):
        try:
            return "patterns", readable(body[1:-1])
        except ValueError as error:
            raise Unfit(str(error)) from None
    found = re.fullmatch(r"(\|\|)?(\*\.)?([^|^*/:]+)(\^\|?|\|)?", body.removeprefix("|") if body[:2] != "||" else body)
    name = domain(found[3]) if found else ""
    if found is None or not name or (name == "." and found[3] != "."):
        raise Unfit("speaks of more than a name: paths, ports or parts of names are nothing that DNS asks for")
    if found[2]:
        return "domains", f"*.{name}"
    return "domains", name if found[1] else f"={name}"


def _option(wish: Wish, option: str, groups: dict[str, str]) -> tuple[Wish, str]:
    """The wish with the option, and what differs."""
    key, _, value = option.partition("=")
    match key:
        case "important":
            if wish.action == "allow":
                return wish, ""
            return wish, "a rule that allows the name counts before it all the same"
        case "dnstype" if value and "~" not in value:
            types = tuple(part.strip().upper() for part in value.split("|"))
            return replace(wish, types=types), ""
        case "client" if value and "~" not in value:
            found = [groups.get(part.strip("'\" ").lower(), "") for part in value.split("|")]
            if not all(found):
                raise Unfit("is for a client that has no group here")
            return replace(wish, clients=tuple(dict.fromkeys(found))), ""
        case "dnsrewrite":
            return _rewrite(wish, value), ""
        case _:
            raise Unfit(f"${key[:40]} has no equal here")


def _rewrite(wish: Wish, value: str) -> Wish:
    if wish.action == "allow":
        raise Unfit("an exception of a rewrite has no equal here")
    parts = value.split(";")
    if parts[0] in _RCODES and not any(parts[1:]):
        return replace(wish, action="block", answer=_RCODES[parts[0]], to=())
    kind, target = (parts[1].upper(), parts[2]) if len(parts) == 3 and parts[0] == "NOERROR" else ("", value)
    literal = address(target)
    if literal is not None and kind in ("", "A", "AAAA"):
        return replace(wish, action="rewrite", answer="", to=(str(literal),))
    name = domain(target)
    if kind in ("", "CNAME") and name and name != "." and len(parts) in (1, 3):
        return replace(wish, action="rewrite", answer="", to=(name,))
    raise Unfit("records of this type are no rule here; write them into [[local]]")
