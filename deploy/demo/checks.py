"""What became of a question, and what of it was not as expected."""

from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rdtypes.svcbbase

from demo.authorities import BY_TITLE, Authority
from demo.doors import SCHEMES, unpadded
from demo.questions import ANYBODY, INSECURE, NOBODY, SECURE, UNTOLD, Question
from demo.zone import Seen

PADDING_OPTION, COOKIE_OPTION, BLOCK = 12, 10, 128
TRANSPORTS = {"DoT": "tls", "DoH": "https"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with everything that is known of what became of it."""

    question: Question
    response: dns.message.Message
    over: str
    seen: tuple[Seen, ...]
    explained: dict[str, object]
    milliseconds: float


def data_of(response: dns.message.Message, rrtype: str) -> set[str]:
    """The record data of the type asked for; of ways in, only what they speak."""
    wanted = dns.rdatatype.from_text(rrtype)
    if wanted == dns.rdatatype.SVCB:
        records = [item for rrset in response.answer if rrset.rdtype == wanted for item in rrset]
        return {name.decode() for item in records for name in item.params[dns.rdtypes.svcbbase.ParamKey.ALPN].ids}
    found = [item.to_text() for rrset in response.answer if rrset.rdtype == wanted for item in rrset]
    return {f"{len(found)} records"} if len(found) > 4 else set(found)


def worth(asked: Asked) -> str:
    """What AD says of the answer: proved, or not proved where that was looked into and the client asked."""
    response, question = asked.response, asked.question
    if response.flags & dns.flags.AD:
        return SECURE
    looked_into = question.sets in ("AD", "DO") and question.group and response.rcode() != dns.rcode.SERVFAIL
    return INSECURE if looked_into else UNTOLD


def error_of(response: dns.message.Message) -> dns.edns.EDEOption | None:
    """The extended error, which says why (RFC 8914)."""
    return next((option for option in response.options if isinstance(option, dns.edns.EDEOption)), None)


def signatures(response: dns.message.Message) -> int:
    """How many came along."""
    sections = (*response.answer, *response.authority)
    return sum(len(rrset) for rrset in sections if rrset.rdtype == dns.rdatatype.RRSIG)


def faults(asked: Asked) -> list[str]:
    """What was not as expected, in words."""
    question, wrong = asked.question, []
    rcode = dns.rcode.to_text(asked.response.rcode())
    if rcode != question.rcode:
        wrong.append(f"response code {rcode}, expected {question.rcode}")
    if data_of(asked.response, question.rrtype) != set(question.answer):
        wrong.append(f"answer {sorted(data_of(asked.response, question.rrtype))}, expected {sorted(question.answer)}")
    if asked.response.question[0].name.labels != dns.name.from_text(question.name).labels:
        wrong.append("the question came back in another spelling")
    operators = {seen.operator for seen in asked.seen}
    expected = {ANYBODY: ({"North"}, {"South"}), NOBODY: (set(),)}.get(question.goes, ({*question.goes.split(", ")},))
    if operators not in expected:
        wrong.append(f"seen by {sorted(operators) or NOBODY}, expected {question.goes}")
    group = asked.explained.get("upstream_group") or ""
    if group != question.group:
        wrong.append(f"explained as group {group!r}, expected {question.group!r}")
    if asked.over in SCHEMES:
        wrong += unpadded(asked.over, asked.response)
    return wrong + unproved(asked) + [fault for seen in asked.seen for fault in leaks(asked, seen)]


def unproved(asked: Asked) -> list[str]:
    """Where what the answer says of its worth is not as expected."""
    question, wrong = asked.question, []
    if worth(asked) != question.worth:
        wrong.append(f"the answer is {worth(asked)}, expected {question.worth}")
    error = error_of(asked.response)
    code = 0 if error is None else int(error.code)
    if question.error and code != question.error:
        wrong.append(f"extended error {code}, expected {question.error}")
    if bool(signatures(asked.response)) != (question.sets == "DO"):
        wrong.append(f"{signatures(asked.response)} signatures came with {question.sets or 'no bit'} set")
    return wrong


def leaks(asked: Asked, seen: Seen) -> list[str]:
    """What an upstream should not have received, or not in this form."""
    authority = BY_TITLE.get(seen.operator)
    if authority is not None:
        return shown_too_much(asked, seen, authority)
    wrong = []
    if seen.octets % BLOCK:
        wrong.append(f"{seen.octets} octets are no multiple of {BLOCK}")
    if seen.options != (PADDING_OPTION,):
        wrong.append(f"EDNS options {seen.options} arrived upstream, expected padding only")
    if not seen.proofs:
        wrong.append("asked without DO and CD, so for no signatures or for what the operator makes of them")
    order = asked.explained.get("order")
    planned = [str(row["upstream"]) for row in order] if isinstance(order, list) else []
    scheme = TRANSPORTS[seen.transport]
    if not any(row.startswith(f"{scheme}://") for row in planned):
        wrong.append(f"went over {seen.transport}, which the plan did not name")
    return wrong


def shown_too_much(asked: Asked, seen: Seen, authority: Authority) -> list[str]:
    """QNAME minimisation: no authoritative server sees more labels than it needs, nor the type before the last; DS and DNSKEY
    are types that we ask for."""
    wrong = []
    labels = seen.name.rstrip(".").count(".") + 1 if seen.name != "." else 0
    if labels > authority.labels:
        wrong.append(f"{authority.title} was shown {seen.name}, {labels} labels")
    if authority.child and seen.rrtype not in ("A", "NS") and not seen.validates:
        wrong.append(f"{authority.title} was shown the type {seen.rrtype}")
    if not set(seen.options) <= {COOKIE_OPTION}:
        wrong.append(f"EDNS options {seen.options} arrived at {authority.title}, expected a cookie at most")
    return wrong


def check_sites(asked: list[Asked]) -> list[str]:
    """Every site to one operator only, and not all sites to the same."""
    homes: dict[str, set[str]] = {}
    for one in asked:
        if one.question.group == "default":
            site = ".".join(one.question.name.lower().split(".")[-3:])
            homes.setdefault(site, set()).update(seen.operator for seen in one.seen)
    return [f"site {site} was shown to {sorted(found)}" for site, found in homes.items() if len(found) > 1]
