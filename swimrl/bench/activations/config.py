"""The cost of activations: the options, and the measurement. Light: no torch here.

An arm is one activation in one implementation, dtype and shape on one device. All arms live in one process
(`swimrl.bench.activations.child`), which is replaced by a fresh one after all rounds.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import tyro

from swimrl.activations.language.names import parse_name
from swimrl.activations.language.registry import REGISTRY
from swimrl.bench.checks import check_counts, check_distinct, check_reading, check_seed
from swimrl.errors import ConfigError
from swimrl.timing.measure import Plan, Progress
from swimrl.timing.record import TimingRecord
from swimrl.timing.session import RecordContent, measure_in_one_process, take_record

KIND = "activations"
"""The kind of the records."""

COPY = "copy"
"""The arm that copies its input into new memory: the speed that memory allows."""

FORWARD, BACKWARD, BOTH = "forward", "backward", "forward+backward"
WORKS = (FORWARD, BACKWARD, BOTH)
"""The value without gradients; the gradients alone; the value and its gradients, as in training."""

Implementation = Literal["eager", "native", "fused", "compiled"]
Dtype = Literal["float64", "float32", "bfloat16", "float16"]
Device = Literal["cpu", "cuda"]
Cache = Literal["warm", "cold"]

ITEMSIZE = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a number."""

_QUICK: dict[str, tuple[str, ...]] = {
    "impl": ("eager", "native", "fused"),
    "dtype": ("float32",),
    "shape": ("256x256", "1x256"),
    "device": ("cpu",),
}
_LEFT_OUT = ("compiled", "float64", "bfloat16", "float16", "1024x1024", "4096x4096", "cuda")
# For the estimate: seconds of a call, and of each of its numbers; to start a process; to warm up an arm; to
# compile it.
_CALL_S, _NUMBER_S, _START_S, _WARM_UP_S, _COMPILE_S = 2e-5, 4e-9, 4.0, 0.05, 10.0


@dataclass(frozen=True)
class ActivationBenchmarkConfig:
    """Which activations are measured, and how.

    Raises:
        ConfigError: If a value cannot be used; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    act: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(name="names", metavar="[NAMES]")] = ()
    """Activations; the whole catalogue when none is given."""

    impl: tuple[Implementation, ...] = get_args(Implementation)
    """eager: the formula in elementary PyTorch operations. native: PyTorch's own operator, where there is
    one. fused: swimrl's kernel behind autograd. compiled: torch.compile of the formula."""

    dtype: tuple[Dtype, ...] = get_args(Dtype)
    """Types of the input."""

    shape: tuple[str, ...] = ("256x256", "1x256", "1024x1024", "4096x4096")
    """Shapes of the input: batch x neurons."""

    device: tuple[Device, ...] = get_args(Device)
    """Devices; cuda is left out where there is none."""

    reference: str = "relu"
    """The activation with which the others are compared, as PyTorch's own operator where there is one."""

    quick: bool = False
    """Only float32, 256x256 and 1x256, on the processor, without compiled."""

    rounds: int = 8
    """Rounds with each process; in a round everything is measured once, in random order."""

    processes: int = 2
    """How often all rounds are done, each time in a fresh process."""

    reading: float = 0.003
    """About how many seconds a reading takes."""

    seed: int = 0
    """Seed of the inputs and of the order within the rounds."""

    def __post_init__(self) -> None:
        check_counts(rounds=self.rounds, processes=self.processes)
        check_seed(self.seed)
        check_reading(self.reading, example=0.003)
        for name in _QUICK:
            chosen = getattr(self, name)
            if not chosen:
                raise ConfigError(f"--{name} is empty; give at least one, or leave it out")
            check_distinct(f"--{name}", chosen)
            if self.quick and chosen not in (_default(name), _QUICK[name]):
                raise ConfigError(f"--quick decides --{name} itself; leave one of the two out")
        for text in self.shape:
            parse_shape(text)
        names = [parse_name(name).canonical for name in self.act]
        if len(set(names)) < len(names):
            raise ConfigError(f"{' '.join(self.act)} names one activation twice; give each once")
        parse_name(self.reference)

    def resolved(self) -> ActivationBenchmarkConfig:
        """Return the same config with canonical names, and with the catalogue and ``quick`` written out."""
        names = self.act or tuple(definition.name for definition in REGISTRY.definitions())
        fields: dict[str, Any] = _QUICK if self.quick else {}
        return dataclasses.replace(
            self,
            act=tuple(parse_name(name).canonical for name in names),
            reference=parse_name(self.reference).canonical,
            **fields,
        )

    def arms(self) -> Iterator[dict[str, Any]]:
        """Yield a description of each arm; call it on what `resolved` returns."""
        for device in self.device:
            for cache in get_args(Cache) if device == "cuda" else ("warm",):
                for dtype in self.dtype:
                    for shape in self.shape:
                        for activation, implementation in self._choices():
                            yield _description(activation, implementation, dtype, shape, device, cache)

    def estimate_s(self) -> float:
        """Return about how many seconds the measurement takes; call it on what `resolved` returns."""
        each_s = compile_s = warm_up_s = 0.0
        for arm in self.arms():
            if arm["device"] == "cuda":
                continue  # whether there is a CUDA device is known only in the child
            # The third is forward and backward. Too low for slow activations, but some arms do not exist.
            calls = [_CALL_S + arm["elements"] * _NUMBER_S * share for share in (1, 1, 2)]
            each_s += sum(max(self.reading, call_s) for call_s in calls)
            warm_up_s += _WARM_UP_S
            compile_s += _COMPILE_S * (arm["implementation"] == "compiled")
        return self.processes * (_START_S + warm_up_s + (self.rounds + 3) * each_s) + compile_s

    def _choices(self) -> Iterator[tuple[str, str]]:
        yield COPY, "native"
        for implementation in ("native", "eager"):  # one of them becomes the reference
            if self.reference not in self.act or implementation not in self.impl:
                yield self.reference, implementation
        for activation in self.act:
            for implementation in self.impl:
                yield activation, implementation


