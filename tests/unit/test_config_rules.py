"""`[[rule]]`, `[schedules]`, `[protect]`: what is read, and what is refused with what to do."""

import pytest
from kit.configured import MINIMAL, complaint, loaded, refused

from anchorhold.config.bundles import portals, safe_search, services
from anchorhold.config.load import load
from anchorhold.config.schedules import read_window
from privacy.lists.entry import Scope
from resolver.policy.table import RuleTable
from resolver.policy_settings import Action, Refusal, Refusing, Rule, Window
from wire.dns.names import read_name

KIDS = '[clients.kids]\nnetworks = ["192.168.1.0/28"]\n'


def rules(text: str) -> tuple[Rule, ...]:
    return loaded(text).resolver.policy.rules


def test_a_rule_with_everything() -> None:
    (rule,) = rules(
        f"""{KIDS}[schedules.night]
windows = ["mon-fri 21:00-07:00", "sat,sun 22:30-08:00"]
zone = "Europe/Berlin"
[[rule]]
action = "block"
name = "bedtime"
domains = ["games.example", "=exact.example", "*.below.example"]
patterns = ["^ad[0-9]"]
services = ["roblox"]
types = ["A", "https"]
clients = ["kids"]
schedule = "night"
answer = "192.168.1.2, fd00::2"
"""
    )
    assert (rule.name, rule.action, rule.groups, rule.schedule) == ("bedtime", Action.BLOCK, (1,), 0)
    assert [domain.scope for domain in rule.domains[:3]] == [Scope.TREE, Scope.EXACT, Scope.BELOW]
    assert read_name("rbxcdn.com") in {domain.name for domain in rule.domains}
    assert (rule.patterns, rule.types) == (("^ad[0-9]",), (1, 65))
    assert rule.refusal == Refusal(Refusing.ADDRESS, (bytes((192, 168, 1, 2)), b"\xfd" + bytes(14) + b"\x02"))


def test_rules_without_a_name_are_called_by_their_place() -> None:
    found = rules('[[rule]]\naction = "allow"\ndomains = ["a.example"]\n' * 2)
    assert [rule.name for rule in found] == ["1", "2"]


def test_safe_search_is_a_rule_for_each_engine() -> None:
    found = rules('[[rule]]\naction = "rewrite"\nname = "safe"\nsafe_search = ["all", "youtube-moderate"]\n')
    assert [rule.name for rule in found] == [
        f"safe {word}" for word in ("google", "bing", "duckduckgo", "pixabay", "youtube-moderate")
    ]
    table = RuleTable(found)
    every = (1 << len(found)) - 1
    first = table.first(table.match(read_name("www.google.co.uk"), 1, every))
    assert first.target == read_name("forcesafesearch.google.com")
    assert not table.match(read_name("duckduckgo.com"), 15, every), "mail is not rewritten"
    assert not table.match(read_name("mail.google.com"), 1, every)


def test_no_engine_is_rewritten_to_itself_and_data_are_names() -> None:
    assert len(services()) >= 20
    assert all(domains for domains in services().values())
    for engine in safe_search().values():
        assert engine.target not in engine.names
    assert len(safe_search()["google"].names) > 180
    assert read_name("captive.apple.com") in portals()


def test_where_a_rule_routes_to() -> None:
    text = """[upstreams.office]
servers = ["udp://192.168.7.1"]
profile = "opportunistic"
[[rule]]
action = "route"
domains = ["corp.example"]
upstreams = "office"
[[rule]]
action = "route"
domains = ["own.example"]
upstreams = "iterate"
"""
    settings = loaded(text).resolver
    first, second = settings.policy.rules
    assert (first.upstream_group, first.private) == (1, True)
    assert (second.upstream_group, second.private) == (2, False)
    assert [iteration.name for iteration in settings.iterations] == ["iterate"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon-fri 21:00-07:00", Window((0, 1, 2, 3, 4), 1260, 420)),
        ("Sat,Sun 22:30-08:00", Window((5, 6), 1350, 480)),
        ("daily 12:00-24:00", Window(tuple(range(7)), 720, 1440)),
        ("fri-mon 1:00-2:00", Window((0, 4, 5, 6), 60, 120)),
    ],
)
def test_windows(text: str, expected: Window) -> None:
    assert read_window(text) == expected


