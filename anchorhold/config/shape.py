"""TOML text to the tables of `schema.py`: syntax, unknown keys, single values; complaints with path and line."""

import copy
import difflib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from anchorhold.config import schema, schema_dhcp, schema_oblivious, schema_policy, schema_secure
from anchorhold.config.errors import Path, Problem, show_path
from anchorhold.config.lines import line_index, line_of

ADAPTER = TypeAdapter(schema.ConfigFile)

_TABLES: dict[str, type] = {
    "service": schema.ServiceTable,
    "listen": schema.ListenTable,
    "access": schema.AccessTable,
    "clients": schema.ClientsTable,
    "resolve": schema.ResolveTable,
    "route": schema.RouteTable,
    "upstreams": schema.UpstreamsTable,
    "servers": schema.ServerTable,
    "local": schema_policy.LocalTable,
    "hosts": schema_policy.HostsTable,
    "rule": schema_policy.RuleTable,
    "schedules": schema_policy.ScheduleTable,
    "lists": schema_policy.ListTable,
    "protect": schema_policy.ProtectTable,
    "rebinding": schema_policy.RebindingTable,
    "dns64": schema.Dns64Table,
    "dnssec": schema.DnssecTable,
    "negative": schema.NegativeTable,
    "cache": schema.CacheTable,
    "limits": schema.LimitsTable,
    "privacy": schema.PrivacyTable,
    "secure": schema_secure.SecureTable,
    "odoh": schema_oblivious.OdohTable,
    "targets": schema_oblivious.CarriedTable,
    "dhcp": schema_dhcp.DhcpTable,
    "subnet": schema_dhcp.SubnetTable,
    "pools": schema_dhcp.PoolTable,
    "delegations": schema_dhcp.DelegationTable,
    "host": schema_dhcp.HostTable,
    "classes": schema_dhcp.ClassTable,
    "advertise": schema_dhcp.AdvertiseTable,
    "prefixes": schema_dhcp.AdvertisedPrefixTable,
    "routes": schema_dhcp.AdvertisedRouteTable,
}
_SHOWN = {
    "clients": "[clients.NAME]",
    "upstreams": "[upstreams.NAME]",
    "route": "[[route]]",
    "local": "[[local]]",
    "rule": "[[rule]]",
    "schedules": "[schedules.NAME]",
    "lists": "[lists.NAME]",
    "servers": "a server's table",
    "negative": "[[dnssec.negative]]",
    "odoh": "[secure.odoh]",
    "targets": "a table in targets of [secure.odoh]",
    "subnet": "[[dhcp.subnet]]",
    "pools": "a table in pools of [[dhcp.subnet]]",
    "delegations": "[[dhcp.subnet.delegations]]",
    "host": "[[dhcp.host]]",
    "classes": "[dhcp.classes.NAME]",
    "advertise": "[[dhcp.advertise]]",
    "prefixes": "a table in prefixes of [[dhcp.advertise]]",
    "routes": "a table in routes of [[dhcp.advertise]]",
}

