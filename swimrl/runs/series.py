"""The series of numbers that a run writes: name, title, unit and meaning of each. Light.

The monitoring of a run writes these series, TensorBoard's layout and the report's panels take titles and
units from here, and docs/monitoring.md lists them in the same order.

A tag can have places: ``NET`` is a network (``actor``, ``critic1``, ``critic2``), ``LAYER`` a hidden layer
such as ``actor.layer1``, ``NAME`` a learned parameter of an activation.

Letters: z pre-activation, h output of the activation, f' its slope, Phi [1024, H] the outputs of the last
hidden layer on the sample, with singular values sigma_1 >= sigma_2 ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PLACES = {"NET": r"(?:actor|critic\d+)", "LAYER": r"(?:actor|critic\d+)\.layer\d+", "NAME": r"[\w.]+"}


@dataclass(frozen=True)
class Series:
    """One number over the steps of a run, or one for each network, layer or parameter."""

    tag: str
    """The name in diagnostics.csv and TensorBoard, with its places."""

    title: str
    """What a figure calls it."""

    unit: str
    """What its values count."""

    meaning: str
    """How it is defined, in Markdown."""

    undetermined: str = ""
    """When it has no value, in Markdown; empty if it always has one."""

    def at(self, *places: str) -> str:
        """Return the tag with its places filled in, in order.

        Example:
            >>> DEAD.at("actor.layer1")
            'units/dead/actor.layer1'
        """
        left = iter(places)
        parts = [next(left) if part in _PLACES else part for part in self.tag.split("/")]
        assert next(left, None) is None, (self.tag, places)
        return "/".join(parts)

    def pattern(self, network: str | None = None) -> str:
        """Return a regular expression that matches the series' tags from beginning to end.

        Args:
            network: Restricts the tags to one network, such as ``"critic1"``; all networks when not given.

        Example:
            >>> bool(re.match(DEAD.pattern("actor"), "units/dead/actor.layer2"))
            True
        """
        places = dict(_PLACES)
        if network is not None:
            places |= {"NET": re.escape(network), "LAYER": rf"{re.escape(network)}\.layer\d+"}
        return "/".join(places.get(part, re.escape(part)) for part in self.tag.split("/")) + "$"


DEAD = Series(
    "units/dead/LAYER",
    "dead units",
    "share of units",
    'share of units with h = 0 exactly for every input: ReLU\'s "off". Smooth activations have none; '
    "units that rest at another constant (`flexible_relu`, `tanh`) are counted by `idle`",
)
DORMANT = Series(
    "units/dormant_0.1/LAYER",
    "dormant units, tau 0.1",
    "share of units",
    "share of tau-dormant units (Sokar et al. 2023, arXiv:2302.12902): mean abs(h) of the unit / "
    "(mean of that over the layer + 1e-9) <= tau = 0.1",
)
DORMANT_SMALL_TAU = Series(
    "units/dormant_0.025/LAYER", "dormant units, tau 0.025", "share of units", "the same with tau = 0.025"
)
IDLE = Series(
    "units/idle_0.1/LAYER",
    "idle units, tau 0.1",
    "share of units",
    "the dormant share with tau = 0.1 after each unit's mean over the sample is subtracted: it also "
    "counts units that are stuck at a constant other than 0, which the plain score misses",
)
IDLE_SMALL_TAU = Series(
    "units/idle_0.025/LAYER", "idle units, tau 0.025", "share of units", "the same with tau = 0.025"
)
SATURATED = Series(
    "units/saturated/LAYER",
    "saturated pre-activations",
    "share of pre-activations",
    "share of pre-activations, over units and inputs, with abs(f'(z)) < `--diagnose-flat`",
    "where an output depends on other units of the layer or the width changes, so that there is no f'",
)
SATURATED_OUTPUT = Series(
    "units/saturated/actor.output",
    "saturated actions",
    "share of actions",
    "share of the actor's outputs, over actions and inputs, at which its final tanh has a slope below"
    " `--diagnose-flat`; 0.05 is abs(action) > 0.975",
)
PREACTIVATION_MEAN = Series(
    "preactivation/mean/LAYER",
    "mean of pre-activations",
    "z",
    "mean z over units and inputs",
    "if not finite",
)
PREACTIVATION_SPREAD = Series(
    "preactivation/spread/LAYER",
    "spread of pre-activations",
    "z",
    "standard deviation of z over units and inputs",
    "if not finite",
)
PREACTIVATION_LARGEST = Series(
    "preactivation/largest/LAYER", "largest pre-activation", "abs(z)", "largest abs(z)", "if not finite"
)
PREACTIVATION_OUTSIDE = Series(
    "preactivation/outside/LAYER",
    "pre-activations outside the bound",
    "share of pre-activations",
    "share with abs(z) > `--diagnose-bound`",
)
PREACTIVATION_HISTOGRAM = Series(
    "preactivation/histogram/LAYER",
    "distribution of pre-activations",
    "z",
    "distribution of z (TensorBoard alone, under Histograms)",
    "left out if not finite",
)
EFFECTIVE_RANK = Series(
    "rank/effective/NET",
    "effective rank",
    "rank",
    "exp of the entropy of sigma_i / sum sigma (Roy & Vetterli 2007)",
    "if Phi is 0",
)
SRANK = Series(
    "rank/srank/NET",
    "srank",
    "rank",
    "least k whose sigma_1 + ... + sigma_k hold 99 % of the sum (Kumar et al. 2021, arXiv:2010.14498)",
)
STABLE_RANK = Series("rank/stable/NET", "stable rank", "rank", "sum sigma_i^2 / sigma_1^2", "if Phi is 0")
FEATURE_RANK = Series(
    "rank/feature/NET",
    "feature rank",
    "rank",
    "number of sigma_i / sqrt(1024) > 0.01 (Lyle et al. 2022, arXiv:2204.09560); unlike the others it"
    " depends on the features' scale",
)
WEIGHTS_OF_NET = Series(
    "norm/weights/NET",
    "norm of parameters",
    "Euclidean norm",
    "Euclidean norm of all parameters, those of activations included",
)
WEIGHTS_OF_LAYER = Series(
    "norm/weights/LAYER", "norm of weights", "Euclidean norm", "of the layer's weight matrix"
)
GRADIENT_OF_NET = Series(
    "norm/gradient/NET",
    "norm of the gradient",
    "Euclidean norm",
    "Euclidean norm of the loss's gradient by all parameters, on the sample. Actor: loss -mean Q1(s, "
    "mu(s)). Critic: mean squared TD error",
    "critics: while the sample is random transitions",
)
GRADIENT_OF_LAYER = Series(
    "norm/gradient/LAYER",
    "norm of the gradient by weights",
    "Euclidean norm",
    "of the gradient by the layer's weight matrix",
    "the same",
)
STEP_SIZE = Series(
    "step_size/NET",
    "change of outputs by an update",
    "root mean square",
    "effective step size: root mean square, over the sample, of the change of the network's outputs "
    "by its latest update; actions in [-1, 1] of the actor, values of a critic",
    "before the first update",
)
VALUE_ESTIMATE = Series(
    "value/estimate",
    "critic's value of start states",
    "discounted return",
    "mean over the start states of the evaluation's episodes of Q1(s, mu(s)), which the actor maximises",
)
VALUE_RETURN = Series(
    "value/return",
    "measured discounted return",
    "discounted return",
    "mean discounted return of these episodes, with the run's gamma",
    "where an episode of T steps was cut off by the time limit and gamma^T > 0.01: the rewards that "
    "would have followed count",
)
VALUE_BIAS = Series(
    "value/bias",
    "value bias",
    "critic's value minus return",
    "estimate - return: over-estimation if positive",
    "as the return",
)
TD_ERROR = Series(
    "td_error/NET",
    "TD error",
    "mean absolute error",
    "mean abs(Q(s, a) - y), y = r + gamma (1 - done) min of the target critics at the target policy's"
    " action, without its noise",
    "while the sample is random transitions; there is none for the actor",
)
ACTION_MAGNITUDE = Series(
    "gait/action_magnitude",
    "action magnitude",
    "share of the largest action",
    "mean abs(action) / largest action; between 0 and 1",
)
POWER = Series(
    "gait/power",
    "mechanical power",
    "W",
    "mean over steps of the sum over actuators of abs(force * velocity), W, read from MuJoCo after each step",
    "outside MuJoCo",
)
ENERGY_PER_METRE = Series(
    "gait/energy_per_metre",
    "energy for a metre",
    "J/m",
    "power / abs(mean forward velocity), J/m",
    "if an episode covers less than 1 m on average, or the infos of the environment hold no `x_velocity`",
)
PARAMETER = Series(
    "parameter/NAME/LAYER",
    "learned parameters",
    "value",
    "value of parameter NAME as the formula uses it, bounds and softplus applied: `k` of swim, "
    "`beta1` `beta2` of aulu, `a_p` `a_n` of xielu (effective alphas), `alpha` `beta` `gamma` `delta`"
    " of taaf (gamma only if it is trainable). Of 2 to 8 numbers each has its own: `theta.1` ... "
    "`omega.3` of lslu. Of more, such as one for each neuron: `NAME.mean` and `NAME.spread`",
)
AULU_ALPHA1 = Series(
    "parameter/alpha1/LAYER", "alpha1 of aulu", "value", "aulu: beta1^2, the sharpness for x < 0"
)
AULU_ALPHA2 = Series(
    "parameter/alpha2/LAYER", "alpha2 of aulu", "value", "aulu: beta2^2, the sharpness for x > 0"
)
AULU_ASYMMETRY = Series(
    "parameter/asymmetry/LAYER",
    "asymmetry of aulu",
    "value",
    "aulu: (alpha2 - alpha1) / (alpha2 + alpha1), ours: 0 is Swish, 1 sharp on the right alone. It is"
    " not the paper's LIB, which is not public",
    "if both are 0",
)
PARAMETER_CURVES = Series(
    "parameter/curves",
    "learned activations",
    "f(z)",
    "picture of each learned activation from -5 to 5, over its initial curve in grey; a band spans "
    "the neurons of a layer. Before training, at every tenth diagnosis and at the end; needs "
    'matplotlib (`pip install "swimrl[report]"`). Activations that mix the units of a layer have no '
    "curve",
)
EVALUATION_MEAN = Series("eval/mean_reward", "return", "return", "mean return of the evaluation's episodes")
EVALUATION_LOWEST = Series("eval/min_reward", "lowest return", "return", "lowest return of an episode")
EVALUATION_HIGHEST = Series("eval/max_reward", "highest return", "return", "highest return of an episode")
EVALUATION_LENGTH = Series(
    "eval/mean_ep_length", "episode length", "steps", "mean length of an episode, steps"
)
TRAINING_RETURN = Series(
    "rollout/ep_rew_mean",
    "return in training",
    "return",
    "mean return of the last 100 training episodes, exploration noise included",
)
TRAINING_LENGTH = Series(
    "rollout/ep_len_mean", "episode length in training", "steps", "mean length of these, steps"
)
SPEED = Series(
    "time/fps",
    "steps per second",
    "steps/s",
    "training steps a second since the start of this session, evaluations and diagnostics included",
)
ACTOR_LOSS = Series("train/actor_loss", "actor loss", "loss", "-mean Q1 of the latest update's minibatch")
CRITIC_LOSS = Series(
    "train/critic_loss", "critic loss", "loss", "sum of both critics' mean squared TD errors there"
)
LEARNING_RATE = Series("train/learning_rate", "learning rate", "rate", "of the weights")
FILM = Series(
    "policy/film",
    "film",
    "frames",
    "first 4 s of the first evaluation episode, an animated GIF under Images, with `--video-every`",
)

DIAGNOSTICS: Mapping[str, tuple[Series, ...]] = {
    "Units, of each hidden layer": (
        DEAD,
        DORMANT,
        DORMANT_SMALL_TAU,
        IDLE,
        IDLE_SMALL_TAU,
        SATURATED,
        SATURATED_OUTPUT,
    ),
    "Pre-activations, of each hidden layer": (
        PREACTIVATION_MEAN,
        PREACTIVATION_SPREAD,
        PREACTIVATION_LARGEST,
        PREACTIVATION_OUTSIDE,
        PREACTIVATION_HISTOGRAM,
    ),
    "Ranks of the last hidden layer": (EFFECTIVE_RANK, SRANK, STABLE_RANK, FEATURE_RANK),
    "Norms and steps": (
        WEIGHTS_OF_NET,
        WEIGHTS_OF_LAYER,
        GRADIENT_OF_NET,
        GRADIENT_OF_LAYER,
        STEP_SIZE,
    ),
    "Values": (VALUE_ESTIMATE, VALUE_RETURN, VALUE_BIAS, TD_ERROR),
    "Gait, over all steps of an evaluation": (ACTION_MAGNITUDE, POWER, ENERGY_PER_METRE),
    "Learned activation parameters": (
        PARAMETER,
        AULU_ALPHA1,
        AULU_ALPHA2,
        AULU_ASYMMETRY,
        PARAMETER_CURVES,
    ),
}
"""What the diagnostics write, by the headings of docs/monitoring.md."""

PROGRESS: Mapping[str, tuple[Series, ...]] = {
    "Scores and progress": (
        EVALUATION_MEAN,
        EVALUATION_LOWEST,
        EVALUATION_HIGHEST,
        EVALUATION_LENGTH,
        TRAINING_RETURN,
        TRAINING_LENGTH,
        SPEED,
        ACTOR_LOSS,
        CRITIC_LOSS,
        LEARNING_RATE,
        FILM,
    )
}
"""What only TensorBoard holds; the scores are also in evaluations.csv."""
