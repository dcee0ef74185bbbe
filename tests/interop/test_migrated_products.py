"""The service made of a configuration of AdGuard Home or Pi-hole answers as that program's documentation says that one does.
Neither is a Debian package, so what they say is written down here.
"""

from pathlib import Path

import pytest
from kit.datagrams import answering
from kit.moved import build_gravity, moved_service
from kit.peers import open_folder
from kit.unbound_questions import said, upstream_answer

from anchorhold.migrate import migrator
from anchorhold.migrate.draft import Table
from anchorhold.migrate.reading import Reader

CORPUS = Path(__file__).parents[1] / "corpus"
WORLD = "noerror {name}. a 198.51.101."
ADGUARD = {
    "ads.example A": "noerror ads.example. a 0.0.0.0",
    "x.ads.example A": "noerror x.ads.example. a 0.0.0.0",
    "ads.example AAAA": "noerror ads.example. aaaa ::",
    "shop.example A": WORLD,
    "metrics.example A": "noerror metrics.example. a 0.0.0.0",
    "stat5.example A": "noerror stat5.example. a 0.0.0.0",
    "astat5.example A": WORLD,
    "one.example A": "noerror one.example. a 0.0.0.0",
    "x.one.example A": WORLD,
    "till.example A": "noerror till.example. a 192.168.50.20",
    "till.example AAAA": "noerror",
    "v6.example AAAA": "noerror v6.example. aaaa ::",
    "v6.example A": WORLD,
    "page.example A": "noerror page.example. a 192.168.50.21",
    "none.example A": "nxdomain",
    "alias.example A": "noerror alias.example. cname real.example. real.example. a 198.51.101.",
    "exact.example A": "noerror exact.example. a 0.0.0.0",
    "x.exact.example A": WORLD,
    "x.below.example A": "noerror x.below.example. a 0.0.0.0",
    "below.example A": WORLD,
    "kid.example A": WORLD,
    "telemetry.example A": "refused",
    "nas.house.example A": "noerror nas.house.example. a 192.168.50.4",
    "nas.house.example AAAA": "noerror nas.house.example. aaaa fd50::4",
    "x.apps.house.example A": "noerror x.apps.house.example. a 192.168.50.4",
    "real.apps.house.example A": WORLD,
    "off.house.example A": WORLD,
}
PIHOLE_HOME = {
    "keeper.flat.home.arpa A": "noerror keeper.flat.home.arpa. a 192.168.40.2",
    "keeper A": "noerror keeper. a 192.168.40.2",
    "press.flat.home.arpa AAAA": "noerror press.flat.home.arpa. aaaa fd00:40::9",
    "9.40.168.192.in-addr.arpa PTR": "noerror 9.40.168.192.in-addr.arpa. ptr press.flat.home.arpa.",
    "nobody.flat.home.arpa A": "nxdomain",
    "door.flat.home.arpa A": "noerror door.flat.home.arpa. a 192.168.40.30",
    "music.flat.home.arpa A": "noerror keeper.flat.home.arpa. a 192.168.40.2 music.flat.home.arpa. cname keeper.flat.home.arpa.",
    "use-application-dns.net A": "nxdomain",
    "mask.icloud.com A": WORLD,
    "printer A": "nxdomain",
    "www.example A": WORLD,
}
PIHOLE_FAMILY = {
    "attic.lan A": "noerror attic.lan. a 10.20.0.5",
    "attic A": "noerror attic. a 10.20.0.5",
    "pump.lan A": "noerror cellar.lan. a 10.20.0.6 pump.lan. cname cellar.lan.",
    "note.lan TXT": 'noerror note.lan. txt "written on the wall"',
    "bad.example A": "noerror bad.example. a 10.20.0.2",
    "bad.example AAAA": "noerror bad.example. aaaa fd20::2",
    "x.bad.example A": WORLD,
    "shop.example A": WORLD,
    "ads1.example A": "noerror ads1.example. a 10.20.0.2",
    "ad.good.example A": WORLD,
    "metrics.example A": "nxdomain",
    "metrics.example TXT": 'noerror metrics.example. txt "world ',
    "night.example A": WORLD,
    "tracker.example A": "nxdomain",
    "x.tracker.example A": "nxdomain",
    "wall.example A": "noerror wall.example. a 10.20.0.4",
    "mask.icloud.com A": "nxdomain",
}
CASES = {
    "adguardhome/home.yaml": ADGUARD,
    "pihole/home6": PIHOLE_HOME,
    "pihole/family6": PIHOLE_FAMILY,
}


def make_local(draft: Table, port: int) -> None:
    """What a test on loopback cannot have is taken out; the upstream is the test's own."""
    for key in ("secure", "lists", "hosts", "dhcp", "route", "upstreams", "access", "limits"):
        draft.items.pop(key, None)
    default = draft.table("upstreams").table("default")
    default.set("profile", "opportunistic")
    default.set("servers", [f"udp://127.0.0.1:{port}"])


@pytest.mark.parametrize("case", CASES)
def test_a_migrated_service_answers_as_it_did_there(case: str) -> None:
    program, _, name = case.partition("/")
    path = CORPUS / program / name
    with open_folder() as folder, answering(lambda data: upstream_answer(data, 1)) as port:
        paths = [path]
        if (path / "gravity.sql").exists():
            paths = [path / "pihole.toml", build_gravity(path / "gravity.sql", folder / "gravity.db")]
        migration = migrator(program)(tuple(paths), Reader())
        make_local(migration.draft, port)
        with moved_service(migration, folder) as served:
            answers = {one: said(*one.split(), served, "127.0.0.1") for one in CASES[case]}
    for question, answer in CASES[case].items():
        wanted = answer.format(name=question.split()[0])
        is_open = wanted.endswith((".101.", "world "))
        assert (question, answers[question][: len(wanted)] if is_open else answers[question]) == (question, wanted)
