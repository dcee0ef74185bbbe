"""What becomes of a text that came: the fuse, what is held, undone, confirmed; pauses; the folder; work apart."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from anchorhold.config.list_sources import MAX_LISTS
from anchorhold.lists.apart import Apart, Tell, WorkFailed
from anchorhold.lists.fetch import Given
from anchorhold.lists.index import Built, Copy, Counted, Index, Kept, Spared
from anchorhold.lists.library import Library, arrived, asked, confirmed, failed, refused, undone, without
from anchorhold.lists.pauses import pause_after, pause_until
from anchorhold.lists.settings import ListSource, ListsSettings
from anchorhold.lists.store import Damaged, Store
from anchorhold.lists.workshop import (
    MAX_REASONS,
    MAX_WHY,
    Arrival,
    Judged,
    Part,
    Protected,
    compare,
    digest_of,
    judge,
    line_of,
    make,
)
from privacy.lists.entry import Scope
from privacy.lists.matcher import ListImage
from resolver.policy.book import Book, Ledger
from resolver.policy_settings import ListUse, Policy
from wire.dns.names import read_name
from wire.units import Epoch

FUSE = 0.5


def copy(mark: str, entries: int = 100) -> Copy:
    return Copy(mark, 1, 1, "hosts", entries)


def taken(mark: str, kept: Kept | None = None, **judged: object) -> Kept:
    return arrived(kept or Kept(), copy(mark), Judged(**judged), FUSE)  # type: ignore[arg-type]


def test_the_first_text_is_taken_and_the_next_one_leaves_it_behind() -> None:
    one = taken("a")
    two = taken("b", one, came=50, gone=50)
    assert ("b", "a", None) == (two.current and two.current.digest, two.former and two.former.digest, two.held)


@pytest.mark.parametrize("counts", [{"came": 51}, {"gone": 51}, {"came": 1_000, "gone": 100}])
def test_a_jump_holds_the_text_until_it_is_confirmed(counts: dict[str, int]) -> None:
    held = taken("b", taken("a"), **counts)
    assert held.current == copy("a")
    assert "of 100" in held.why
    assert (copy("b"), copy("a"), None) == (confirmed(held).current, confirmed(held).former, confirmed(held).held)


def test_of_a_short_list_a_few_may_always_change() -> None:
    kept = Kept(current=copy("a", 4))
    assert taken("b", kept, came=10, gone=4).held is None
    assert taken("b", kept, came=11).held is not None


def test_the_fuse_may_be_out() -> None:
    assert arrived(taken("a"), copy("b"), Judged(came=10_000), 0.0).held is None


def test_what_blocks_everything_is_held_even_if_it_is_the_first() -> None:
    held = taken("a", everything="it blocks 16 of 16 names")
    assert (None, copy("a")) == (held.current, held.held)


def test_what_was_taken_back_does_not_come_again_and_another_text_does() -> None:
    back = undone(taken("b", taken("a")))
    assert (copy("a"), copy("b"), "b") == (back.current, back.former, back.undone)
    again = taken("b", back)
    assert (copy("a"), "this is what you took back") == (again.current, again.why)
    assert copy("c") == taken("c", again).current
    assert copy("b") == confirmed(again).current
    assert undone(taken("a")) == taken("a")


def test_what_is_no_list_changes_nothing_but_is_looked_at_again() -> None:
    kept = refused(Kept(current=copy("a"), etag='"1"'), 5, "it is empty")
    assert (copy("a"), "", 1, "it is empty") == (kept.current, kept.etag, kept.failures, kept.error)


def test_of_a_damaged_copy_the_former_one_takes_the_place() -> None:
    kept = without(taken("b", taken("a")), ["b"])
    assert (copy("a"), None, "") == (kept.current, kept.former, kept.etag)
    assert kept is without(kept, ["x"])


def test_another_address_is_another_list() -> None:
    library = Library()
    library.use(ListsSettings(1, (ListSource("ads", "https://a.example/"),)), Index())
    shelf = library.shelves["ads"]
    shelf.kept = arrived(shelf.kept, copy("a"), Judged(), FUSE)
    library.use(ListsSettings(2, (ListSource("ads", "https://a.example/", refresh=9_000),)), Index())
    assert "a" == library.shelves["ads"].digest
    library.use(ListsSettings(3, (ListSource("ads", "https://b.example/"),)), Index())
    assert "" == library.shelves["ads"].digest


def test_what_came_before_there_was_a_key_is_signed_by_nobody() -> None:
    library, keyed = Library(), ListSource("ads", "https://a.example/", public_key=bytes(42))
    library.use(ListsSettings(1, (ListSource("ads", "https://a.example/"),)), Index())
    shelf = library.shelves["ads"]
    shelf.kept = arrived(shelf.kept, copy("a"), Judged(), FUSE)
    library.use(ListsSettings(2, (keyed,)), Index(library.lists()))
    assert "" == library.shelves["ads"].digest
    kept = library.shelves["ads"].kept = arrived(library.shelves["ads"].kept, copy("b"), Judged(), FUSE)
    library.use(ListsSettings(3, (keyed,)), Index(library.lists()))
    assert (kept, "b") == (library.shelves["ads"].kept, library.shelves["ads"].digest)


def test_pauses_double_up_to_an_hour_and_are_never_the_same_for_all() -> None:
    assert [60, 120, 240, 480, 960, 1_920, 3_600, 3_600] == [round(pause_after(n, 0.5)) for n in range(1, 9)]
    assert 3_600 == pause_after(1_000_000, 0.5)
    assert (48, 72) == (round(pause_after(1, 0.0)), round(pause_after(1, 1.0)))
    assert (500, 86_400) == (pause_after(1, 0.5, 500.0), pause_after(1, 0.5, 1e9))


def test_a_list_is_due_by_its_age_and_a_clock_that_jumped_makes_nobody_wait() -> None:
    assert 500 == pause_until(1_000, 1_000, 1_500, 0.5)
    assert 30 == pause_until(1_000, 1_000, 9_000, 0.5)
    assert 30 == pause_until(9_000, 1_000, 1_000, 0.5)


# the folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))


def put(store: Store, text: bytes) -> str:
    draft = store.draft()
    draft.add(text)
    return draft.finish()


def test_a_text_is_known_by_its_content_and_damage_is_seen(store: Store, tmp_path: Path) -> None:
    digest = put(store, b"0.0.0.0 a.example\n")
    assert b"0.0.0.0 a.example\n" == store.text(digest)
    path = tmp_path / f"{digest}.list"
    assert 0o600 == path.stat().st_mode & 0o777
    path.write_bytes(b"0.0.0.0 b.example\n")
    with pytest.raises(Damaged):
        store.text(digest)
    assert ".damaged-" in store.set_aside(path.name, Epoch(0.0))
    assert not path.exists()


def test_what_nobody_needs_is_removed_and_the_index_stays(store: Store, tmp_path: Path) -> None:
    old, new = put(store, b"old"), put(store, b"new")
    image = digest_of(b"image")
    store.keep_image(b"image", image)
    store.save(Index({"ads": Kept(current=copy(new))}))
    store.sweep({new}, image)
    assert {f"{new}.list", f"{image}.image", "index.json"} == {path.name for path in tmp_path.iterdir()}
    assert (Index({"ads": Kept(current=copy(new))}), "") == store.load(Epoch(0.0))
    assert old != new


def test_an_index_of_many_lists_with_much_to_say_is_read_again(store: Store) -> None:
    said = Counted(reasons=tuple((line, "\u20ac" * MAX_WHY) for line in range(MAX_REASONS)))
    index = Index(image=Built("d", 1, "k", {str(number): said for number in range(MAX_LISTS)}))
    store.save(index)
    assert (index, "") == store.load(Epoch(0.0))


def test_a_damaged_index_is_set_aside_and_reported(store: Store, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(b"{")
    index, problem = store.load(Epoch(0.0))
    assert (Index(), True) == (index, "index.json is damaged" in problem)


def test_a_line_is_found_by_its_number() -> None:
    text = b"one\n two\r\n" + b"x" * 400 + b"\n\xff"
    assert ["one", "two", "x" * 300, "\ufffd"] == [line_of(text, number) for number in range(1, 5)]
    assert [""] * 4 == [line_of(text, number) for number in (-1, 0, 5, 1_000_000)]


# work apart


def run(work: Callable[[Tell], object], patience: float = 20.0) -> tuple[object, list[object]]:
    said: list[object] = []

    async def go() -> object:
        return await Apart(work, ()).result(said.append, patience)

    return asyncio.run(go()), said


def test_work_apart_tells_how_far_it_is_and_gives_its_result() -> None:
    def work(tell: Tell) -> object:
        tell({"entries": 1})
        tell({"entries": 2})
        return {"digest": "x" * 200_000, "pid": os.getpid()}

    result, said = run(work)
    assert isinstance(result, dict)
    assert os.getpid() != result["pid"]
    assert [{"entries": 1}, {"entries": 2}] == said


def test_work_that_dies_fails_or_takes_too_long_ends_itself_only() -> None:
    def dies(_tell: Tell) -> object:
        os.kill(os.getpid(), 9)
        return None

    def fails(_tell: Tell) -> object:
        raise KeyError("a stranger's word")

    def hangs(_tell: Tell) -> object:
        while True:
            os.getpid()

    with pytest.raises(WorkFailed, match="SIGKILL"):
        run(dies)
    with pytest.raises(WorkFailed, match=r"a mistake of ours: KeyError at line \d+$"):
        run(fails)
    with pytest.raises(WorkFailed, match="longer than"):
        run(hangs, 0.2)


def test_work_apart_holds_no_descriptor_that_it_was_not_given() -> None:
    held, given = os.memfd_create("held"), os.memfd_create("given")

    def work(_tell: Tell) -> object:
        names = [name for name in os.listdir("/proc/self/fd") if int(name) > 2]
        return [os.readlink(path) for name in names if os.path.lexists(path := f"/proc/self/fd/{name}")]

    async def go() -> object:
        return await Apart(work, (given,)).result()

    found = asyncio.run(go())
    os.close(held)
    os.close(given)
    assert isinstance(found, list)
    assert 1 == len([one for one in found if "given" in one])
    assert [] == [one for one in found if "held" in one or "socket" in one or "eventpoll" in one]


# the workshop


TEXTS = {
    digest_of(text): text
    for text in (
        b"".join(b"0.0.0.0 a%d.example\n" % number for number in range(100)),
        b"".join(b"0.0.0.0 a%d.example\n" % number for number in range(50, 120)),
    )
}
OLD, NEW = TEXTS


def judged(text: bytes, form: str = "auto", **more: object) -> Judged:
    texts = {**TEXTS, digest_of(text): text}
    return judge(Arrival(digest_of(text), form, **more), texts.__getitem__, lambda said: None)  # type: ignore[arg-type]


def test_a_text_is_counted_against_the_one_in_force() -> None:
    found = judged(TEXTS[NEW], current=OLD)
    assert ("", "", "hosts", 70, 20, 50) == (
        found.refused,
        found.everything,
        found.format,
        found.entries,
        found.came,
        found.gone,
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"  <!DOCTYPE html><html>404", "it is a web page"),
        (b"\xef\xbb\xbf<html>", "it is a web page"),
        (b"\x1f\x8b\0\0binary", "it is no text"),
        (b"# nothing\n# at all\n", "no line of it is an entry"),
    ],
)
def test_what_is_no_list_is_refused(text: bytes, why: str) -> None:
    assert why in judged(text, "hosts").refused


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"||com^\n||org^\n||net^\n||de^\n||fr^\n||nl^\n||eu^\n||ch^\n||it^\n", "adblock"),
        (b".*\n", "regex"),
        (b"^[a-z0-9.-]+$\n", "regex"),
        # What allows everything takes away all that other lists say.
        (b"||ads.example^\n@@||*^$important\n", "adblock"),
        (b"||ads.example^\n@@/./\n", "adblock"),
        (b"$ORIGIN z.\n@ SOA a. b. 1 2 3 4 5\n*.com CNAME rpz-passthru.\n* CNAME rpz-passthru.\n", "rpz"),
    ],
)
def test_what_blocks_everything_is_seen(text: bytes, form: str) -> None:
    assert "names that have nothing in common" in judged(text, form).everything


def test_what_blocks_one_top_level_domain_is_somebodys_wish() -> None:
    assert "" == judged(b"||zip^\n||ads.example^\n", "adblock").everything


def test_a_signature_is_required_where_a_key_is_written() -> None:
    assert "its signature does not hold" in judged(TEXTS[NEW], public_key=bytes(42), signature=b"<html>").refused


def test_an_image_is_made_and_counted_and_protected_names_are_told() -> None:
    images: list[bytes] = []

    def put_image(data: bytes, _digest: str) -> str:
        images.append(data)
        return "the disk is full"

    lost = "0" * 64
    text = b"0.0.0.0 dns.example\n0.0.0.0 x.portal.example\n"
    texts = {**TEXTS, digest_of(text): text}

    def read(digest: str) -> bytes:
        if digest not in texts:
            raise Damaged(digest)
        return texts[digest]

    parts = (Part("ads", OLD, "hosts"), Part("bad", digest_of(text), "hosts"), Part("lost", lost, "auto"))
    names = (read_name("dns.example"), read_name("portal.example"))
    made = make(parts, Spared(names), read, put_image, lambda said: None)
    assert ((lost,), "the disk is full", len(images[0])) == (made.damaged, made.kept, made.octets)
    assert (100, 0, 2) == (made.lists["ads"].entries, made.lists["ads"].tried, made.lists["bad"].tried)
    assert ("ads", "bad") == ListImage(images[0]).names
    assert 1 == len(ListImage(images[0]).name_hits(read_name("a7.example"), 1))


def test_hosts_that_redirects_led_to_are_in_the_image_and_in_its_key() -> None:
    images: list[bytes] = []

    def put_image(data: bytes, _digest: str) -> str:
        images.append(data)
        return ""

    text = b"||cdn.example^\n"
    parts = (Part("bad", digest_of(text), "adblock"),)
    host = read_name("files.cdn.example")
    made = make(parts, Spared((), (host,)), lambda _digest: text, put_image, lambda said: None)
    assert ({"bad"}, 1) == (set(made.lists), made.lists["bad"].tried)
    book = Book(Ledger(Policy(lists=(ListUse("bad"),))), ListImage(images[0]))
    spared = {
        one: book.is_protected(read_name(one)) for one in ("files.cdn.example", "x.files.cdn.example", "cdn.example")
    }
    assert spared == {"files.cdn.example": True, "x.files.cdn.example": False, "cdn.example": False}


def test_where_a_list_came_from_is_known_until_the_next_answer() -> None:
    library = Library()
    library.use(ListsSettings(1, (ListSource("ads", "https://lists.example/ads"),)), Index())
    before, shelf = library.key(), library.shelves["ads"]
    shelf.kept = failed(asked(shelf.kept, 5, Given(False, hosts=("Files.CDN.example",))), 6, "no connection")
    assert (read_name("files.cdn.example"),) == library.spared().hosts
    assert before != library.key()
    shelf.kept = asked(shelf.kept, 7, Given(True))
    assert (before, ()) == (library.key(), library.spared().hosts)


def test_protected_names_are_hit_from_above_and_below_and_by_themselves() -> None:
    guard = Protected((read_name("a.example"),))
    hits = {
        (name, scope): guard.hit(read_name(name), scope)
        for name in ("a.example", "x.a.example", "example", "b.example")
        for scope in (Scope.TREE, Scope.EXACT)
    }
    assert {("a.example", Scope.TREE), ("a.example", Scope.EXACT), ("x.a.example", Scope.TREE)} | {
        ("x.a.example", Scope.EXACT),
        ("example", Scope.TREE),
    } == {key for key, hit in hits.items() if hit}


def test_two_texts_are_compared_entry_by_entry() -> None:
    found = compare(Part("ads", OLD, "hosts"), Part("ads", NEW, "hosts"), TEXTS.__getitem__)
    assert (20, 50) == (found.came, found.gone)
    assert {"=a100.example.", "=a119.example."} <= {text for _, text in found.new}
    assert (1, "=a0.example.") in found.old
