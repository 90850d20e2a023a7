"""Every exception that swimrl raises on purpose.

    SwimrlError                 anything below; the command prints its message, no traceback, exit code 2
    ├── InputError              the user gave something wrong
    │   ├── UnknownNameError    a name that is not in the list; carries the closest matches
    │   ├── FormulaError        an activation name, parameter or expression that cannot be used
    │   ├── ConfigError         a configuration value or key (command line or YAML)
    │   ├── EnvironmentIdError  an environment that cannot be made or is not supported
    │   ├── RunExistsError      a run directory that is already there
    │   └── DamagedFileError    a file that cannot be read
    ├── UndeterminedError       a statistic that the data cannot give
    └── TrainingError           a run that cannot continue; its files are kept
        ├── NonFiniteError      NaN or infinity in a network, its loss or a return
        ├── EnvironmentFaultError  an environment that raised, or returned what does not fit its spaces
        └── StorageError        a file of the run that cannot be written, such as on a full disk

Each message is one line: the given value, the expected one, and what to do next.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable


class SwimrlError(Exception):
    """Root of all errors that swimrl raises on purpose."""


class InputError(SwimrlError):
    """The user gave something wrong."""


class UnknownNameError(InputError):
    """A name that is not in the list of known names.

    Args:
        kind: The kind of name, such as ``"activation"``.
        name: The given name.
        known: The names that exist; the message offers the closest ones.
        how_to_list: The command or call that lists them.

    Attributes:
        matches: Up to three known names close to the one given, best first.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], how_to_list: str) -> None:
        self.matches = closest(name, known)
        guess = f"; did you mean {' or '.join(map(repr, self.matches))}?" if self.matches else "."
        super().__init__(f"unknown {kind} {name!r}{guess} List them with: {how_to_list}")


class FormulaError(InputError):
    """An activation name, parameter or expression that cannot be used."""


class ConfigError(InputError):
    """A configuration value or key, from the command line or from YAML."""


class EnvironmentIdError(InputError):
    """An environment that cannot be made or is not supported."""


class RunExistsError(InputError):
    """A run directory that is already there and is never overwritten silently."""


class DamagedFileError(InputError):
    """A file that cannot be read, although it should be readable."""


class UndeterminedError(SwimrlError):
    """A statistic that the data cannot give; the message says why."""


class TrainingError(SwimrlError):
    """A run that cannot continue."""


class NonFiniteError(TrainingError):
    """NaN or infinity in a network, its loss or a return; the message names the first one."""


class EnvironmentFaultError(TrainingError):
    """An environment that raised, or returned what does not fit its spaces; the message names its step."""


class StorageError(TrainingError):
    """A file of the run that cannot be written, such as on a full disk."""


def one_line(error: BaseException) -> str:
    """Return class, text and notes of an exception as one line, for errors that swimrl does not know.

    Example:
        >>> error = ValueError("it broke")
        >>> error.add_note("raised by the callback Boom in step 50")
        >>> one_line(error)
        'ValueError: it broke, raised by the callback Boom in step 50'
    """
    kind, text = type(error).__name__, " ".join(str(error).split())
    return ", ".join([f"{kind}: {text}" if text else kind, *getattr(error, "__notes__", ())])


def command_line(*words: object) -> str:
    """Return a command for a hint, quoted so that it can be pasted into a shell.

    Example:
        >>> command_line("swimrl", "resume", "my runs/seed-0")
        "swimrl resume 'my runs/seed-0'"
    """
    return shlex.join(map(str, words))


def closest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return up to ``count`` of the ``known`` names that resemble ``name``, best first.

    Example:
        >>> closest("swimm", ["relu", "swim", "swish"])
        ['swim']
    """
    by_fold = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.casefold(), by_fold, n=count, cutoff=0.6)
    if matches and difflib.SequenceMatcher(None, name.casefold(), matches[0]).ratio() > 0.85:
        matches = matches[:1]
    return [by_fold[fold] for fold in matches]
