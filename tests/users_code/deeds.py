"""What runs of a study do in tests besides training: they take notes, fail, and die."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import torch
from stable_baselines3.common.callbacks import BaseCallback


class _Deed(BaseCallback):
    def _on_training_start(self) -> None:
        self.run = Path(self.logger.get_dir() or ".")

    def _on_step(self) -> bool:
        if self.num_timesteps == 150:
            self.do()
        return True

    def do(self) -> None:
        raise NotImplementedError


class Notes(_Deed):
    """Notes what the process was given."""

    def do(self) -> None:
        pools = {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
        cores = sorted(os.sched_getaffinity(0))
        notes = {"cores": cores, "pools": pools, "torch": torch.get_num_threads(), "session": os.getsid(0)}
        (self.run / "notes.json").write_text(json.dumps({**notes, "pid": os.getpid()}))


class FailsOnce(_Deed):
    """Goes wrong the first time."""

    def do(self) -> None:
        if not (self.run / "failed").exists():
            (self.run / "failed").touch()
            raise ValueError("the first time\nis always hard")


class Fails(_Deed):
    """Always goes wrong."""

    def do(self) -> None:
        raise ValueError("it never works")


class Dies(_Deed):
    """Ends as the system ends what takes too much memory."""

    def do(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Quits(BaseCallback):
    """Wants to end the process, as if all were well."""

    def _on_step(self) -> bool:
        raise SystemExit(0)


class Ends(BaseCallback):
    """Ends training at step 30."""

    def _on_step(self) -> bool:
        return self.num_timesteps != 30
