"""The list of public resolvers a user may choose from (`anchorhold/data/operators.toml`), as values."""

import tomllib
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

TRANSPORTS = ("tls", "https")
"""The URL fields of a row, best first."""


@dataclass(frozen=True, slots=True)
class Service:
    """One public resolver service; the fields are explained at the head of the data file.

    `urls` holds a server URL per transport it offers. `dnssec` and `subnet` are None where nothing was found.
    """

    name: str
    operator: str
    urls: dict[str, str]
    jurisdiction: str
    filtering: str
    logging: str
    policy: str
    source: str
    collected: date
    dnssec: bool | None = None
    subnet: bool | None = None

    @property
    def url(self) -> str:
        """The URL of its first transport."""
        return next(self.urls[transport] for transport in TRANSPORTS if transport in self.urls)


def read_services() -> tuple[Service, ...]:
    """Every row of the data file, in its order."""
    text = files("anchorhold").joinpath("data/operators.toml").read_text(encoding="utf-8")
    return tuple(_read_row(row) for row in tomllib.loads(text)["service"])


def _read_row(row: dict[str, object]) -> Service:
    urls = {transport: str(row.pop(transport)) for transport in TRANSPORTS if transport in row}
    return Service(urls=urls, **row)  # type: ignore[arg-type] # the rows are ours, and a test reads every one


def operator_of(url: str, services: tuple[Service, ...]) -> str | None:
    """Who answers at `url`, if the list knows the name it authenticates."""
    wanted = _host_name(url)
    for service in services:
        if any(_host_name(known) == wanted for known in service.urls.values()):
            return service.operator
    return None


def _host_name(url: str) -> str:
    rest = url.partition("://")[2]
    return rest.split("@")[0].split("/")[0].split(":")[0].lower() if "://" in url else ""
