"""Bring the lab up in a network namespace of its own and compare, or keep it up.

    unshare -n .venv/bin/python -m lab.run compare OUTPUT.json [unbound kresd …]
    unshare -n .venv/bin/python -m lab.run capture OUTPUT.json strict [relaxed …]
    unshare -n .venv/bin/python -m lab.run validated OUTPUT.json 600 unbound [ours …]
    unshare -n .venv/bin/python -m lab.run stay
    unshare -n .venv/bin/python -m lab.run stay-signed

with PYTHONPATH=tests. `stay` prints how to ask; `make lab` does that, and `make lab SIGNED=1` the other. `validated` is over
the signed name space, 600 of its questions asked by delv too.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import verdicts
from lab.capture import captured
from lab.compare import ask, ask_all, differences, stands_alone, zone_ttls
from lab.plan import PLACES, every_address
from lab.programs import Lab
from lab.questions import Question, questions
from lab.sealed import SEALED
from lab.tree import TREE
from lab.zones import anchor, build, seal

SIGNED_READY = tuple(
    Question(f"www.{zone}", "A", ".")
    for zone in ("p256-nsec.bind.", "p256-nsec3.knot.", "p256-i1.ldns.", "plain.cases.")
)
READY = (Question("www.apple.alpha.", "A", "."), Question("www.banana.beta.", "A", "."))
PATIENCE, IMPATIENCE = 40.0, 0.5
"""Seconds for a resolver to come up, and for one question to one that may not listen yet."""
EVERY = 4
"""A capture asks every fourth question: enough for every zone."""
SLOW = ("silent", "drops", "vanished", "truncates-no-tcp", "wrong-question", "all-lame")
"""Names whose servers keep us waiting are left out of it; a comparison begins with them."""


def make_network() -> None:
    """All addresses on the namespace's own loopback. Refuses to act in the machine's own namespace."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    if len(links) > 2 or not all(": lo:" in line or "NONE" in line for line in links):
        raise SystemExit("not in a network namespace of its own; start it with: unshare -n")
    lines = ["link set lo up"]
    for address in every_address():
        lines.append(
            f"addr add {address}/{128 if ':' in address else 32} dev lo" + (" nodad" if ":" in address else "")
        )
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True, capture_output=True)


def show_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        print(f"--- {log.name}", log.read_text(errors="replace")[-600:], sep="\n", file=sys.stderr)


def wait_until_ready(names: tuple[str, ...], questions: tuple[Question, ...] = READY) -> None:
    end = time.monotonic() + PATIENCE
    for name in names:
        for question in questions:
            while asyncio.run(ask(question, PLACES[name].v4, IMPATIENCE))[0] != "NOERROR":
                if time.monotonic() > end:
                    raise SystemExit(f"{name} does not answer {question.name}")
                time.sleep(0.2)


def compare(output: Path, names: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="anchorhold-lab-") as folder:
        Path(folder).chmod(0o755)
        contents = build(TREE, int(time.time()))
        asked = sorted(questions(contents), key=is_slow, reverse=True)
        with Lab(Path(folder), TREE, contents) as lab:
            lab.start_resolvers(*names)
            try:
                wait_until_ready(names)
                said = asyncio.run(ask_all(asked, names, zone_ttls(contents)))
            except SystemExit:
                show_logs(Path(folder))
                raise
    different = differences(asked, said)
    result = {
        "asked": len(asked),
        "rcodes": {name: Counter(row[name][0] for row in said) for name in names},
        "differences": [
            {"question": d.question._asdict(), "said": d.said, "alone": stands_alone(d, names[0])} for d in different
        ],
    }
    output.write_text(json.dumps(result, indent=1))


def is_told_on_the_way(question: Question) -> bool:
    """Whether it says something about minimisation, and is answered soon. Zones' own names are not asked for: their
    parents are asked about them as names on the way."""
    return question.name.lower() != question.zone and not is_slow(question)


def is_slow(question: Question) -> bool:
    """Whether the answer may take seconds."""
    return any(word in question.name for word in SLOW)


