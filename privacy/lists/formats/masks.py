"""Masks of adblock rules: `||name^`, `|name^`, `*`, `/expression/`. A mask is looked for in the name asked for, as in the text
of a URL that is nothing but a host."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from privacy.lists.entry import Scope, Trigger
from privacy.lists.formats.text import Unused, is_address, is_expression, quick_name, read_domain, read_expression
from wire.dns.names import ROOT

MIN_LITERAL = 3
"""Characters of a mask that are not `*`: with fewer, half of all names would be meant."""

_MASK = re.compile(r"(\|\|?)?(.*?)(\^\|?\*?|\|)?")
"""How it is held at the front, what it looks for, how it is held at the end. A `^` is the end: in a name nothing separates."""

_PLAIN = re.compile(r"[a-z0-9._*-]*")
_ADDRESS_PART = re.compile(r"[0-9.*]+")


@dataclass(frozen=True, slots=True)
class Target:
    """What a mask stands for, in the words of `Entry`."""

    trigger: Trigger
    name: bytes = b""
    scope: Scope = Scope.TREE
    pattern: str = ""
    network: tuple[bytes, int] | None = None


EVERYTHING = Target(Trigger.NAME, ROOT)


def read_mask(mask: str, bare: bool) -> Target:
    """`bare`: nothing stands before or behind the mask, so that a domain name is meant as one. Raises Unused."""
    if is_expression(mask):
        return Target(Trigger.PATTERN, pattern=read_expression(mask))
    front, core, end = _split(mask)
    if is_address(core):
        address = ip_address(core)
        return Target(Trigger.ADDRESS, network=(address.packed, address.max_prefixlen))
    if any(sign in core for sign in "/:?=&%"):
        raise Unused("about a URL: a resolver sees names only")
    if not core.isascii():
        core = _encode(core)
    if not _PLAIN.fullmatch(core):
        raise Unused("not a mask for names")
    if not core.strip("*"):
        if mask not in ("||*^", "*"):
            raise Unused("every name would match; who means that writes ||*^")
        return EVERYTHING
    if _ADDRESS_PART.fullmatch(core):
        raise Unused("a part of an address: only whole ones can be looked for")
    if bare and mask == core and "." in core and (name := quick_name(core)):
        return Target(Trigger.NAME, name, Scope.EXACT)
    return _aim(front, core, end)


def _split(mask: str) -> tuple[str, str, bool]:
    found = _MASK.fullmatch(mask.lower())
    if found is None:
        raise Unused("not a mask for names")
    front, core, end = found[1] or "", re.sub(r"\*+", "*", found[2]), found[3] is not None
    if core.startswith("*"):
        front, core = "", core[1:] or "*"
    if core.endswith("*") and len(core) > 1:
        core, end = core[:-1], False
    return front, core, end


def _aim(front: str, core: str, end: bool) -> Target:
    name = quick_name(core.removeprefix("."))
    if end and name is not None and core.startswith("."):
        return Target(Trigger.NAME, name, Scope.BELOW)
    if end and name is not None and front:
        return Target(Trigger.NAME, name, Scope.TREE if front == "||" else Scope.EXACT)
    if len(core.replace("*", "")) < MIN_LITERAL:
        raise Unused(f"a mask of fewer than {MIN_LITERAL} letters, which too many names would match")
    held = {"": "", "|": "^", "||": r"(?:^|\.)"}[front]
    text = ".*".join(re.escape(part).replace(r"\-", "-") for part in core.split("*"))
    return Target(Trigger.PATTERN, pattern=held + text + ("$" if end else ""))


def _encode(core: str) -> str:
    """With letters outside ASCII it must be a whole name."""
    name = read_domain(core)
    labels, at = [], 0
    while length := name[at]:
        labels.append(name[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels)