RULE = '[[rule]]\naction = "{}"\ndomains = ["x.example"]\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[[rule]]\naction = "block"\n', "no domain, so no name"),
        (RULE.format("allow") + 'answer = "nxdomain"\n', "allow has no answer"),
        (RULE.format("block") + 'to = ["192.0.2.1"]\n', "block has no to"),
        (RULE.format("block") + 'answer = "maybe"\n', "'maybe' is no answer"),
        (RULE.format("block") + 'clients = ["kidz"]\n', "no client group 'kidz'"),
        (RULE.format("block") + 'schedule = "night"\n', "no schedule 'night'"),
        (RULE.format("block") + 'types = ["AAAAA"]\n', "no record type"),
        (RULE.format("block") + 'patterns = ["(?=x)"]\n', "look-around"),
        (RULE.format("block") + f"patterns = {['a'] * 2_001}\n", "all patterns together"),
        (RULE.format("block") + 'services = ["yutube"]\n', "did you mean 'youtube'"),
        (RULE.format("block") + 'name = "Größe"\n', "is no name for a rule"),
        (RULE.format("block").replace("x.example", "a.*.example"), "has a * elsewhere"),
        (RULE.format("rewrite"), "nothing to rewrite to"),
        (RULE.format("rewrite") + 'to = ["192.0.2.1", "a.example"]\n', "a name beside addresses"),
        (RULE.format("rewrite") + 'safe_search = ["google"]\n', "safe search knows its names"),
        ('[[rule]]\naction = "rewrite"\nsafe_search = ["gogle"]\n', "did you mean 'google'"),
        ('[[rule]]\naction = "rewrite"\nsafe_search = ["youtube", "youtube-moderate"]\n', "strict and moderate"),
        (RULE.format("route"), "leads nowhere"),
        (RULE.format("route") + 'upstreams = "defalt"\n', "did you mean 'default'"),
        ("[schedules.night]\n", "no window, so never"),
        ('[schedules.night]\nwindows = ["mon 25:00-26:00"]\n', "no time of day"),
        ('[schedules.night]\nwindows = ["funday 1:00-2:00"]\n', "is no day"),
        ('[schedules.night]\nwindows = ["daily 1:00-2:00"]\nzone = "Europe/Berlim"\n', "no time zone 'Europe/Berlim'"),
        ('[schedules.night]\nwindows = ["daily 1:00-2:00"]\nzone = "../../etc/passwd"\n', "no name of a time zone"),
        ('[protect]\ndomains = ["a..b"]\n', "no domain name"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(text: str, what: str) -> None:
    said = complaint(text)
    assert what in said
    assert said.startswith("a.toml:")


def test_two_rules_of_one_name_are_refused() -> None:
    twice = (RULE.format("block") + 'name = "a"\n') * 2
    assert ["another rule is called 'a'" in line for line in refused(MINIMAL + twice)] == [True]


def test_no_list_may_block_upstreams_hosts_of_lists_portals_and_what_the_user_names() -> None:
    text = """[protect]
domains = ["bank.example"]
[lists.ads]
url = "https://lists.example:8443/ads.txt"
"""
    protected = loaded(text).resolver.policy.protected
    names = ("bank.example", "dns.example", "lists.example", "captive.apple.com")
    assert {read_name(name) for name in names} <= set(protected)
    without = load(MINIMAL + "[protect]\nportals = false\n", "a.toml").resolver.policy.protected
    assert without == (read_name("dns.example"),)