def capture(output: Path, modes: tuple[str, ...]) -> None:
    """What the servers receive from us in each of the minimising modes."""
    with tempfile.TemporaryDirectory(prefix="anchorhold-lab-") as folder:
        Path(folder).chmod(0o755)
        contents = build(TREE, int(time.time()))
        asked = [q for q in questions(contents) if is_told_on_the_way(q)][::EVERY]
        found = {}
        with Lab(Path(folder), TREE, contents) as lab:
            for mode in modes:
                lab.minimise = mode
                with captured() as finish:
                    lab.start_resolvers("ours")
                    wait_until_ready(("ours",))
                    asyncio.run(ask_all(asked, ("ours",), {}))
                    lab.stop("ours")
                    found[mode] = finish()
    output.write_text(json.dumps({"asked": [question.name for question in asked], "shown": found}))


@contextmanager
def signed_lab(*names: str) -> Iterator[Lab]:
    """The signed name space (`lab/sealed.py`) with the resolvers that are wanted."""
    with tempfile.TemporaryDirectory(prefix="anchorhold-lab-") as folder:
        Path(folder).chmod(0o755)
        contents = seal(build(SEALED, int(time.time())), Path(folder) / "signers")
        with Lab(Path(folder), SEALED, contents, validating=True) as lab:
            lab.start_resolvers(*names)
            try:
                wait_until_ready(names, SIGNED_READY)
            except SystemExit:
                show_logs(Path(folder))
                raise
            yield lab


def validated(output: Path, names: tuple[str, ...], delvs: int) -> None:
    """What each of `names` and, every so often, delv find."""
    asked = verdicts.questions(SEALED)
    step = max(1, len(asked) // delvs)
    with signed_lab(*names, "unchecking") as lab:
        said = asyncio.run(verdicts.ask_all(asked, names))
        anchors = lab.folder / "delv.anchor"
        verdicts.write_delv_anchor(anchors, anchor(SEALED))
        for row, found in zip(said[::step], asyncio.run(verdicts.delv_all(asked[::step], anchors)), strict=True):
            row["delv"] = found
    rows = [
        {
            "question": [q.name, q.rrtype, q.mode.name, q.zone],
            "said": {name: one._asdict() for name, one in row.items()},
        }
        for q, row in zip(asked, said, strict=True)
    ]
    output.write_text(json.dumps(rows))


def stay_signed() -> None:
    names = ("ours", "unbound", "unchecking")
    with signed_lab(*names) as lab:
        stay_up(lab, names, "www.p256-nsec.bind.", "+dnssec")


def stay() -> None:
    names = ("ours", "unbound", "kresd")
    with tempfile.TemporaryDirectory(prefix="anchorhold-lab-") as folder:
        Path(folder).chmod(0o755)
        with Lab(Path(folder), TREE, build(TREE, int(time.time()))) as lab:
            lab.start_resolvers(*names)
            wait_until_ready(names)
            stay_up(lab, names, "www.apple.alpha.")


def stay_up(lab: Lab, names: tuple[str, ...], *words: str) -> None:
    """Say how to ask, and wait for Ctrl-C."""
    for name in names:
        print(f"{name:10} dig @{PLACES[name].v4} {' '.join(words)}", flush=True)
    print("in another terminal: nsenter -t", lab.running["odd"].pid, "-n dig …   (Ctrl-C here ends it)", flush=True)
    with suppress(KeyboardInterrupt):
        lab.running["odd"].wait()
    print()


def main(arguments: list[str]) -> None:
    make_network()
    match arguments:
        case ["compare", output, *names]:
            compare(Path(output), tuple(names) or ("ours", "unbound", "kresd"))
        case ["capture", output, *modes]:
            capture(Path(output), tuple(modes))
        case ["validated", output, delvs, *names]:
            validated(Path(output), tuple(names), int(delvs))
        case ["stay"]:
            stay()
        case ["stay-signed"]:
            stay_signed()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
