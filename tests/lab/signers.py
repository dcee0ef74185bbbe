"""Zones signed by the programs that sign the real ones: BIND's dnssec-signzone, Knot's kzonesign, ldns-signzone."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lab.keys import ZSK, Key, dnskey_of, write_key, write_pem

HOUR, DAY = 3_600, 86_400
AT_ONCE = 4
PATIENCE = 30


class Signer(Enum):
    """Who signs."""

    BIND = "dnssec-signzone"
    KNOT = "kzonesign"
    LDNS = "ldns-signzone"


@dataclass(frozen=True, slots=True)
class Denial:
    """NSEC, or with `iterations` NSEC3. `salt` in hexadecimal digits; Knot makes up one of its own of the same length."""

    iterations: int | None = None
    salt: str = ""
    opt_out: bool = False


NSEC = Denial()


@dataclass(frozen=True, slots=True)
class Seal:
    """How a zone is signed: by whom, with which keys, from when to when (seconds from now)."""

    signer: Signer
    keys: tuple[Key, ...]
    denial: Denial = NSEC
    begin: int = -HOUR
    end: int = 30 * DAY


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A zone to be signed: its master file, names in full, one record a line."""

    origin: str
    text: str
    seal: Seal


class SignerFailed(Exception):
    """A signer did not do what it was asked for."""


def sign_all(zones: list[Unsigned], folder: Path) -> dict[str, str]:
    """Master files of the signed zones by origin; what the signers need is written below `folder`. Raises SignerFailed."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = pool.map(lambda zone: sign(zone, folder), zones)
    return {zone.origin: text for zone, text in zip(zones, made, strict=True)}


def sign(zone: Unsigned, folder: Path) -> str:
    """The same for one zone."""
    place = folder / ("root" if zone.origin == "." else zone.origin.rstrip("."))
    place.mkdir(parents=True)
    return {Signer.BIND: _bind, Signer.KNOT: _knot, Signer.LDNS: _ldns}[zone.seal.signer](zone, place)


def _bind(zone: Unsigned, place: Path) -> str:
    seal, denial = zone.seal, zone.seal.denial
    (place / "unsigned").write_text(zone.text + _dnskeys(zone))
    stems = [str(write_key(place, zone.origin, key)) for key in seal.keys if key.active]
    words = ["-q", "-o", zone.origin, "-f", str(place / "signed"), "-n", "1", "-P", *_bind_times(seal)]
    words.append("-x" if _has_zsk(seal) else "-z")
    if denial.iterations is not None:
        words += ["-3", denial.salt or "-", "-H", str(denial.iterations), *(["-A"] if denial.opt_out else [])]
    _run(place, "dnssec-signzone", *words, str(place / "unsigned"), *stems)
    return (place / "signed").read_text()


def _bind_times(seal: Seal) -> list[str]:
    begin, end = _times(seal, "%Y%m%d%H%M%S")
    return ["-s", begin, "-e", end]


def _ldns(zone: Unsigned, place: Path) -> str:
    seal, denial = zone.seal, zone.seal.denial
    (place / "unsigned").write_text(zone.text + _dnskeys(zone))
    stems = [str(write_key(place, zone.origin, key)) for key in seal.keys if key.active]
    begin, end = _times(seal, "%Y%m%d%H%M%S")
    words = ["-o", zone.origin, "-f", str(place / "signed"), "-i", begin, "-e", end]
    if denial.iterations is not None:
        words += ["-n", "-t", str(denial.iterations), *(["-s", denial.salt] if denial.salt else [])]
        words += ["-p"] if denial.opt_out else []
    _run(place, "ldns-signzone", *words, str(place / "unsigned"), *stems)
    return (place / "signed").read_text()


def _knot(zone: Unsigned, place: Path) -> str:
    seal = zone.seal
    (place / "unsigned").write_text(zone.text)
    config = place / "config"
    config.write_text(_knot_configuration(zone, place))
    for key in seal.keys:
        _run(place, "keymgr", "-c", str(config), zone.origin, *_import(zone, key, place))
    _run(place, "kzonesign", "-c", str(config), "-o", str(place / "out"), zone.origin)
    return next((place / "out").iterdir()).read_text()


def _import(zone: Unsigned, key: Key, place: Path) -> tuple[str, ...]:
    """The command that gives Knot a key. From BIND's files it does not believe that one key may sign everything."""
    if key.active and not _has_zsk(zone.seal):
        pem = write_pem(place, zone.origin, key)
        return "import-pem", str(pem), f"algorithm={key.algorithm}", "ksk=yes", "zsk=yes"
    return "import-bind" if key.active else "import-pub", str(write_key(place, zone.origin, key))


def _knot_configuration(zone: Unsigned, place: Path) -> str:
    seal, denial = zone.seal, zone.seal.denial
    for name in ("out", "db"):
        (place / name).mkdir()
    return f"""server:
  rundir: "{place}"
database:
  storage: "{place}/db"
log:
  - target: stderr
    any: error
policy:
  - id: all
    manual: on
    single-type-signing: {"off" if _has_zsk(seal) else "on"}
    rrsig-lifetime: {seal.end}
    nsec3: {"off" if denial.iterations is None else "on"}
    nsec3-iterations: {denial.iterations or 0}
    nsec3-opt-out: {"on" if denial.opt_out else "off"}
    nsec3-salt-length: {len(denial.salt) // 2}
zone:
  - domain: "{zone.origin}"
    file: "{place}/unsigned"
    dnssec-signing: on
    dnssec-policy: all
    journal-content: none
"""


def _dnskeys(zone: Unsigned) -> str:
    lines = (f"{zone.origin} {HOUR} IN DNSKEY {dnskey_of(zone.origin, key).to_text()}\n" for key in zone.seal.keys)
    return "".join(lines)


def _has_zsk(seal: Seal) -> bool:
    return any(key.flags == ZSK and key.active for key in seal.keys)


def _times(seal: Seal, form: str) -> tuple[str, str]:
    now = time.time()
    begin, end = (time.strftime(form, time.gmtime(now + offset)) for offset in (seal.begin, seal.end))
    return begin, end


def _run(place: Path, *command: str) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )
    if done.returncode != 0:
        raise SignerFailed(f"{' '.join(command)}: {done.stdout[-600:]}{done.stderr[-600:]}")
