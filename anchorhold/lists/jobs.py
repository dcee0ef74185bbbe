"""Work that is done apart, as values: so it can be told to another process."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import msgspec

from anchorhold.keeper.folder import write_whole
from anchorhold.lists.apart import Apart
from anchorhold.lists.index import Spared
from anchorhold.lists.store import Store
from anchorhold.lists.workshop import Arrival, Compared, Judged, Made, Part, Tell, Texts, compare, judge, make


class Judging(msgspec.Struct, frozen=True, tag=True):
    """Work: `judge`."""

    arrival: Arrival


class Making(msgspec.Struct, frozen=True, tag=True):
    """Work: `make`."""

    parts: tuple[Part, ...]
    spared: Spared


class Comparing(msgspec.Struct, frozen=True, tag=True):
    """Work: `compare`."""

    old: Part
    new: Part


Job = Judging | Making | Comparing
Put = Callable[[bytes, str], str]
"""Takes an image and its digest, and says why it is not on disk."""


def digests_of(job: Job) -> tuple[str, ...]:
    """Of the texts that it reads."""
    match job:
        case Judging(arrival):
            return arrival.digest, arrival.current
        case Making(parts):
            return tuple(part.digest for part in parts)
        case Comparing(old, new):
            return old.digest, new.digest


def perform(job: Job, texts: Texts, put: Put, tell: Tell) -> Judged | Made | Compared:
    """Do it. Raises Damaged."""
    match job:
        case Judging(arrival):
            return judge(arrival, texts, tell)
        case Making(parts, spared):
            return make(parts, spared, texts, put, tell)
        case Comparing(old, new):
            return compare(old, new, texts)


def put_image(store: Store, image: int, data: bytes, digest: str) -> str:
    """Write an image to the descriptor `image` and into the folder; why it is not there ("": it is)."""
    write_whole(image, data)
    try:
        store.keep_image(data, digest)
    except OSError as error:
        return error.strerror or "it cannot be written"
    return ""


class Work(Protocol):
    """Something that is done elsewhere."""

    async def result(self, heard: Callable[[object], None] = ...) -> object:
        """As `UnderWay.result`."""


Begin = Callable[[Job, int, Mapping[str, bytes]], Work]
"""Takes a job, the descriptor of what an image is to be written to (-1: none), and the local texts. Raises OSError."""


def fork(job: Job, image: int, store: Store, texts: Texts) -> Work:
    """Begin it in a copy of this process. Raises OSError."""
    put = partial(put_image, store, image)
    used = (store.folder, image) if image >= 0 else (store.folder,)
    return Apart(lambda tell: msgspec.to_builtins(perform(job, texts, put, tell)), used)
