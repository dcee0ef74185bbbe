"""Rules and lists for tests: settings with a policy, and an image made of a few lines."""

from dataclasses import replace

from kit.world import settings

from privacy.lists.compile import Item, Source, compile_image
from privacy.lists.entry import Entry, Scope, Trigger
from privacy.lists.entry import Saying as Saying
from privacy.lists.matcher import ListImage
from resolver.policy_settings import Domain, ListUse, Policy, Rule, Schedule, Window
from resolver.settings import ResolverSettings
from wire.dns.names import read_name

EVERY_DAY = tuple(range(7))


def _tzif(zone: str) -> bytes:
    from importlib.resources import files

    return files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()


def schedule(name: str, *windows: tuple[int, int], zone: str = "UTC", days: tuple[int, ...] = EVERY_DAY) -> Schedule:
    """Windows in minutes of the day."""
    return Schedule(name, zone, _tzif(zone), tuple(Window(days, start, end) for start, end in windows))


def domains(*names: str) -> tuple[Domain, ...]:
    """`=x` exactly, `*.x` below, `x` the tree."""
    return tuple(_domain(name) for name in names)


def _domain(text: str) -> Domain:
    if text.startswith("="):
        return Domain(read_name(text[1:]), Scope.EXACT)
    if text.startswith("*."):
        return Domain(read_name(text[2:]), Scope.BELOW)
    return Domain(read_name(text))


def ruled(*rules: Rule, groups: tuple[str, ...] = ("default", "kids"), **more: object) -> ResolverSettings:
    """Settings of two client groups with these rules; `more` goes into the policy."""
    policy = Policy(rules=rules, **more)  # type: ignore[arg-type]
    return replace(settings("a"), client_groups=groups, policy=policy)


def blocked(line: int, name: str, **more: object) -> Entry:
    """An entry of a list that blocks a tree, unless `more` says otherwise."""
    given: dict[str, object] = {"trigger": Trigger.NAME, "saying": Saying.BLOCK, "name": read_name(name), **more}
    return Entry(line=line, **given)  # type: ignore[arg-type]


def image_of(**lists: list[Item]) -> ListImage:
    """The real image of lists by name."""
    sources = [Source(name, bytes(32), items) for name, items in lists.items()]
    return ListImage(compile_image(sources).image)


def uses(*names: str, **more: object) -> tuple[ListUse, ...]:
    return tuple(ListUse(name, **more) for name in names)  # type: ignore[arg-type]
