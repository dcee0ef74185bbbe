"""The bundles of domains that come with the program (`anchorhold/data/services.toml`), for a command to show."""

import tomllib
from importlib.resources import files


class ServicesDamaged(Exception):
    """The file cannot be read; the text says why."""


def read_services() -> dict[str, list[str]]:
    """Name → domains, in the order of the file. Raises ServicesDamaged."""
    try:
        text = files("anchorhold").joinpath("data/services.toml").read_text(encoding="utf-8")
        rows = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ServicesDamaged(f"the table of services cannot be read ({type(error).__name__})") from None
    return dict(_rows(rows))


def _rows(rows: dict[str, object]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    listed = rows.get("service")
    if isinstance(listed, list):
        found += [(str(row["name"]), [str(one) for one in row["domains"]]) for row in listed]
    else:
        for name, row in (listed if isinstance(listed, dict) else rows).items():
            domains = row.get("domains") if isinstance(row, dict) else row
            if isinstance(domains, list):
                found.append((name, [str(one) for one in domains]))
    return found