def arm_name(about: dict[str, Any]) -> str:
    """Return the name of an arm.

    Example:
        >>> arm_name(_description("swim", "fused", "float32", "1x256", "cpu", "warm"))
        'swim fused float32 1x256'
    """
    place = "" if about["device"] == "cpu" else f" {about['device']} {about['cache']}"
    shape = "x".join(map(str, about["shape"]))
    return f"{about['activation']} {about['implementation']} {about['dtype']} {shape}{place}"


def parse_shape(text: str) -> tuple[int, int]:
    """Return batch and neurons of a shape's text.

    Raises:
        ConfigError: If it is no shape.

    Example:
        >>> parse_shape("1x256")
        (1, 256)
    """
    if not re.fullmatch(r"[1-9][0-9]{0,8}x[1-9][0-9]{0,8}", text):
        raise ConfigError(f"--shape {text!r} is no shape; expected batch x neurons, such as 256x256")
    batch, neurons = map(int, text.split("x"))
    return batch, neurons


def estimate(config: ActivationBenchmarkConfig) -> tuple[str, float, str]:
    """Return what is measured, about how many seconds it takes, and the options that shorten it."""
    whole = config.resolved()
    return f"{len(list(whole.arms()))} arms", whole.estimate_s(), "--quick, or fewer of --impl, --dtype"


def measure(config: ActivationBenchmarkConfig, progress: Progress) -> TimingRecord:
    """Measure and return the record; it keeps the reason of each arm that could not be measured.

    Raises:
        SwimrlError: If nothing could be measured.
    """
    whole = config.resolved()
    command = [sys.executable, "-m", "swimrl.bench.activations.child"]
    settings = {"arms": list(whole.arms()), "seed": whole.seed}
    plan = Plan(whole.processes, whole.rounds, whole.reading, seed=whole.seed)

    def content() -> RecordContent:
        measured = measure_in_one_process(command, settings, plan, progress)
        if not config.quick:
            return measured
        left_out = dict.fromkeys(_LEFT_OUT, "left out by --quick")
        return dataclasses.replace(measured, absent={**measured.absent, **left_out})

    return take_record(KIND, dataclasses.asdict(whole), content)


def _description(
    activation: str, implementation: str, dtype: str, shape: str, device: str, cache: str
) -> dict[str, Any]:
    batch, neurons = parse_shape(shape)
    return {
        "activation": activation,
        "implementation": implementation,
        "dtype": dtype,
        "shape": [batch, neurons],
        "elements": batch * neurons,
        "device": device,
        "cache": cache,
        "threads": 1,
    }


def _default(name: str) -> Any:
    return next(f.default for f in dataclasses.fields(ActivationBenchmarkConfig) if f.name == name)
