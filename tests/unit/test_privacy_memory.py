"""What a line of the log may hold."""

from privacy.memory import Fact, Retention, keep


def test_names_are_reported_only_if_the_user_wants_them() -> None:
    fact = Fact("resolver", "asked", "www.example. type 1")
    assert ("resolver: asked", "resolver: asked: www.example. type 1") == (
        keep(fact, Retention()),
        keep(fact, Retention(names=True)),
    )


def test_a_log_line_holds_nothing_unprintable() -> None:
    assert "x: a?b?c" == keep(Fact("x", "a\nb\x1bc"), Retention())
