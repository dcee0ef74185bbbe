"""A service made of unbound's configuration beside unbound itself, over the same upstreams: it answers the same, but for what a
table here explains.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.datagrams import answering
from kit.moved import moved_service
from kit.peers import free_ports, open_folder, peer, program
from kit.unbound_questions import SILENT, questions, said, upstream_answer

from anchorhold.migrate.reading import Reader
from anchorhold.migrate.unbound import migrate

CORPUS = Path(__file__).parents[1] / "corpus" / "unbound" / "live"
FILES = sorted(path.name for path in CORPUS.glob("*.conf"))
SOURCES = {"views.conf": [f"127.0.0.{number}" for number in range(1, 7)]}

pytestmark = pytest.mark.peer("unbound")


@contextmanager
def unbound(folder: Path, text: str, port: int) -> Iterator[None]:
    path = folder / "unbound.conf"
    path.write_text(
        f'{text}\nserver:\n  directory: "{folder}"\n  chroot: ""\n  username: ""\n  pidfile: ""\n  use-syslog: no\n'
        f"  do-daemonize: no\n  num-threads: 1\n  port: {port}\n  trust-anchor-signaling: no\n"
        "remote-control:\n  control-enable: no\n"
    )
    with program([peer("unbound"), "-c", str(path)], folder / "unbound.log", port):
        yield


@contextmanager
def ours(folder: Path, file: Path) -> Iterator[int]:
    """The port of the service made of `file`."""
    migration = migrate((file,), Reader())
    migration.draft.table("limits").set("rate", 0)  # all questions come from one client, as fast as it can
    with moved_service(migration, folder) as port:
        lost = [line.shown() for line in migration.report.lines if "refused by our own check" in line.reason]
        assert lost == []
        yield port


def explained(source: str, name: str, theirs: str, here: str) -> str:
    """Why the answers may differ; empty if they may not."""
    if theirs == here:
        return "same"
    if theirs == SILENT and here.startswith("refused"):
        return "refused instead of left without an answer"
    if name == "open.half.example" and (theirs, here) == ("refused", "noerror"):
        return "a name that has records has no others, instead of refusing them"
    if (source, name, here) == ("127.0.0.2", "desk.example", "noerror"):
        return "the very name of a zone that is closed for all is closed for a view that adds to it"
    return ""


@pytest.mark.parametrize("file", FILES)
def test_a_migrated_service_answers_what_unbound_answers(file: str) -> None:
    with (
        open_folder() as folder,
        answering(lambda data: upstream_answer(data, 1)) as one,
        answering(lambda data: upstream_answer(data, 2)) as two,
    ):
        text = (CORPUS / file).read_text().replace("@5399", f"@{one}").replace("@5398", f"@{two}")
        copy = folder / file
        copy.write_text(text)
        asked = [(source, *question) for source in SOURCES.get(file, ["127.0.0.1"]) for question in questions(text)]
        (port,) = free_ports(1)
        with unbound(folder, text, port):
            theirs = [said(name, kind, port, source) for source, name, kind in asked]
        with ours(folder, copy) as port:
            here = [said(name, kind, port, source) for source, name, kind in asked]
    counted: Counter[str] = Counter()
    unexplained = []
    for (source, name, kind), one_said, other_said in zip(asked, theirs, here, strict=True):
        reason = explained(source, name, one_said, other_said)
        counted[reason or "unexplained"] += 1
        if not reason:
            unexplained.append(f"{source} {name} {kind}: unbound {one_said!r}, here {other_said!r}")
    print(f"{file}: {len(asked)} questions: {dict(counted)}")
    assert unexplained == [], "\n".join(unexplained)
    assert len(asked) >= 100
