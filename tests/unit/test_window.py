"""How many questions the resolver has open, by how late it is."""

from resolver.window import DOWN, LATE, LEAST, PROMPT, Window

MOST = 1_024


def looked(window: Window, late: float, times: int) -> int:
    for _ in range(times):
        window.look(late)
    return window.size


def test_who_is_never_late_has_as_many_open_as_may_be() -> None:
    window = Window(MOST)
    assert (MOST, MOST, True) == (window.size, looked(window, 0.0, 100), window.whole)


def test_who_is_late_has_fewer_open_and_some_always() -> None:
    window = Window(MOST)
    assert int(MOST * DOWN) == looked(window, LATE + 0.001, 1)
    assert (LEAST, False) == (looked(window, 9.0, 50), window.whole)


def test_in_between_it_stays_as_it_is() -> None:
    window = Window(MOST)
    size = looked(window, 9.0, 5)
    assert size == looked(window, (LATE + PROMPT) / 2, 50)


def test_who_waits_for_others_only_has_all_open_within_half_a_second() -> None:
    """Questions for servers that do not answer are open for long and cost nothing: they keep nobody out for long."""
    window = Window(MOST)
    looked(window, 9.0, 50)
    assert (MOST, True) == (looked(window, 0.001, 25), window.whole)


def test_a_small_one_is_never_larger_than_it_may_be() -> None:
    window = Window(8)
    assert (8, 8) == (looked(window, 9.0, 50), looked(window, 0.0, 50))
