"""The compiled answer cache and the plain one, given the same to do, hold the same and give the same."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.desk import answer, question
from kit.two_forms import there

from privacy.reply import Outer, dress
from resolver.cache import packets
from resolver.values import Reply

NAMES = [f"n{number}.example" for number in range(6)]
KEYS = [packets.AnswerKey(question(name), flags, group) for name in NAMES for flags in (0, 1) for group in (0, 1)]
STEP = st.tuples(
    st.sampled_from(("store", "find", "render", "ask", "flush", "refresh")),
    st.integers(0, len(KEYS) - 1),
    st.sampled_from((packets.DATAGRAM, packets.STREAM, packets.ENCRYPTED)),
    st.sampled_from((0.0, 0.3, 0.9, 1.0, 7.5, 40.0)),
)
quietly = settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


def reply_to(key: packets.AnswerKey) -> Reply:
    return answer(key.question, cacheable=(5.0, 60.0, 300.0)[key.question[2] % 3], count=1 + key.flags)


def packet(key: packets.AnswerKey) -> bytes:
    return b"id\1\0\0\1\0\0\0\0\0\0" + key.question


def dressed(key: packets.AnswerKey, reply: Reply, age: int, limit: int) -> bytes:
    return dress(reply.message, reply.ttl_offsets, age, Outer(b"id", key.question, limit, edns=False))


def play(module: object, steps: list[tuple[str, int, int, float]], ceiling: int) -> list[object]:
    """Everything that can be seen of a cache while it is used so."""
    cache, seen, now = module.PacketCache(ceiling, 2), [], 1_000.0  # type: ignore[attr-defined]
    for what, place, kind, passed in steps:
        now += passed
        key = KEYS[place]
        found = cache.find(key, now)
        match what:
            case "store":
                cache.store(key, reply_to(key), now)
            case "render" if found is not None:
                limit = 40 if place % 5 == 0 else 1_232
                response = dressed(key, found.reply, found.age(now), limit)
                cache.render(packet(key), found, response, kind, now)
            case "ask":
                entry = cache.rendered[module.shelf_of(key.group, kind)].get(packet(key)[2:])  # type: ignore[attr-defined]
                if entry is not None and entry.until > now:
                    entry.used = True
                    seen.append(entry.body)
                elif entry is not None:
                    seen.append((cache.renew(entry, now), entry.body, entry.until))
            case "flush":
                seen.append(cache.flush(key.question[:-4]))
            case "refresh" if found is not None:
                found.hits += 1
                seen.append((found.hits, found.age(now), found.wants_refresh(now), found.visited))
        seen.append((len(cache), cache.size, cache.evicted, found is not None))
    return seen


@quietly
@given(st.lists(STEP, max_size=60), st.sampled_from((1 << 20, 6_000)))
def test_a_cache_in_use(steps: list[tuple[str, int, int, float]], ceiling: int) -> None:
    assert play(packets, steps, ceiling) == play(there("resolver.cache.packets"), steps, ceiling)
