"""Draws the rows of a minibatch from the run's own stream, in compiled code.

NumPy's generators offer their next number to compiled code (`numpy.random.BitGenerator.ctypes`). So the rows
are the ones that ``RandomState.randint`` draws, the stream is afterwards in the state in which ``randint``
leaves it, and the processor begins to fetch each row as soon as its number is known.

Letters in shapes: B batch, R rows of the replay buffer, W width of a row, E environments.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

from swimrl.td3.engine.native import Entry, Segment, compile_ir

_IR = """
%words = type { ptr, ptr, ptr, ptr, ptr, i64, ptr, i64 }

declare i32 @llvm.ctlz.i32(i32, i1)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)

define void @fill(ptr %next, ptr %state, i64 %choices, ptr %out, i64 %size, i64 %factor) {
entry:
  %most64 = sub i64 %choices, 1
  %most = trunc i64 %most64 to i32
  %zeros = call i32 @llvm.ctlz.i32(i32 %most, i1 false)
  %mask = lshr i32 -1, %zeros
  %only_one = icmp eq i32 %most, 0
  br label %row
row:
  %i = phi i64 [ 0, %entry ], [ %after, %store ]
  br i1 %only_one, label %store, label %draw
draw:
  %bits = call i32 %next(ptr %state)
  %masked = and i32 %bits, %mask
  %too_large = icmp ugt i32 %masked, %most
  br i1 %too_large, label %draw, label %store
store:
  %drawn = phi i32 [ 0, %row ], [ %masked, %draw ]
  %wide = zext i32 %drawn to i64
  %slot = getelementptr i64, ptr %out, i64 %i
  %before = load i64, ptr %slot
  %scaled = mul i64 %before, %factor
  %value = add i64 %scaled, %wide
  store i64 %value, ptr %slot
  %after = add i64 %i, 1
  %more = icmp slt i64 %after, %size
  br i1 %more, label %row, label %end
end:
  ret void
}

define void @fetch(ptr %rows, i64 %bytes, ptr %out, i64 %size) {
entry:
  br label %row
row:
  %i = phi i64 [ 0, %entry ], [ %after, %fetched ]
  %slot = getelementptr i64, ptr %out, i64 %i
  %number = load i64, ptr %slot
  %first = mul i64 %number, %bytes
  br label %line
line:
  %offset = phi i64 [ 0, %row ], [ %further, %line ]
  %place = add i64 %first, %offset
  %address = getelementptr i8, ptr %rows, i64 %place
  call void @llvm.prefetch.p0(ptr %address, i32 0, i32 2, i32 1)
  %further = add i64 %offset, 64
  %inside = icmp slt i64 %further, %bytes
  br i1 %inside, label %line, label %fetched
fetched:
  %after = add i64 %i, 1
  %more = icmp slt i64 %after, %size
  br i1 %more, label %row, label %end
end:
  ret void
}

define i32 @draw(ptr %entry_at) {
entry:
  %table = load %words, ptr %entry_at
  %next = extractvalue %words %table, 1
  %state = extractvalue %words %table, 2
  %choices = extractvalue %words %table, 3
  %out = extractvalue %words %table, 4
  %size = extractvalue %words %table, 5
  %rows = extractvalue %words %table, 6
  %bytes = extractvalue %words %table, 7
  %steps = load i64, ptr %choices
  %at_envs = getelementptr i64, ptr %choices, i64 1
  %envs = load i64, ptr %at_envs
  call void @fill(ptr %next, ptr %state, i64 %steps, ptr %out, i64 %size, i64 0)
  call void @fill(ptr %next, ptr %state, i64 %envs, ptr %out, i64 %size, i64 %envs)
  call void @fetch(ptr %rows, i64 %bytes, ptr %out, i64 %size)
  ret i32 0
}
"""


class DrawRows:
    """The call that draws which rows of the replay buffer make a minibatch.

    Args:
        stream: Where the numbers come from.
        rows: The replay buffer's rows, [R, W].
        out: Receives the drawn numbers, [B], int64.

    Attributes:
        choices: int64 [2]: how many steps are stored, at least 1, and E. A row is step * E + environment.
    """

    def __init__(self, stream: np.random.RandomState, rows: np.ndarray, out: np.ndarray) -> None:
        self._bits: Any = stream._bit_generator
        self._rows = rows
        self._out = out
        self.choices = np.ones(2, np.int64)
        self._segment = Segment([self.entry()])

    def entry(self) -> Entry:
        """Return the call for a table of `native`."""
        generator = self._bits.ctypes
        words = [
            _draw(),
            ctypes.cast(generator.next_uint32, ctypes.c_void_p).value,
            generator.state_address,
            self.choices.ctypes.data,
            self._out.ctypes.data,
            self._out.size,
            self._rows.ctypes.data,
            self._rows.strides[0],
        ]
        return Entry(np.array(words, np.int64), (self,))

    def __call__(self) -> None:
        """Draw the rows."""
        self._segment()


@functools.cache
def _draw() -> int:
    """Return the address of the function that draws from an entry."""
    return compile_ir(_IR)("draw")