_SHORT: tuple[tuple[tuple[str, ...], str], ...] = (
    (("upstreams", "*", "servers"), "url"),
    (("secure", "odoh", "targets"), "url"),
    (("lists",), "url"),
    (("dhcp", "subnet", "*", "pools"), "range"),
    (("dhcp", "advertise", "*", "prefixes"), "prefix"),
)
"""Arrays of tables in which a string is short for a table with this key alone; `*` is any key or element."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """What could be read. If there are problems, `config` is what remained without the wrong parts (None: nothing).

    `wrong` are the paths that were taken out: complaints about their absence would only confuse.
    """

    config: schema.ConfigFile | None
    problems: tuple[Problem, ...]
    lines: dict[Path, int]
    wrong: tuple[Path, ...]


def read_shape(text: str) -> Shaped:
    """The tables in `text`, and all that is wrong with them taken singly."""
    try:
        data = tomllib.loads(text)
        lines = line_index(text)
    except RecursionError:
        return Shaped(None, (Problem(0, "", "it is nested too deeply", "no setting needs that"),), {}, ())
    except ValueError as error:
        # TOMLDecodeError, and what int() says of numbers with thousands of digits.
        return Shaped(None, (_syntax_problem(error, text),), {}, ())
    for place, key in _SHORT:
        _spell_out(data, place, key)
    try:
        return Shaped(ADAPTER.validate_python(data), (), lines, ())
    except ValidationError as error:
        details = error.errors()
    problems = tuple(_problem(detail, lines) for detail in details)
    wrong = tuple(detail["loc"] for detail in details)
    return Shaped(_rest(data, details), problems, lines, wrong)


def _syntax_problem(error: ValueError, text: str) -> Problem:
    message = str(error)
    place = re.search(r" \(at line (\d+), column \d+\)$", message)
    line = int(place[1]) if place else text.count("\n") + 1
    what = message[: place.start()] if place else message.removesuffix(" (at end of document)")
    return Problem(line, "", f"this is no TOML: {what}", 'strings stand in "quotes", tables in [brackets]')


def _spell_out(data: Any, path: tuple[str, ...], key: str) -> None:
    """Strings in the array or table at `path` become the tables they are short for."""
    if len(path) > 1:
        for inner in _below(data, path[0]):
            _spell_out(inner, path[1:], key)
    elif isinstance(data, dict) and isinstance(array := data.get(path[0]), list):
        data[path[0]] = [{key: item} if isinstance(item, str) else item for item in array]
    elif isinstance(data, dict) and isinstance(table := data.get(path[0]), dict):
        data[path[0]] = {name: {key: item} if isinstance(item, str) else item for name, item in table.items()}


def _below(data: Any, key: str) -> list[Any]:
    if key != "*":
        return [data[key]] if isinstance(data, dict) and key in data else []
    if isinstance(data, dict):
        return list(data.values())
    return data if isinstance(data, list) else []


def _rest(data: dict[str, Any], details: list[ErrorDetails]) -> schema.ConfigFile | None:
    """`data` without what `details` complain of, so that the rest can still be checked."""
    data = copy.deepcopy(data)
    for detail in details:
        _prune(data, detail)
    try:
        return ADAPTER.validate_python(data)
    except ValidationError:
        return None


def _prune(data: dict[str, Any], detail: ErrorDetails) -> None:
    path: Path = detail["loc"]
    if detail["type"] != "unexpected_keyword_argument":
        # Taking one element out of an array would move the others; the array goes as a whole.
        first = next((place for place, part in enumerate(path) if isinstance(part, int)), len(path))
        path = path[:first]
    parent: Any = data
    for part in path[:-1]:
        try:
            parent = parent[part]
        except (KeyError, IndexError, TypeError):
            return
    if detail["type"] == "dataclass_type" and path == detail["loc"]:
        parent[path[-1]] = {}
    elif isinstance(parent, dict):
        parent.pop(path[-1], None)


def _problem(detail: ErrorDetails, lines: dict[Path, int]) -> Problem:
    path: Path = detail["loc"]
    kind = detail["type"]
    what, hint = _UNUSUAL[kind](detail) if kind in _UNUSUAL else _ordinary(detail)
    return Problem(line_of(lines, path), show_path(path), what, hint)


def _ordinary(detail: ErrorDetails) -> tuple[str, str]:
    said = detail["msg"].removeprefix("Input ").replace("should be", "it must be")
    return f"{_shown(detail['input'])} will not do", said


def _shown(value: object) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unknown_key(detail: ErrorDetails) -> tuple[str, str]:
    path: Path = detail["loc"]
    key = str(path[-1])
    if len(path) == 1:
        known = [field.name for field in fields(schema.ConfigFile)]
        elsewhere = ""
    else:
        known = [field.name for field in fields(_table_at(path))]
        elsewhere = _home_of(key)
    close = difflib.get_close_matches(key, known, 1)
    if close:
        return "unknown key", f"did you mean {close[0]!r}?"
    if elsewhere:
        return "unknown key here", f"it belongs in {elsewhere}"
    return "unknown key", f"known here: {', '.join(known)}"


def _table_at(path: Path) -> Any:
    """The table that holds the key at the end of `path`: along the types of `schema.py`."""
    kind: Any = schema.ConfigFile
    for part in path[:-1]:
        # A field of a table, or one element of an array or a dictionary.
        kind = get_type_hints(kind)[str(part)] if is_dataclass(kind) else _one_table(kind)
        if type(None) in get_args(kind):
            kind = _one_table(kind)
    return kind


def _one_table(kind: Any) -> Any:
    return next(inner for inner in get_args(kind) if is_dataclass(inner))


def _home_of(key: str) -> str:
    for name, table in _TABLES.items():
        if key in (field.name for field in fields(table)):
            return _SHOWN.get(name, f"[{name}]")
    return ""


def _missing(detail: ErrorDetails) -> tuple[str, str]:
    return "it is missing", f"add {detail['loc'][-1]} = …"


def _no_array(detail: ErrorDetails) -> tuple[str, str]:
    value = detail["input"]
    if isinstance(value, str):
        return "it must be an array", f'write ["{value}"]'
    if isinstance(value, dict):
        return "it must be an array of tables", f"write [[{detail['loc'][-1]}]] with two brackets"
    return f"{_shown(value)} is no array", 'write ["…", "…"]'


def _no_table(detail: ErrorDetails) -> tuple[str, str]:
    return f"{_shown(detail['input'])} is no table", f"write [{show_path(detail['loc'])}] above its keys"


def _no_text(detail: ErrorDetails) -> tuple[str, str]:
    value = detail["input"]
    hint = "write one string" if isinstance(value, list | dict) else f'write "{value}" with quotes'
    return f"{_shown(value)} is no text", hint


def _own_words(detail: ErrorDetails) -> tuple[str, str]:
    """The reason of one of our validators: `what: hint`."""
    what, _, hint = str(detail["ctx"]["error"]).partition(": ")
    return f"{_shown(detail['input'])}: {what}", hint


def _no_choice(detail: ErrorDetails) -> tuple[str, str]:
    expected = str(detail["ctx"]["expected"])
    close = difflib.get_close_matches(str(detail["input"]), re.findall(r"'([^']+)'", expected), 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{_shown(detail['input'])} is none of the choices", f"{hint}{expected}"


_UNUSUAL: dict[str, Callable[[ErrorDetails], tuple[str, str]]] = {
    "unexpected_keyword_argument": _unknown_key,
    "missing": _missing,
    "tuple_type": _no_array,
    "dataclass_type": _no_table,
    "dict_type": _no_table,
    "string_type": _no_text,
    "value_error": _own_words,
    "enum": _no_choice,
}
