"""The C compiler of this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from swimrl.errors import InputError
from swimrl.exporting.controller import Controller

FAST = ("-O3", "-march=native", "-fno-math-errno")
"""The suggested flags. -ffast-math is not among them: it removes the tests for NaN."""

STRICT = (
    *("-std=c99", "-O3", "-fno-math-errno"),
    *("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"),
)
"""Flags with which every exported file must compile."""


def compiler() -> str | None:
    """Return the C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compile_c(source: Path, *arguments: str | Path) -> None:
    """Compile one file.

    Raises:
        InputError: If there is no compiler, or it refuses the file; the message has its first line.
    """
    program = compiler()
    if program is None:
        raise InputError("this machine has no C compiler; install gcc or clang, so that cc is on the PATH")
    command = [program, *arguments, source, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own file
    if done.returncode:
        reason = (done.stderr or done.stdout).splitlines() or ["no reason was given"]
        raise InputError(f"{source.name} does not compile: {reason[0]}")


def memory_of_c(path: Path, controller: Controller) -> tuple[str, ...]:
    """Return how many bytes of constants, code and stack a C file needs here; nothing without the tools."""
    size = shutil.which("size")
    if size is None:
        return ()
    constants = 4 * sum(array.size for array in controller.constants())
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "policy.o")
        try:
            compile_c(path, "-O2", "-fstack-usage", "-c", "-o", target)
        except InputError:  # a compiler without -fstack-usage
            return ()
        table = subprocess.run([size, target], capture_output=True, text=True, check=False)  # noqa: S603
        stack = max(int(line.split("\t")[1]) for line in target.with_suffix(".su").read_text().splitlines())
    text = int(table.stdout.splitlines()[1].split()[0])
    return (
        f"memory here: {constants:,} bytes of constants, {text - constants:,} of code, {stack:,} of stack",
    )
