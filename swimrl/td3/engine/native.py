"""Runs a list of compiled calls without Python between them.

Calling a compiled loop from Python takes about 1 us, as long as many loops of a small network. But the arrays
of a program are bound, so the arguments that the machine code receives never change. `Segment` writes them
into a table once. Then one call runs the whole table, and holds no lock of the interpreter meanwhile. It
runs the same machine code on the same arrays as the list does, so the results are the same bits.

A table holds the addresses of entries. An entry is an array of words of 64 bits: the address of the function
that makes the call, the address of the called function, and its arguments.

The called functions follow numba's calling convention: they receive two addresses, for the result and for an
exception, then the arguments. An array is passed as 5 + 2D words: two owners (none here), how many numbers,
bytes of a number, address, sizes and strides of its D dimensions. The function returns 0, or a kind of error.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np

from swimrl.errors import SwimrlError

Call = Callable[[], object]

RUN = """
declare i64 @llvm.readcyclecounter()

define i32 @run(ptr %table, i64 %count) {
entry:
  br label %step
step:
  %i = phi i64 [ 0, %entry ], [ %next, %step ]
  %failed = phi i32 [ 0, %entry ], [ %status, %step ]
  %slot = getelementptr ptr, ptr %table, i64 %i
  %words = load ptr, ptr %slot
  %caller = load ptr, ptr %words
  %returned = call i32 %caller(ptr %words)
  %status = or i32 %failed, %returned
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %step, label %end
end:
  ret i32 %status
}

define i32 @run_timed(ptr %table, i64 %count, ptr %cycles) {
entry:
  br label %step
step:
  %i = phi i64 [ 0, %entry ], [ %next, %step ]
  %failed = phi i32 [ 0, %entry ], [ %status, %step ]
  %slot = getelementptr ptr, ptr %table, i64 %i
  %words = load ptr, ptr %slot
  %caller = load ptr, ptr %words
  %started = call i64 @llvm.readcyclecounter()
  %returned = call i32 %caller(ptr %words)
  %ended = call i64 @llvm.readcyclecounter()
  %took = sub i64 %ended, %started
  %sum = getelementptr i64, ptr %cycles, i64 %i
  %so_far = load i64, ptr %sum
  %total = add i64 %so_far, %took
  store i64 %total, ptr %sum
  %status = or i32 %failed, %returned
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %step, label %end
end:
  ret i32 %status
}
"""


class Entry(NamedTuple):
    """One call of a table."""

    words: np.ndarray
    """int64: the address of the caller, that of the called function, and its arguments."""

    owners: tuple[object, ...]
    """Objects that must live as long as the addresses in ``words`` are used."""


class Segment:
    """Compiled calls that one call runs, in order.

    Args:
        entries: The calls; at least one.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        self.table = np.array([entry.words.ctypes.data for entry in entries], np.int64)
        self._run = library().run
        self._address = self.table.ctypes.data

    def __call__(self) -> None:
        """Run all calls.

        Raises:
            SwimrlError: If one of them could not get memory.
        """
        check(self._run(self._address, len(self.entries)))

    def timed(self, cycles: np.ndarray) -> None:
        """Run all calls, and add the processor's cycles of each to ``cycles`` [calls], int64."""
        check(library().run_timed(self._address, len(self.entries), cycles.ctypes.data))


def check(status: int) -> None:
    """Raise an error if a compiled call has failed; they can only fail for want of memory.

    Raises:
        SwimrlError: If the status is not 0.
    """
    if status:
        raise SwimrlError("a compiled loop of the fused engine failed; the machine is out of memory")


def merged(calls: Iterable[Call]) -> list[Call]:
    """Return calls that do the same: neighbours that are compiled become one `Segment`."""
    shorter: list[Call] = []
    pairs = ((call, entry(call)) for call in calls)
    for is_compiled, group in groupby(pairs, lambda pair: pair[1] is not None):
        if is_compiled:
            shorter.append(Segment([one for _, one in group if one is not None]))
        else:
            shorter.extend(call for call, _ in group)
    return shorter


