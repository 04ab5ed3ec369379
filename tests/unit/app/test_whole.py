"""Output of the command line comes whole, however little the system takes at a time."""

from __future__ import annotations

import io

from privet.app.cli.main import whole


class Narrow(io.RawIOBase):
    """Takes seven bytes at a time."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # the base class takes any buffer
        self.taken += bytes(data[:7])
        return min(7, len(data))


def unbuffered(raw: Narrow) -> io.TextIOWrapper:
    """Return a stream as Python makes its own under PYTHONUNBUFFERED."""
    return io.TextIOWrapper(raw, "utf-8", write_through=True)  # type: ignore[arg-type]  # what Python itself does


def test_all_of_a_long_text_is_written_without_a_buffer_below() -> None:
    raw, text = Narrow(), "ten chars." * 5_000
    below = unbuffered(raw)  # kept, as `sys.__stdout__` keeps Python's own: it closes what it writes to when it goes
    stream = whole(below)
    stream.write(text)
    stream.flush()
    assert raw.taken.decode() == text


def test_plain_stream_would_drop_the_rest() -> None:
    raw = Narrow()
    unbuffered(raw).write("ten chars.")
    assert raw.taken == b"ten cha"


def test_stream_with_a_buffer_stays_as_it_is() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    assert whole(stream) is stream
