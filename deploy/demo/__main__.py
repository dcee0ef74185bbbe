"""Start the Internet and the service, ask everything, print what happened; exit 0 only if all of it was as expected."""

import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query

from demo import household
from demo.checks import Asked, check_sites, faults
from demo.internet import Internet
from demo.questions import QUESTIONS, Question
from demo.service import Service, free_port
from demo.show import print_refusals, print_table, print_views, row
from demo.wishes import await_lists, wishes

PORT = 5300


def ask(service: Service, internet: Internet, question: Question) -> Asked:
    """Explain first (sends nothing), then ask with dnspython, then look at what the upstreams received."""
    subnet = [dns.edns.ECSOption.from_text(question.subnet)] if question.subnet else []
    query = dns.message.make_query(question.name, question.rrtype, use_edns=0, payload=1232, options=subnet)
    query.want_dnssec(question.sets == "DO")
    query.flags |= {"AD": dns.flags.AD, "CD": dns.flags.CD | dns.flags.AD}.get(question.sets, 0)
    key = query.question[0].name.canonicalize().to_wire() + query.question[0].rdtype.to_bytes(2, "big") + b"\0\1"
    explained = service.ask_control({"verb": "explain", "key": key.hex(), "flags": 8, "client": "127.0.0.1"})[1]
    before, start, over = len(internet.log), time.perf_counter(), question.over
    if over in service.doors.ports:
        response = service.doors.ask(query, over)
    elif over == "TCP":
        response = dns.query.tcp(query, "127.0.0.1", timeout=8, port=service.port)
    else:
        response = dns.query.udp(query, "127.0.0.1", timeout=8, port=service.port)
        if response.flags & dns.flags.TC:
            over = "UDP, TCP"
            response = dns.query.tcp(query, "127.0.0.1", timeout=8, port=service.port)
    took = 1000 * (time.perf_counter() - start)
    return Asked(question, response, over, tuple(internet.log[before:]), explained, took)


def run(folder: Path) -> int:
    """The whole demo; the number of faults."""
    with (
        Internet(folder) as internet,
        Service(internet, folder, free_port(PORT), tables=wishes(folder), encrypted=True) as service,
    ):
        await_lists(service)
        if service.port != PORT:
            print(f"port {PORT} is taken here, so this is on {service.port}")
        asked = [ask(service, internet, question) for question in (*QUESTIONS, *service.doors.questions())]
        wrong = [f"{one.question.name} {one.question.rrtype}: {fault}" for one in asked for fault in faults(one)]
        wrong += check_sites(asked)
        print_table([row(one) for one in asked])
        print_refusals(asked)
        print_views(internet)
        wrong += household.show(folder)
        if wrong:
            print("\nNot as expected:", *wrong, "\nThe service's log:", service.log_text(), sep="\n  ")
        else:
            print(f"\nAll {len(asked)} answers were as expected.")
        if os.environ.get("STAY"):
            stay(service.port)
    return len(wrong)


def stay(port: int) -> None:
    """Keep everything up until Ctrl-C or SIGTERM."""
    print(f"\nStaying up; try: dig @127.0.0.1 -p {port} www.harbour.example   (Ctrl-C ends it)", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main() -> None:
    """Exit status 0 only if everything was as expected."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM} if os.environ.get("STAY") else set())
    # The loader reads the CA's file as an unprivileged user when root runs the demo: it must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="anchorhold-demo-"))
    folder.chmod(0o711)
    try:
        sys.exit(1 if run(folder) else 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
