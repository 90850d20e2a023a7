"""The settings of one training run. Light: imports neither torch nor Stable-Baselines3."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from swimrl.activations.language.names import split_layers
from swimrl.envs.seeding import check_seed
from swimrl.errors import ConfigError
from swimrl.fields import Count, CountOrAuto, from_mapping, to_mapping
from swimrl.td3.architecture import Architecture
from swimrl.td3.config import DEFAULT_ENGINE, DEFAULT_PRECISION, Engine, Precision, TD3Config


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run, which together decide its result.

    Raises:
        ConfigError: If a value lies outside its range; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    env: str = "HalfCheetah-v4"
    """Environment id, such as HalfCheetah-v4; `swimrl envs` lists the MuJoCo tasks."""

    act: str = "swim"
    """Activation of all hidden layers, such as swim, "swim(k=1)", "expr: x*sigmoid(b*x); b=1" or
    package.module:Class; with commas one for each layer. `swimrl activations` lists them."""

    act_actor: Annotated[str | None, tyro.conf.arg(metavar="STR")] = None
    """Activation of the actor, if it differs."""

    act_critic: Annotated[str | None, tyro.conf.arg(metavar="STR")] = None
    """Activation of the critics, if it differs."""

    steps: Count = 1_000_000
    """Environment steps to train for; may be written 1e6."""

    seed: Count = 0
    """Seed of all random streams."""

    engine: Engine = DEFAULT_ENGINE
    """Code that computes the update: fused is swimrl's own and several times faster on the processor; sb3 is
    that of Stable-Baselines3, which is also used where fused cannot work."""

    threads: CountOrAuto = 1
    """Threads of one run; with the fused engine each computes its share of a minibatch, and evaluations
    simulate on as many. auto measures before the first step which number is fastest here, which takes
    seconds; run.json says which it was, and a resumed run keeps it."""

    precision: Precision = DEFAULT_PRECISION
    """Arithmetic of the fused engine's large matrix products: bf16 is faster and rounds to 3 digits."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device of the networks; auto takes the processor, which is faster for small networks."""

    net: str = "256x256"
    """Widths of the hidden layers, such as 256x256 or 400x300; or residual blocks by width and number:
    simba:256x2 (pre-norm blocks of SimBa; its normalisation of observations is --normalize-obs), or
    residual:256x2 (without layer norms)."""

    net_actor: Annotated[str | None, tyro.conf.arg(metavar="STR")] = None
    """Hidden layers of the actor, written like --net, if they differ: a small actor costs little to run, and
    large critics cost only training."""

    start_from: Annotated[str | None, tyro.conf.arg(metavar="RUN")] = None
    """Directory of a run with equal networks: start with its last weights, to go on with other activations.
    {env} and {seed} in it stand for this run's own. Before learning starts, these weights act, not chance."""

    match_parameters: Annotated[str | None, tyro.conf.arg(metavar="STR")] = None
    """Scale the widths of --net so that actor and critics together have as many parameters as with this
    activation, such as relu. This makes the comparison fair for activations that change the width of a layer
    (crelu, maxout, glu)."""

    n_envs: Count = 1
    """Environments that are stepped side by side."""

    normalize_obs: bool = False
    """Normalise observations by their running mean and deviation."""

    env_kwargs: tuple[str, ...] = ()
    """Arguments of the environment as name=value, such as ctrl_cost_weight=0.05."""

    imports: Annotated[tuple[str, ...], tyro.conf.arg(name="import")] = ()
    """Modules to import first, such as those that register environments or activations."""

    callback: tuple[str, ...] = ()
    """Callbacks of Stable-Baselines3, each as package.module:Class."""

    eval_every: Count = 5_000
    """Environment steps between evaluations."""

    eval_episodes: Count = 10
    """Episodes of an evaluation."""

    final_episodes: Count = 100
    """Fresh episodes after training (metric final100), on the same seeds for every run; 0 for none."""

    checkpoint_every: Count = 50_000
    """Environment steps between checkpoints; `swimrl resume` continues exactly from the last; 0 for none."""

    diagnose_every: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Environment steps between diagnoses of units, ranks, gradients and more (docs/monitoring.md); as often
    as evaluations when not given, 0 for none."""

    diagnose_bound: float = 5.0
    """Diagnostics count pre-activations outside +- this."""

    diagnose_flat: float = 0.05
    """Diagnostics count a pre-activation as saturated if the slope of the activation is smaller than this."""

    video_every: Count = 0
    """Environment steps between short films of the policy in TensorBoard, at evaluations; 0 for none."""

    td3: TD3Config = field(default_factory=TD3Config)
    """Settings of the algorithm."""

    def __post_init__(self) -> None:
        for name in ("steps", "n_envs", "eval_every", "eval_episodes"):
            _require_at_least(self, name, 1)
        if self.threads == "auto":
            if self.engine != "fused":
                raise ConfigError(f"--threads auto needs --engine fused; give a number for {self.engine}")
        else:
            _require_at_least(self, "threads", 1)
        for name in ("final_episodes", "checkpoint_every", "video_every"):
            _require_at_least(self, name, 0)
        if self.diagnose_every is not None:
            _require_at_least(self, "diagnose_every", 0)
        for name in ("diagnose_bound", "diagnose_flat"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ConfigError(f"--{name.replace('_', '-')} is {value}; expected a number above 0")
        check_seed(self.seed)
        if self.precision == "bf16" and self.engine != "fused":
            raise ConfigError("--precision bf16 needs --engine fused; leave one of the two out")
        for flag, own, net_flag, net in (
            ("--act-actor", self.act_actor, *self._net_of_actor),
            ("--act-critic", self.act_critic, "--net", self.net),
        ):
            flag, text = ("--act", self.act) if own is None else (flag, own)
            layers, depth = split_layers(text), len(Architecture.parse(net, source=net_flag).widths)
            if len(layers) not in (1, depth):
                raise ConfigError(
                    f"{flag} names {len(layers)} activations for {net_flag} {net}, whose depth is "
                    f"{depth}; give one, or one for each hidden layer"
                )
        self.environment_arguments()

    @property
    def diagnosis_interval(self) -> int:
        """Environment steps between diagnoses; 0 for none."""
        return self.eval_every if self.diagnose_every is None else self.diagnose_every

    @property
    def fixed_threads(self) -> int:
        """Threads of one run that shares the machine with others.

        Raises:
            ConfigError: If they are ``auto``.
        """
        if self.threads == "auto":
            raise ConfigError(
                "--threads is auto, which measures what is fastest while nothing else runs; the runs of a "
                "sweep share the machine, so give a number (1 makes the most of many runs)"
            )
        return self.threads

    @property
    def architecture(self) -> Architecture:
        """The hidden layers or residual blocks of the critics; of the actor too without `net_actor`."""
        return Architecture.parse(self.net, source="--net")

    @property
    def actor_architecture(self) -> Architecture:
        """The hidden layers or residual blocks of the actor."""
        flag, net = self._net_of_actor
        return Architecture.parse(net, source=flag)

    @property
    def _net_of_actor(self) -> tuple[str, str]:
        """The option that decides the networks of the actor, and its value."""
        return ("--net", self.net) if self.net_actor is None else ("--net-actor", self.net_actor)

    @property
    def hidden_widths(self) -> list[int]:
        """Widths of the critics' hidden layers, that next to the input first, for code that knows no blocks.

        Raises:
            ConfigError: If the network has residual blocks.
        """
        return _widths(self.architecture)

    @property
    def actor_widths(self) -> list[int]:
        """The same of the actor.

        Raises:
            ConfigError: If the network has residual blocks.
        """
        return _widths(self.actor_architecture)

    @property
    def actor_activation(self) -> str:
        """Activation of the actor: one name, or one for each layer."""
        return self.act if self.act_actor is None else self.act_actor

    @property
    def critic_activation(self) -> str:
        """Activation of the critics: one name, or one for each layer."""
        return self.act if self.act_critic is None else self.act_critic

    def environment_arguments(self) -> dict[str, object]:
        """Return ``env_kwargs`` as a mapping; values are YAML, so numbers, booleans and lists work."""
        import yaml

        from swimrl.training.config_file import parse_yaml

        arguments: dict[str, object] = {}
        for pair in self.env_kwargs:
            name, equals, value = pair.partition("=")
            if not equals or not name.isidentifier():
                raise ConfigError(
                    f"--env-kwargs {pair!r} is not of the form name=value; "
                    "expected one such as ctrl_cost_weight=0.05"
                )
            if name in arguments:
                raise ConfigError(f"--env-kwargs names {name!r} twice; give it once")
            if name == "render_mode":
                raise ConfigError(
                    f"--env-kwargs {pair!r} would draw every environment of the run; to see the policy use "
                    "--video-every in training, or swimrl eval RUN with --video FILE or --render human"
                )
            try:
                arguments[name] = with_numbers(parse_yaml(value))
            except yaml.YAMLError as error:
                raise ConfigError(
                    f"--env-kwargs {pair!r}: {value!r} is no number, word or list; "
                    "expected one such as ctrl_cost_weight=0.05"
                ) from error
        return arguments


def with_settings(config: TrainConfig, settings: Mapping[str, Any], *, source: str) -> TrainConfig:
    """Return ``config`` with other values for the fields that ``settings`` names.

    Args:
        config: To start from.
        settings: Values by field; of ``td3`` a `TD3Config`, or a mapping of those fields that change.
        source: Where the settings come from, for messages.

    Raises:
        ConfigError: If a name is unknown (the message offers the closest), or a value cannot be used.

    Example:
        >>> with_settings(TrainConfig(), {"steps": 10, "td3": {"lr": 1e-3}}, source="example").td3.lr
        0.001
    """
    changes = dict(settings)
    td3 = changes.get("td3")
    if isinstance(td3, TD3Config):
        changes["td3"] = to_mapping(td3)
    elif isinstance(td3, Mapping):
        given = {str(name).replace("-", "_"): value for name, value in td3.items()}
        changes["td3"] = to_mapping(config.td3) | given
    return from_mapping(TrainConfig, to_mapping(config) | changes, source=source)


def with_absolute_files(config: TrainConfig) -> TrainConfig:
    """Return ``config`` with absolute paths in ``env_kwargs``, for a run that will be opened from elsewhere.

    A value is a path if it begins with ``./``, ``../`` or ``~`` and names something that exists, such as
    ``xml_file=./robot.xml``. Gymnasium reads such paths from the working directory.
    """
    return dataclasses.replace(config, env_kwargs=tuple(map(_with_absolute_file, config.env_kwargs)))


def _with_absolute_file(pair: str) -> str:
    name, _, value = pair.partition("=")
    if value.startswith(("./", "../", "~")):
        path = Path(value).expanduser()
        if path.exists():
            return f"{name}={path.resolve()}"
    return pair


def with_numbers(value: object) -> object:
    """Return a YAML value in which text for a number, such as ``inf``, is the number; in lists too."""
    if isinstance(value, list):
        return [with_numbers(item) for item in value]
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value


def _require_at_least(config: TrainConfig, name: str, least: int) -> None:
    value = getattr(config, name)
    if value < least:
        raise ConfigError(
            f"--{name.replace('_', '-')} is {value}; expected a whole number of at least {least}"
        )


def _widths(architecture: Architecture) -> list[int]:
    if architecture.kind is not None:
        raise ConfigError(
            f"--net {architecture} has residual blocks, which only swimrl's own networks have; "
            "give widths of hidden layers here, such as 256x256"
        )
    return list(architecture.widths)