def entry(call: Call) -> Entry | None:
    """Return the entry of a call for a table, or None where only Python can make the call.

    Args:
        call: A `functools.partial` of a function that numba has compiled, with arrays and numbers, becomes an
            entry, as do calls that have a method ``entry``.
    """
    make = getattr(call, "entry", None)
    if make is not None:
        made: Entry = make()
        return made
    if not isinstance(call, partial) or call.keywords or not hasattr(call.func, "overloads"):
        return None
    overload = _overload(call.func, call.args)
    if overload is None:
        return None
    kinds, words = "", []
    for argument in call.args:
        if isinstance(argument, np.ndarray):
            kinds += "i" * (5 + 2 * argument.ndim)
            address = argument.ctypes.data
            words += [0, 0, argument.size, argument.itemsize, address, *argument.shape, *argument.strides]
        elif isinstance(argument, float):
            kinds += "d"
            words += struct.unpack("<q", struct.pack("<d", argument))
        else:
            kinds += "i"
            words.append(argument)
    function = overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name)
    return Entry(np.array([_caller(kinds), function, *words], np.int64), (call, overload))


def _overload(dispatcher: Any, arguments: Sequence[Any]) -> Any:
    """Return what numba compiled for arguments of these types; None if it would have to convert one."""
    from numba import types

    given = tuple(map(_type, arguments))
    if dispatcher._can_compile:
        if given not in dispatcher.overloads:
            dispatcher.compile(given)
        return dispatcher.overloads[given]
    (overload,) = dispatcher.overloads.values()
    for kind, expected in zip(given, overload.signature.args, strict=True):
        if isinstance(expected, types.Array) and isinstance(kind, types.Array):
            same = (kind.dtype, kind.ndim) == (expected.dtype, expected.ndim)
            if not same or expected.layout not in ("A", kind.layout):
                return None
        elif kind != expected:
            return None
    return overload


def _type(argument: Any) -> Any:
    """Return numba's type of an array or a number."""
    if type(argument) is not np.ndarray:
        import numba

        typeof: Any = numba.typeof  # it has no types
        return typeof(argument)
    flags = argument.flags
    layout: Literal["C", "F", "A"] = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
    return _array_type(argument.dtype, argument.ndim, layout, flags.writeable)


@functools.cache
def _array_type(dtype: Any, ndim: int, layout: Literal["C", "F", "A"], writeable: bool) -> Any:
    """Return numba's type of an array; ``numba.typeof`` takes 20 times as long."""
    from numba import types
    from numba.np.numpy_support import from_dtype

    return types.Array(from_dtype(dtype), ndim, layout, readonly=not writeable)


class Library(NamedTuple):
    """The compiled functions of this module."""

    run: Callable[[int, int], int]
    """(table, how many entries) -> status."""

    run_timed: Callable[[int, int, int], int]
    """(table, how many entries, cycles) -> status."""


@functools.cache
def library() -> Library:
    """Return the functions that run tables."""
    address = compile_ir(RUN)
    word = ctypes.c_int64
    return Library(
        ctypes.CFUNCTYPE(ctypes.c_int32, word, word)(address("run")),
        ctypes.CFUNCTYPE(ctypes.c_int32, word, word, word)(address("run_timed")),
    )


@functools.cache
def _caller(kinds: str) -> int:
    """Return the address of the function that makes a call with arguments of these kinds from an entry.

    Args:
        kinds: For each argument ``i``, a word, or ``d``, a float64.
    """
    types = ["i64" if kind == "i" else "double" for kind in kinds]
    loads = [
        f"  %at{n} = getelementptr i64, ptr %words, i64 {n + 2}\n  %a{n} = load {kind}, ptr %at{n}"
        for n, kind in enumerate(types)
    ]
    arguments = ["ptr %result", "ptr %error", *(f"{kind} %a{n}" for n, kind in enumerate(types))]
    lines = [
        "define i32 @caller(ptr %words) {",
        "  %at = getelementptr i64, ptr %words, i64 1",
        "  %function = load ptr, ptr %at",
        "  %result = alloca ptr",
        "  %error = alloca ptr",
        *loads,
        f"  %status = call i32 %function({', '.join(arguments)})",
        "  ret i32 %status",
        "}",
    ]
    return compile_ir("\n".join(lines))("caller")


_engines: list[Any] = []  # they own the machine code


def compile_ir(text: str) -> Callable[[str], int]:
    """Compile LLVM's language for this processor; return the function from a name to an address."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    module = llvm.parse_assembly(text)
    module.verify()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _engines.append(engine)
    address: Callable[[str], int] = engine.get_function_address
    return address
