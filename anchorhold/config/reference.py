"""The reference page of all settings, made from `schema.py`; run as a module it writes docs/reference.md."""

import ast
import dataclasses
import inspect
import json
import sys
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

from anchorhold.config import schema, schema_acme, schema_dhcp, schema_oblivious, schema_policy, schema_secure

PAGE = Path(__file__).parents[2] / "docs/reference.md"

TABLES: tuple[tuple[str, type], ...] = (
    ("[listen]", schema.ListenTable),
    ("[access]", schema.AccessTable),
    ("[upstreams.NAME]", schema.UpstreamsTable),
    ("a server in [upstreams.NAME]", schema.ServerTable),
    ("[resolve]", schema.ResolveTable),
    ("[[route]]", schema.RouteTable),
    ("[clients.NAME]", schema.ClientsTable),
    ("[[local]]", schema_policy.LocalTable),
    ("[hosts]", schema_policy.HostsTable),
    ("[[rule]]", schema_policy.RuleTable),
    ("[schedules.NAME]", schema_policy.ScheduleTable),
    ("[lists.NAME]", schema_policy.ListTable),
    ("[protect]", schema_policy.ProtectTable),
    ("[rebinding]", schema_policy.RebindingTable),
    ("[dns64]", schema.Dns64Table),
    ("[dnssec]", schema.DnssecTable),
    ("[[dnssec.negative]]", schema.NegativeTable),
    ("[secure]", schema_secure.SecureTable),
    ("[secure.acme]", schema_acme.AcmeTable),
    ("[secure.acme.update]", schema_acme.UpdateTable),
    ("[secure.odoh]", schema_oblivious.OdohTable),
    ("a target in [secure.odoh]", schema_oblivious.CarriedTable),
    ("[dhcp]", schema_dhcp.DhcpTable),
    ("[[dhcp.subnet]]", schema_dhcp.SubnetTable),
    ("a pool in [[dhcp.subnet]]", schema_dhcp.PoolTable),
    ("[[dhcp.subnet.delegations]]", schema_dhcp.DelegationTable),
    ("[[dhcp.host]]", schema_dhcp.HostTable),
    ("[dhcp.classes.NAME]", schema_dhcp.ClassTable),
    ("[[dhcp.advertise]]", schema_dhcp.AdvertiseTable),
    ("a prefix in [[dhcp.advertise]]", schema_dhcp.AdvertisedPrefixTable),
    ("[[dhcp.advertise.routes]]", schema_dhcp.AdvertisedRouteTable),
    ("[cache]", schema.CacheTable),
    ("[limits]", schema.LimitsTable),
    ("[privacy]", schema.PrivacyTable),
    ("[service]", schema.ServiceTable),
)
"""Heading and table, most used first."""

SHORT = (
    schema.ServerTable,
    schema_oblivious.CarriedTable,
    schema_dhcp.PoolTable,
    schema_dhcp.AdvertisedPrefixTable,
    schema_policy.ListTable,
)
"""Tables that a string may stand for."""

HEAD = """\
# Every setting

Made from `anchorhold/config/schema.py`, `schema_dhcp.py`, `schema_policy.py` and `schema_secure.py` beside it by
`python -m anchorhold.config.reference`; do not edit it by hand. Unknown keys are errors. `anchorhold check FILE` shows
every error at once, with its line and what to do.

The smallest configuration that is of use:

```toml
[listen]
addresses = ["127.0.0.1:5300"]

[upstreams.default]
servers = ["tls://dns.example@192.0.2.1"]
```
"""

_NAMES = {str: "text", bool: "true or false", int: "whole number", float: "number", datetime: "date or time"}


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(title, table) for title, table in TABLES)])


def _section(title: str, table: type) -> str:
    meanings = attribute_texts(table)
    rows = [
        f"| `{field.name}` | {_kind(table, field.name)} | {_default(field)} | {meanings[field.name]} |"
        for field in dataclasses.fields(table)
    ]
    about = inspect.getdoc(table) or ""
    return "\n".join(
        [f"## {title}", "", about, "", "| key | value | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def attribute_texts(table: type) -> dict[str, str]:
    """Field name → the text below it in the source, on one line. Raises KeyError in `page` for a field without one."""
    body = ast.parse(inspect.getsource(table)).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 # the source of a class
    texts = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = " ".join(text.split()).replace("|", "\\|")
    return texts


def _kind(table: type, name: str) -> str:
    return _kind_name(get_type_hints(table)[name])


def _kind_name(hint: object) -> str:
    arguments = get_args(hint)
    if type(None) in arguments:
        return _kind_name(arguments[0])
    if get_origin(hint) is dict:
        return "tables by name" if dataclasses.is_dataclass(arguments[1]) else "table of options"
    if arguments and dataclasses.is_dataclass(arguments[0]) and arguments[0] not in SHORT:
        return "array of tables"
    if arguments:
        return f"array of {_kind_name(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " ".join(f"`{member.value}`" for member in hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return "texts or tables"
    return _NAMES[hint] if isinstance(hint, type) else str(hint)


def _default(field: "dataclasses.Field[object]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "none"
    if field.default is dataclasses.MISSING:
        return "needed"
    if field.default is None:
        return "none"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
