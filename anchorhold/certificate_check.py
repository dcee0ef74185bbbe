"""`anchorhold check` on the certificate that `[secure]` leads to: what no client would accept, and what will not last."""

import os
from ipaddress import ip_address
from pathlib import Path

from anchorhold.certificates.pair import Pair, Unusable, cautions, faults, read_chain, read_key
from anchorhold.certificates.settings import CHAIN, FOLDER_NAME, KEY, Kind
from anchorhold.certificates.subjects import Subjects
from anchorhold.config.errors import Problem
from anchorhold.config.places import read_named_file
from anchorhold.config.service import Loaded
from anchorhold.control_path import default_state_directory
from wire.units import Epoch

MOST_OCTETS = 1024 * 1024


def check_certificate(loaded: Loaded, now: Epoch) -> tuple[tuple[Problem, ...], list[str]]:
    """Errors, and warnings. Ours are judged only if there are any and we may read them: a run makes them anew in any case."""
    service = loaded.service.secure
    if service is None:
        return (), []
    wanted = service.renewal
    if wanted.kind is not Kind.FILES:
        return (), _of_ours(loaded, now)
    try:
        pair = Pair(read_chain(_read(service.chain)), read_key(_read(service.key)))
    except PermissionError as error:
        return (), [f"secure: {error.filename} can be judged only by who may read it; run this as root"]
    except OSError as error:
        field = "key" if error.filename == service.key else "chain"
        return (Problem(0, f"secure.{field}", f"{error.filename}: {error.strerror}", "correct the path"),), []
    except Unusable as error:
        what, _, hint = str(error).partition("; ")
        return (Problem(0, "secure", what, hint or "name the right file"),), []
    literal = [ip_address(one.address.host.partition("%")[0]) for one in service.listen if not one.wildcard]
    subjects = Subjects(wanted.names, tuple(dict.fromkeys(literal)))
    problems = [Problem(0, "secure", *_halves(text)) for text in faults(pair, subjects, now)]
    problems += _permissions(service.key)
    return tuple(problems), [f"secure: {text}" for text in cautions(pair, subjects, now)]


def _of_ours(loaded: Loaded, now: Epoch) -> list[str]:
    state = Path(loaded.service.state) if loaded.service.state else default_state_directory()
    folder = state / FOLDER_NAME
    try:
        pair = Pair(read_chain(_read(str(folder / CHAIN))), read_key(_read(str(folder / KEY))))
    except (OSError, Unusable):
        # None yet, or not for our eyes; a damaged one is told by the run itself.
        return []
    return [f"secure: {text}" for text in cautions(pair, Subjects(()), now)]


def _permissions(key: str) -> list[Problem]:
    if os.stat(key).st_mode & 0o007:
        hint = f"chmod o= {key}, and consider a new one"
        return [Problem(0, "secure.key", "everybody on this machine may read the key", hint)]
    return []


def _read(path: str) -> bytes:
    try:
        return read_named_file(path, MOST_OCTETS)
    except OSError as error:
        error.filename = path
        raise


def _halves(text: str) -> tuple[str, str]:
    what, _, hint = text.partition("; ")
    return what, hint
