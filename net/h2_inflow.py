"""What ngh2 is told of the octets that were taken in, so that it gives back windows as h2 does: the connection's alone."""

import contextlib

import ngh2


class Inflow:
    """Of one connection; `window` is what each stream has.

    nghttp2 gives a stream's window back together with the connection's, once half of it was taken in. A body is bounded, so that
    nobody needs more of it: of what goes past that half it hears when the stream is closed, and then only the connection's grows.
    """

    __slots__ = ("_codec", "_half", "_late", "_taken", "told")

    def __init__(self, codec: ngh2.Connection, window: int) -> None:
        self._codec = codec
        self._half = window // 2
        self._taken: dict[int, int] = {}
        self._late: dict[int, int] = {}
        self.told = False
        """It was told of some, and may have a window to give back."""

    def took(self, stream_id: int, octets: int, *, ended: bool) -> None:
        """So many octets of a body came; `ended`: they are its last."""
        taken = octets + (self._taken.pop(stream_id, 0) if self._taken else 0)
        if not ended:
            self._taken[stream_id] = taken
        if taken >= self._half:
            self._late[stream_id] = self._late.get(stream_id, 0) + octets
        elif octets:
            self._acknowledge(stream_id, octets)

    @property
    def holds(self) -> bool:
        """Whether it knows of any stream."""
        return bool(self._taken or self._late)

    def closed(self, stream_id: int) -> None:
        """A stream is gone."""
        if self._taken:
            self._taken.pop(stream_id, None)
        if self._late:
            octets = self._late.pop(stream_id, 0)
            if octets:
                self._acknowledge(stream_id, octets)

    def _acknowledge(self, stream_id: int, octets: int) -> None:
        self.told = True
        # A connection that has ended takes nothing in any more.
        with contextlib.suppress(ngh2.NGH2Error):
            self._codec.acknowledge_received_data(octets, stream_id)
