"""Making environments by id, and the one line for each that cannot be made."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Space

from swimrl.envs.catalogue import TASKS
from swimrl.envs.make import check_id, make
from swimrl.errors import EnvironmentIdError, InputError

VECTOR = Box(-1.0, 1.0, (3,))


class Small(gym.Env[Any, Any]):
    """An environment with any spaces; its first step needs ``gain`` to be a number."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(
        self,
        observation: Space[Any] = VECTOR,
        action: Space[Any] = VECTOR,
        gain: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        self.observation_space = observation
        self.action_space = action
        self.gain = gain
        self.render_mode = render_mode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), self.gain * 1.0, False, False, {}


@pytest.fixture
def register() -> Iterator[Callable[..., None]]:
    """Register environments for the length of one test."""
    before = set(gym.registry)
    yield gym.register
    for env_id in set(gym.registry) - before:
        del gym.registry[env_id]


def rollout(env: gym.Env[Any, Any], steps: int = 30) -> np.ndarray[Any, Any]:
    actions = np.random.default_rng(0)
    env.reset(seed=7)
    rewards = [env.step(actions.uniform(-1, 1, env.action_space.shape))[1] for _ in range(steps)]
    return np.array(rewards)


def refusal(env_id: str, env_kwargs: dict[str, Any]) -> str:
    try:
        make(env_id, env_kwargs).close()
    except EnvironmentIdError as error:
        return str(error)
    return ""


# Gymnasium's own notice about version 4 would fail these tests, because warnings are errors.
@pytest.mark.filterwarnings("ignore:.*is out of date")
@pytest.mark.parametrize("env_id", ["HalfCheetah-v4", "Walker2d-v5", "Pendulum-v1"])
def test_steps_like_gymnasium(env_id: str) -> None:
    with make(env_id) as ours, gym.make(env_id) as theirs:
        np.testing.assert_array_equal(rollout(ours), rollout(theirs))


def test_version_4_is_made_without_a_warning() -> None:
    make("Ant-v4").close()


def test_arguments_reach_the_environment() -> None:
    with make("HalfCheetah-v4") as usual, make("HalfCheetah-v4", {"ctrl_cost_weight": 0.0}) as free:
        usual.reset(seed=0)
        free.reset(seed=0)
        action = np.full(6, 0.5)
        cost = free.step(action)[1] - usual.step(action)[1]
    assert cost == pytest.approx(0.1 * 6 * 0.5**2)


def test_the_trial_step_changes_no_later_number() -> None:
    with make("Humanoid-v4") as plain, make("Humanoid-v4", {"reset_noise_scale": 1e-2}) as tried:
        np.testing.assert_array_equal(rollout(plain), rollout(tried))


def test_a_time_limit_can_be_given() -> None:
    with make("HalfCheetah-v5", {"max_episode_steps": 2}) as env:
        env.reset(seed=0)
        truncations = [env.step(np.zeros(6))[3] for _ in range(2)]
    assert truncations == [False, True]


@pytest.mark.parametrize("env_id", TASKS)
def test_the_arguments_named_in_the_error_are_accepted(env_id: str) -> None:
    with pytest.raises(EnvironmentIdError, match="does not accept the argument 'nonsense'") as caught:
        make(env_id, {"nonsense": 1})
    named = str(caught.value).partition("accepts: ")[2].split(", ")
    is_mujoco = str(gym.registry[env_id].entry_point).startswith("gymnasium.envs.mujoco.")
    assert ({"width", "height"} if is_mujoco else set()) | {"max_episode_steps"} <= set(named)
    values = {"width": 64, "height": 64, "max_geom": 500, "max_episode_steps": 5}
    for name in sorted(set(named) & set(values)):
        make(env_id, {name: values[name]}).close()
    # The rest have defaults of their own; a name that is not accepted is a TypeError whatever its value.
    for name in sorted(set(named) - set(values)):
        assert "does not accept" not in refusal(env_id, {name: None}), name


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        (
            "HalfCheeta-v4",
            (
                "unknown environment 'HalfCheeta-v4'; did you mean 'HalfCheetah-v4'? "
                "List the supported ones with: swimrl envs. For one of another package add: --import MODULE"
            ),
        ),
        ("hopper-v5", "unknown environment 'hopper-v5'; did you mean 'Hopper-v5'? "),
        ("Acrobot-v0", "unknown environment 'Acrobot-v0'; did you mean 'Acrobot-v1'? "),
        ("", "unknown environment ''. List"),
        ("no such thing", "unknown environment 'no such thing'. List"),
        ("HalfCheetah", "environment 'HalfCheetah' has no version; use HalfCheetah-v4 or HalfCheetah-v5"),
        ("Pusher-v4", "Pusher-v4 cannot run with MuJoCo 3 or later; use Pusher-v5"),
        ("Pusher-v2", "Pusher-v2 needs mujoco-py, which is retired; use Pusher-v5"),
        ("Walker2d-v3", "Walker2d-v3 needs mujoco-py, which is retired; use Walker2d-v4 or Walker2d-v5"),
        ("Ant-v6", "Ant-v6 is unknown; use Ant-v4 or Ant-v5"),
        (
            "dm_control/cheetah-run-v0",
            (
                "environment 'dm_control/cheetah-run-v0' is not registered, nor is anything in 'dm_control'; "
                "import the module that registers it: --import MODULE"
            ),
        ),
        (
            "my.tasks:Run-v0",
            "environment 'my.tasks:Run-v0' names a module; give it apart: --import my.tasks --env Run-v0",
        ),
    ],
)
def test_an_id_that_cannot_be_made_is_answered_in_one_line(env_id: str, message: str) -> None:
    with pytest.raises(EnvironmentIdError) as caught:
        check_id(env_id)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    with pytest.raises(EnvironmentIdError):
        make(env_id)


