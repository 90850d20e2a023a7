"""Start TensorBoard on a study, a run or a folder of studies.

docs/monitoring.md explains each curve.

examples:
  swimrl tensorboard runs/default
  swimrl tensorboard runs/hopper --port 6007
  swimrl tensorboard runs/hopper/Hopper-v4/swim-1a2b3c4d/seed-0
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from swimrl.errors import ConfigError, InputError

_FIRST_PORT, _TRIED, _PORTS_END = 6006, 100, 65_536

# A continued run has several files. More points, images and films are kept than by default.
_OPTIONS = ("--reload_multifile=true", "--samples_per_plugin=scalars=10000,images=1000,text=100")


@dataclass(frozen=True)
class Args:
    """What to show, and at which address."""

    path: tyro.conf.Positional[Path]
    """Folder of a study, such as runs/default, of one run, or of several studies."""

    port: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Port to listen on. Default: the first free one from 6006."""

    host: str = "127.0.0.1"
    """Address to listen on. 127.0.0.1: only this machine; 0.0.0.0: everybody who can reach it."""


def run(args: Args) -> None:
    """Replace this process by TensorBoard."""
    if not args.path.is_dir():
        raise InputError(f"{args.path} is not a folder; name the folder of a study, such as runs/default")
    if not any(args.path.rglob("events.out.tfevents.*")):
        raise InputError(
            f"{args.path} holds no TensorBoard files; name the folder of a study or of a run that was started"
        )
    if args.port is not None and not 0 < args.port < _PORTS_END:
        raise ConfigError(f"--port is {args.port}; expected a number from 1 to {_PORTS_END - 1}")
    port = free_port(args.host) if args.port is None else args.port
    if args.port is not None and not is_free(args.host, port):
        raise ConfigError(f"port {port} of {args.host} is taken; leave out --port to get a free one")
    print(f"TensorBoard shows {args.path}: open http://{args.host}:{port}/ (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "tensorboard.main", *options(args.path, args.host, port)]
    os.execv(sys.executable, command)  # noqa: S606  # signals and output are then TensorBoard's own


def options(path: Path, host: str, port: int) -> list[str]:
    """Return TensorBoard's arguments."""
    title = f"swimrl {path.resolve().name}"
    return [f"--logdir={path}", f"--host={host}", f"--port={port}", f"--window_title={title}", *_OPTIONS]


def free_port(host: str) -> int:
    """Return the first free port from 6006.

    Raises:
        ConfigError: If a hundred ports are all taken.
    """
    for port in range(_FIRST_PORT, _FIRST_PORT + _TRIED):
        if is_free(host, port):
            return port
    raise ConfigError(
        f"the ports {_FIRST_PORT} to {_FIRST_PORT + _TRIED - 1} of {host} are all taken; give another --port"
    )


def is_free(host: str, port: int) -> bool:
    """Return whether this process can listen on a port.

    Raises:
        ConfigError: If the host is not this machine, or the port may not be used.
    """
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigError(f"--host {host!r} is unknown: {error.strerror}; leave it out") from error
    with socket.socket(address[0]) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address[4])
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise ConfigError(
                f"cannot listen on port {port} of {host!r}: {error.strerror}; "
                "leave out --port and --host to get a free port of this machine"
            ) from error
    return True
