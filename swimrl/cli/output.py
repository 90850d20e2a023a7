"""Standard output and error that never end or spoil the work: a run outlives its terminal.

- After a reader has left (``swimrl train ... | head -1``), a terminal was closed or a disk is full, what is
  printed is dropped.
- A character that the terminal's encoding does not have is printed as ``?``. A byte of a path that is no text
  is printed as that byte.
- If the process was started without standard output or error (``>&-``), what is printed is dropped.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import TextIO

_READER_HAS_LEFT = (errno.EPIPE, errno.EIO, errno.EBADF)
"""``EIO`` is what a terminal answers after it was closed."""

_REPLACING = "swimrl-replace"


class OutlivingFile(io.FileIO):
    """Writes to a file descriptor until that fails; from then on to the null device.

    Args:
        descriptor: Such as 1; it stays open.

    Attributes:
        loss: The first error, if there was one.
    """

    loss: OSError | None = None

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)

    def write(self, content: object, /) -> int:
        """Write bytes; return how many were written or dropped."""
        data = memoryview(content)  # type: ignore[arg-type] # the parent's annotation is private
        try:
            return super().write(data)
        except OSError as error:
            self.loss = error
            null = os.open(os.devnull, os.O_WRONLY)
            # The descriptor itself, so that libraries that write to it directly are served as well.
            os.dup2(null, self.fileno())
            os.close(null)
            return data.nbytes


def outlive_terminal() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr`` by streams whose errors do not reach the program.

    Streams that are not the process's own, such as those of a test or a notebook, stay as they are.
    """
    codecs.register_error(_REPLACING, _replaced)
    _occupy_closed_descriptors()
    if sys.platform == "win32":  # its console is no file
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        return
    if sys.stdout is sys.__stdout__:
        sys.stdout = _outliving(sys.__stdout__, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _outliving(sys.__stderr__, 2)


def output_loss() -> OSError | None:
    """Return why standard output is incomplete; None if it is complete or its reader has left."""
    buffer = getattr(sys.stdout, "buffer", None)
    loss = getattr(getattr(buffer, "raw", buffer), "loss", None)
    return None if loss is None or loss.errno in _READER_HAS_LEFT else loss


def _outliving(stream: TextIO | None, descriptor: int) -> TextIO:
    file = OutlivingFile(descriptor)
    if not isinstance(stream, io.TextIOWrapper):  # the process was started without it
        return io.TextIOWrapper(io.BufferedWriter(file), encoding="utf-8", errors=_REPLACING)
    stream.flush()
    # With PYTHONUNBUFFERED, Python too puts no buffer between text and file.
    buffer = file if stream.write_through else io.BufferedWriter(file)
    return io.TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=_REPLACING,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _occupy_closed_descriptors() -> None:
    """Open the null device in the place of closed standard streams.

    Otherwise the next file that is opened, such as run.json, would get their number, and a library that
    prints would write into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return bytes for what cannot be encoded, as Python's error handlers do."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    codes = [ord(character) for character in error.object[error.start : error.end]]
    # Python reads a byte of a path that is no text as a surrogate from 0xDC80 up.
    return bytes(code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else ord("?") for code in codes), error.end
