"""Cases of `tests/corpus/lists/`: a list, a line of dashes, and what it must say. The format is the file's first word.

    NAME TYPE VERDICT          of a question
    address ADDRESS VERDICT    of an address in an answer; `server NAME`, `server-address ADDRESS` of an authoritative server
    skip LINE WORDS            a line that is not used, and words of the reason; all such lines are there

VERDICT is `-` for none, or what is said and the line that says it; records follow `records LINE`, separated by `|`.
"""

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import dns.rdata
import dns.rdatatype

from privacy.lists.compile import Compiled, Source, compile_image
from privacy.lists.entry import Record, Saying
from privacy.lists.formats import read_list
from privacy.lists.matcher import Hit, ListImage
from wire.dns.names import read_name

CORPUS = Path(__file__).parents[1] / "corpus/lists"
CASES = sorted(CORPUS.glob("*.case"))


@dataclass(frozen=True)
class Case:
    syntax: str
    text: bytes
    questions: dict[str, str]
    """What is asked → the verdict."""
    skipped: list[tuple[int, str]]


def read_case(path: Path) -> Case:
    text, _, expected = path.read_text().partition("-----\n")
    lines = expected.splitlines()
    skips = [line.split(maxsplit=2)[1:] for line in lines if line.startswith("skip ")]
    asked = [line.split(maxsplit=2) for line in lines if not line.startswith("skip ")]
    questions = {f"{subject} {detail}": verdict for subject, detail, verdict in asked}
    assert len(questions) == len(asked)
    return Case(path.stem.partition("-")[0], text.encode(), questions, [(int(line), why) for line, why in skips])


def compile_case(case: Case) -> Compiled:
    return compile_image([Source("it", sha256(case.text).digest(), read_list(case.text, case.syntax))])


def ask(image: ListImage, question: str) -> str:
    subject, detail = question.split(" ")
    match subject:
        case "address":
            hits = image.address_hits(ip_address(detail).packed)
        case "server-address":
            hits = image.server_address_hits(ip_address(detail).packed)
        case "server":
            hits = image.server_hits(read_name(detail))
        case _:
            hits = image.name_hits(read_name(subject), dns.rdatatype.from_text(detail))
    return verdict_of(hits, closest=subject in ("address", "server", "server-address"))


def verdict_of(hits: tuple[Hit, ...], closest: bool) -> str:
    """As of docs/guide/lists.md: important before not, then allow before block, then the closest; of addresses the closest."""
    if not hits:
        return "-"
    hit = hits[0] if closest else min(hits, key=lambda hit: (not hit.important, hit.saying is not Saying.ALLOW))
    said = f"{hit.saying.name.lower()} {hit.line}"
    return " ".join((said, " | ".join(map(show_record, hit.records)))) if hit.records else said


def show_record(record: Record) -> str:
    data = dns.rdata.from_wire("IN", record.rrtype, record.rdata, 0, len(record.rdata))
    return f"{dns.rdatatype.to_text(record.rrtype)} {data.to_text()}"
