"""A run of an algorithm with Stable-Baselines3's interface, as its documentation shows it, with clocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3.common.callbacks import BaseCallback, CallbackList, EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.noise import NormalActionNoise

from swimrl.bench.whole_run.marks import Marks, Settings


def train(algorithm: Any, activation: Any, settings: Settings, marks: Marks) -> None:
    """Train, evaluate as often as the others, save, and play the final episodes.

    Args:
        algorithm: The class TD3.
        activation: What ``activation_fn`` receives.
        settings: Of the run.
        marks: Receives the times.
    """
    folder = Path(settings["folder"])
    env = gymnasium.make(settings["env"])
    size = env.action_space.shape or ()
    agent = algorithm(
        "MlpPolicy",
        env,
        learning_rate=settings["lr"],
        buffer_size=settings["buffer_size"],
        learning_starts=settings["learning_starts"],
        batch_size=settings["batch_size"],
        train_freq=1,
        gradient_steps=1,
        action_noise=NormalActionNoise(np.zeros(size), np.full(size, settings["exploration_noise"])),
        policy_kwargs={
            "net_arch": [int(width) for width in settings["net"].split("x")],
            "activation_fn": activation,
        },
        seed=0,
        **settings.get("more", {}),
    )
    test_env = Monitor(gymnasium.make(settings["env"]))
    evaluation = TimedEvaluation(
        marks,
        test_env,
        n_eval_episodes=settings["eval_episodes"],
        eval_freq=settings["eval_every"],
        best_model_save_path=str(folder),
        log_path=str(folder),
        verbose=0,
    )
    agent.learn(settings["steps"], callback=CallbackList([evaluation, StepClock(marks)]))
    agent.save(folder / "policy")
    if settings["final_episodes"]:
        with marks.call("final"):
            evaluate_policy(agent, test_env, settings["final_episodes"])


class TimedEvaluation(EvalCallback):
    """Stable-Baselines3's evaluation with a clock around it."""

    def __init__(self, marks: Marks, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._marks = marks

    def _on_step(self) -> bool:
        if self.n_calls % self.eval_freq:
            return super()._on_step()
        with self._marks.call("evaluations"):
            return super()._on_step()


class StepClock(BaseCallback):
    """Marks the beginning of training and the end of each step."""

    def __init__(self, marks: Marks) -> None:
        super().__init__()
        self._marks = marks

    def _on_training_start(self) -> None:
        self._marks.begin()

    def _on_step(self) -> bool:
        self._marks.step()
        return True
