"""``swimrl train`` with clocks around its parts."""

from __future__ import annotations

import functools
import runpy
import sys
from collections.abc import Callable
from typing import Any

from swimrl.bench.whole_run.marks import Marks, Settings, settings_from_command_line


def arguments(settings: Settings) -> list[str]:
    """Return the command line of the run, with defaults for all that is not compared."""
    kind = settings["contender"].removeprefix("swimrl-")
    options = {
        "env": settings["env"],
        "act": settings["act"],
        "net": settings["net"],
        "engine": "sb3" if kind == "sb3" else "fused",
        "precision": "bf16" if kind == "bf16" else "float32",
        "threads": settings["threads"],
        "steps": settings["steps"],
        "eval-every": settings["eval_every"],
        "eval-episodes": settings["eval_episodes"],
        "final-episodes": settings["final_episodes"],
        "td3.learning-starts": settings["learning_starts"],
        "td3.batch-size": settings["batch_size"],
        "td3.buffer-size": settings["buffer_size"],
        "td3.lr": settings["lr"],
        "td3.exploration-noise": settings["exploration_noise"],
        "out": settings["folder"],
    }
    return ["train", *(text for name, value in options.items() for text in (f"--{name}", str(value)))]


def main() -> None:
    """Train, and report."""
    settings = settings_from_command_line()
    marks = Marks(settings)
    _place_clocks(marks)
    sys.argv[1:] = arguments(settings)
    try:
        runpy.run_module("swimrl", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    marks.write("swimrl", "torch", "gymnasium", "mujoco")


def _place_clocks(marks: Marks) -> None:
    """Put clocks around the methods that are the parts of a run."""
    # The command would import these too, a moment later.
    from swimrl.td3.agent import TD3
    from swimrl.training.checkpointing import Checkpointing
    from swimrl.training.evaluator import Evaluator
    from swimrl.training.monitoring.recorder import Recorder

    _wrap(TD3, "learn", lambda method: _after(marks.begin, method))
    _wrap(TD3, "collect_rollouts", lambda method: _before(marks.step, method))
    _wrap(Evaluator, "play", lambda method: _timed(marks, "evaluations", method))
    _wrap(Evaluator, "keep", lambda method: _added(marks, method))
    _wrap(Evaluator, "final_episodes", lambda method: _timed(marks, "final", method))
    _wrap(Checkpointing, "write", lambda method: _timed(marks, "checkpoints", method))
    _wrap(Recorder, "look_if_due", lambda method: _look(marks, method))


def _wrap(owner: type, name: str, wrapper: Callable[[Any], Any]) -> None:
    method = getattr(owner, name)
    setattr(owner, name, functools.wraps(method)(wrapper(method)))


def _after(mark: Callable[[], None], method: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        mark()
        return method(*args, **kwargs)

    return call


def _before(mark: Callable[[], None], method: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        mark()
        return result

    return call


def _timed(marks: Marks, part: str, method: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        with marks.call(part):
            return method(*args, **kwargs)

    return call


def _added(marks: Marks, method: Any) -> Any:
    """Add a method's seconds to the evaluation before it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with marks.call("keep"):
            result = method(*args, **kwargs)
        marks.calls["evaluations"][-1] += sum(marks.calls.pop("keep"))
        return result

    return call


def _look(marks: Marks, method: Any) -> Any:
    """Keep the seconds of those calls that diagnosed something."""

    def call(recorder: Any, **kwargs: Any) -> None:
        before = recorder.seconds
        method(recorder, **kwargs)
        if recorder.seconds > before:
            marks.calls["looks"].append(recorder.seconds - before)

    return call


if __name__ == "__main__":
    main()
