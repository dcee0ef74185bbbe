"""A chain of trust as lines for people: what `resolver.dnssec.story` told, read with no trust in its shape."""

from collections.abc import Callable, Iterator

from anchorhold.control_client import Answer
from anchorhold.terminal import rows_of, show
from anchorhold.text import show_type
from wire.dns.codes import ExtendedError

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

_FAILED = ("bogus", "indeterminate", "no answer")


def chain_lines(chain: Answer) -> Iterator[str]:
    """Every link from the anchor down, then the verdict."""
    if chain.get("error"):
        yield f"Chain of trust: {show(chain['error'])}"
        return
    date = _number(chain.get("date")) or 0
    yield f"Chain of trust, looked at anew ({_count(chain.get('asked'), 'question')} sent to upstreams for this):"
    for part in rows_of(chain, "parts"):
        yield f"  {show(part.get('name'))} {_type(part.get('type'))}, by group {show(part.get('group'))}:"
        for step in rows_of(part, "steps"):
            yield from _indented(step, date)
        if not rows_of(part, "steps"):
            yield f"    {show(part.get('security'))}: {show(part.get('why'))}"
    yield from _verdict(chain)


def _indented(step: Answer, date: int) -> Iterator[str]:
    tell = _STEPS.get(str(step.get("step")))
    if tell is None:
        yield f"    … and {show(step.get('left_out'))} more"
        return
    first, *rest = tell(step, date)
    yield f"    {show(step.get('step')):<9} {first}"
    yield from (f"              {line}" for line in rest)


def _verdict(chain: Answer) -> Iterator[str]:
    verdict = chain.get("verdict")
    if not isinstance(verdict, dict):
        return
    failure = _first_failure(chain)
    if failure is not None:
        yield f"First failure: {failure}"
    flag = "with AD" if verdict.get("ad") else "without AD"
    rcode = show(verdict.get("rcode")) if verdict.get("rcode") else "what is answered here"
    yield f"Verdict: {show(verdict.get('security'))}; clients get {rcode}, {flag}{_reason(verdict)}"


def _first_failure(chain: Answer) -> str | None:
    """The first link that does not hold, in words."""
    for part in rows_of(chain, "parts"):
        for step in rows_of(part, "steps"):
            if step.get("outcome") in _FAILED:
                name = show(step.get("zone") or step.get("name"))
                return f"{show(step.get('step'))} of {name}{_reason(step)}"
        if part.get("security") in _FAILED:
            return f"{show(part.get('name'))}{_reason(part)}"
    return None


def _reason(line: Answer) -> str:
    why = f": {show(line['why'])}" if line.get("why") else ""
    ede = _number(line.get("ede"))
    return why if ede is None else f"{why} (EDE {ede}, {_error_name(ede)})"


def _error_name(code: int) -> str:
    try:
        return ExtendedError(code).name.lower().replace("_", " ")
    except ValueError:
        return "unknown"


# One function for each kind of link: its lines.


def _anchor(step: Answer, _date: int) -> list[str]:
    if step.get("outcome") != "trusted":
        return [show(step.get("why"))]
    return [f"{show(step.get('zone'))}: trust begins with {_delegations(step)}"]


def _exception(step: Answer, _date: int) -> list[str]:
    return [exception_text(step)]


def exception_text(step: Answer) -> str:
    """A negative anchor in words: zone, reason, who made it, until when."""
    left = _number(step.get("left"))
    end = "without an end" if left is None else f"for {words(left)} more"
    return f"{show(step.get('zone'))} is not validated: {show(step.get('why'))} (by {show(step.get('by'))}, {end})"


def _ds(step: Answer, date: int) -> list[str]:
    zone, outcome = show(step.get("zone")), step.get("outcome")
    said = f"{zone}: {_delegations(step)}" if outcome == "signed" else f"{zone}: {show(outcome)}{_reason(step)}"
    return [said, *_proof(step), *_signatures(step, date)]


def _dnskey(step: Answer, date: int) -> list[str]:
    keys = [
        f"key {show(key.get('tag'))} ({_algorithm(key)}, {show(key.get('role'))}){_vouched(key)}"
        for key in rows_of(step, "keys")
    ]
    return [f"{show(step.get('zone'))}: {show(step.get('outcome'))}{_reason(step)}", *keys, *_signatures(step, date)]


def _vouched(key: Answer) -> str:
    return ", vouched for from above" if key.get("vouched_for") else ""


def _records(step: Answer, date: int) -> list[str]:
    records = f"{show(step.get('name'))} {_type(step.get('type'))} ({_count(step.get('number'), 'record')})"
    wild = f", made from {show(step['wildcard'])}" if step.get("wildcard") else ""
    unsigned = ["no signature"] if step.get("signatures") == [] else []
    return [f"{records}: {show(step.get('outcome'))}{wild}{_reason(step)}", *_signatures(step, date), *unsigned]


def _denial(step: Answer, date: int) -> list[str]:
    name = f"{show(step.get('name'))} {_type(step.get('type'))}"
    return [f"{name}: {show(step.get('outcome'))}{_reason(step)}", *_proof(step), *_signatures(step, date)]


_STEPS: dict[str, Callable[[Answer, int], list[str]]] = {
    "anchor": _anchor,
    "exception": _exception,
    "DS": _ds,
    "DNSKEY": _dnskey,
    "records": _records,
    "denial": _denial,
}


def _proof(step: Answer) -> list[str]:
    if not step.get("proof"):
        return []
    by = step.get("by")
    owners = ", ".join(show(owner) for owner in by) if isinstance(by, list) else ""
    return [f"{show(step.get('shows') or 'shows nothing')}, by {show(step['proof'])} of {owners}"]


def _signatures(step: Answer, date: int) -> list[str]:
    one = step.get("signature")
    found = [one] if isinstance(one, dict) else rows_of(step, "signatures")
    return [_signature(signature, date) for signature in found]


def _signature(signature: Answer, date: int) -> str:
    begins, ends = _number(signature.get("inception")), _number(signature.get("expiration"))
    if begins is None or ends is None:
        return f"signature: {show(signature.get('state'))}"
    state = "" if signature.get("state") == "in its time" else f", {show(signature.get('state'))}"
    whose = f"{show(signature.get('signer'))} with key {show(signature.get('tag'))} ({_algorithm(signature)})"
    return f"signed by {whose}, {_begin(date - begins)}, {_end(ends - date)}{state}"


def _begin(since: int) -> str:
    return f"since {words(since)}" if since >= 0 else f"beginning in {words(-since)}"


def _end(left: int) -> str:
    return f"for {words(left)} more" if left >= 0 else f"expired {words(-left)} ago"


def _delegations(step: Answer) -> str:
    records = [
        f"key {show(record.get('tag'))} ({_algorithm(record)}, {show(record.get('digest_name') or record.get('digest_type'))})"
        for record in rows_of(step, "records")
    ]
    return ", ".join(records) or "no key"


def _algorithm(row: Answer) -> str:
    return show(row.get("algorithm_name") or f"algorithm {show(row.get('algorithm'))}")


def _type(rrtype: object) -> str:
    number = _number(rrtype)
    return "?" if number is None or not 0 <= number < 65_536 else show_type(number)


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _count(value: object, what: str) -> str:
    return f"{show(value)} {what}{'' if value == 1 else 's'}"


def words(seconds: float) -> str:
    """A time span in its largest unit, in tenths below ten: `2.5 days`."""
    size, unit = next((one for one in _UNITS if seconds >= one[0]), _UNITS[-1])
    number = seconds / size
    text = f"{number:.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"
    return f"{text} {unit}{'' if text == '1' else 's'}"