def test_a_registered_id_passes(register: Callable[..., None]) -> None:
    register("team/Small-v0", Small)
    check_id("team/Small-v0")
    with pytest.raises(
        EnvironmentIdError, match=r"unknown environment 'team/Smal-v0'; did you mean 'team/Small-v0'\?"
    ):
        check_id("team/Smal-v0")


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        (
            {"action": Discrete(2)},
            (
                "Small-v0 has actions in Discrete(2), but TD3 acts in a continuous Box; "
                "choose a continuous-control environment (swimrl envs)"
            ),
        ),
        ({"action": Box(0, 9, (3,), dtype=np.int64)}, "Small-v0 has actions in Box(0, 9, (3,), int64), but "),
        ({"action": Box(-1.0, np.inf, (3,))}, "Small-v0 has unbounded actions, but "),
        (
            {"action": Box(-1.0, 1.0, (3, 2))},
            "Small-v0 has actions of shape (3, 2), but shape (n,) is expected; ",
        ),
        (
            {"observation": Dict(a=VECTOR)},
            (
                "Small-v0 has Dict observations, but a float vector is expected; "
                "register the environment wrapped in gymnasium.wrappers.FlattenObservation"
            ),
        ),
        ({"observation": Discrete(4)}, "Small-v0 has Discrete observations, but "),
        (
            {"observation": Box(-1.0, 1.0, (3, 2))},
            (
                "Small-v0 has observations of shape (3, 2), but shape (n,) is expected; "
                "register the environment wrapped in gymnasium.wrappers.FlattenObservation"
            ),
        ),
        ({"observation": Box(-1.0, 1.0, ())}, "Small-v0 has observations of shape (), but "),
        ({"observation": Box(0, 255, (3,), dtype=np.uint8)}, "Small-v0 has uint8 observations, but "),
    ],
)
def test_spaces_that_do_not_fit(
    register: Callable[..., None], spaces: dict[str, Space[Any]], message: str
) -> None:
    register("Small-v0", Small, kwargs=spaces)
    with pytest.raises(EnvironmentIdError) as caught:
        make("Small-v0")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("env_id", "env_kwargs", "message"),
    [
        ("Small-v0", {"gane": 1}, "Small-v0 does not accept the argument 'gane'; it accepts: action, gain, "),
        ("Small-v0", {"gain": "much"}, "Small-v0 fails in its first step with gain='much': can't multiply"),
        ("HalfCheetah-v4", {"frame_skip": 1}, "HalfCheetah-v4 does not accept the argument 'frame_skip'; "),
        (
            "HalfCheetah-v5",
            {"xml_file": "/no.xml"},
            "HalfCheetah-v5 cannot be made with xml_file='/no.xml': ",
        ),
        ("Lost-v0", {}, "Lost-v0 cannot be made: No module named 'no_such_module'"),
    ],
)
def test_an_environment_that_fails(
    register: Callable[..., None], env_id: str, env_kwargs: dict[str, Any], message: str
) -> None:
    register("Small-v0", Small)
    register("Lost-v0", "no_such_module:Lost")
    with pytest.raises(EnvironmentIdError) as caught:
        make(env_id, env_kwargs)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_environment_that_cannot_be_drawn(register: Callable[..., None]) -> None:
    register("Small-v0", Small)
    with pytest.raises(
        EnvironmentIdError, match="Small-v0 cannot be drawn as 'rgb_array'; it offers: no drawing at all"
    ):
        make("Small-v0", render_mode="rgb_array")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_a_window_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(InputError, match=r"needs a display .* --video FILE\.mp4"):
        make("HalfCheetah-v4", render_mode="human")


def test_the_catalogue_needs_no_gymnasium() -> None:
    script = (
        "import sys, swimrl.envs.catalogue; assert not {'gymnasium', 'mujoco', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
