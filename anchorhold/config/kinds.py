"""What a single value of the configuration file may be: text, numbers, sizes, spans of time, moments."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, Strict

CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False)
"""Unknown keys are errors: a misspelt setting must not be a silent default."""

_SIZES = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SPANS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}

Text = Annotated[str, Strict()]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Ttl = Annotated[int, Strict(), Field(ge=0, le=604_800)]
"""Seconds, at most a week."""


def _read_scaled(value: object, pattern: str, units: dict[str, int], refusal: str) -> object:
    """A number with a unit of `units`; what is no text is left for pydantic. Raises ValueError."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(pattern, value)
    if match is None:
        raise ValueError(refusal)
    return int(match[1]) * units[match[2]]


def read_size(value: object) -> object:
    """Octets from a number or from text such as `32 MiB`; anything else is left for pydantic to refuse."""
    refusal = "no size: write octets, or a number with KiB, MiB or GiB, such as 32 MiB"
    return _read_scaled(value, r"(\d{1,12}) ?(KiB|MiB|GiB|)", _SIZES, refusal)


Size = Annotated[int, Strict(), BeforeValidator(read_size), Field(ge=1024**2, le=64 * 1024**3)]
"""Octets."""


MOST_CORES = 64
ALL_CORES = 0
"""Stands for `"all"`."""


def read_cores(value: object) -> object:
    """A number of processors, ALL_CORES for the text `all`; what is neither number nor text is left for pydantic to refuse."""
    if value == "all":
        return ALL_CORES
    if isinstance(value, str) or (isinstance(value, int) and value < 1):
        raise ValueError(f'no number of processors: write 1 to {MOST_CORES}, or "all"')
    return value


Cores = Annotated[int, Strict(), BeforeValidator(read_cores), Field(ge=0, le=MOST_CORES)]
"""Processors."""


def read_until(value: object) -> object:
    """The moment that a date or a time means; without an offset UTC. What is neither is left for pydantic to refuse."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("no date: write 2026-12-31 or 2026-12-31T18:00:00Z") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


Until = Annotated[datetime, Strict(), BeforeValidator(read_until)]
"""A moment."""


def read_span(value: object) -> object:
    """Seconds from a number or from text such as `12h`; anything else is left for pydantic to refuse."""
    refusal = "no span of time: write seconds, or a number with s, m, h or d, such as 12h"
    return _read_scaled(value, r"(\d{1,10}) ?([smhd]?)", _SPANS, refusal)


Span = Annotated[int, Strict(), BeforeValidator(read_span), Field(ge=0, le=31_536_000)]
"""Seconds, at most a year."""


def read_option(value: object) -> object:
    """An option's value as the text that the table of options takes: numbers and arrays may be written as such."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(item, str | int) for item in value):
        return ", ".join(str(read_option(item)) for item in value)
    return value


OptionText = Annotated[str, Strict(), BeforeValidator(read_option)]
"""What an option holds, as text."""
