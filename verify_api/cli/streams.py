"""Standard output and error of the command: what cannot be written ends in an error of ours, not of the system."""

import io
import os
import select
import sys
from typing import TYPE_CHECKING

from verify_api.cli.errors import PipeClosed, Unprintable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Results(io.FileIO):
    """Where results go. From the first that cannot be written on, nothing more is, nor is it complained about."""

    lost = False

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of `data`, or nothing any more.

        Raises:
            PipeClosed: whoever read has gone.
            Unprintable.
        """
        if not self.lost:
            try:
                return self._write(data)
            except BrokenPipeError as error:
                self.lost = True
                raise PipeClosed from error
            except OSError as error:
                self.lost = True
                raise Unprintable(error.strerror or "the system refuses it") from error
        return memoryview(data).nbytes

    def _write(self, data: "ReadableBuffer") -> int:
        written: int | None = None
        while (written := super().write(data)) is None:  # somebody else made the terminal or pipe one that never waits
            select.select([], [self], [])
        return written


class _Messages(_Results):
    """Where messages go: nothing depends on them, so that those that cannot be written are let go."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of `data`, or let it go."""
        try:
            return super().write(data)
        except (PipeClosed, Unprintable):
            return memoryview(data).nbytes


def take_streams() -> None:
    """Let everything that this process prints go through here; what the encoding has not, is written as an escape."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _text(_Results, sys.stdout)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _text(_Messages, sys.stderr)


def _text(kind: type[_Results], before: io.TextIOWrapper) -> io.TextIOWrapper:
    # A descriptor of its own: the stream before may be closed when nobody uses it any more.
    raw = kind(os.dup(before.fileno()), "wb")
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding,
        errors="backslashreplace",
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )
