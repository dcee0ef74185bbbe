"""What aioquic's codec of HTTP/3 uses of a connection, whichever codec of QUIC that has."""

from types import SimpleNamespace

from net.quic_codecs import Core, Gone


class Streams:
    """In the place of aioquic's own connection."""

    _quic_logger = None
    _remote_max_datagram_frame_size = None
    """Datagrams (RFC 9297) are not spoken here."""

    def __init__(self, core: Core, *, is_client: bool) -> None:
        self.configuration = SimpleNamespace(is_client=is_client)
        self._core = core

    def get_next_available_stream_id(self, is_unidirectional: bool = False) -> int:
        """The id of the stream of ours that is opened next."""
        return self._core.next_stream(one_way=is_unidirectional)

    def send_stream_data(self, stream_id: int, data: bytes, end_stream: bool = False) -> None:
        """Queue octets. Raises ValueError, which is what the codec knows, if nobody waits for them."""
        try:
            self._core.send(stream_id, data, ended=end_stream)
        except Gone as error:
            raise ValueError("the stream is over") from error

    def reset_stream(self, stream_id: int, error_code: int) -> None:
        """Send nothing more on a stream. Raises ValueError."""
        try:
            self._core.reset(stream_id, error_code)
        except Gone as error:
            raise ValueError("the stream is over") from error

    def close(self, error_code: int, frame_type: int | None = None, reason_phrase: str = "") -> None:
        """End the connection; reasons are for nobody."""
        self._core.end(error_code)
