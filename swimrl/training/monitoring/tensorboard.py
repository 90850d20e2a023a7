"""The TensorBoard file of a run: layout, text, histograms, pictures. docs/monitoring.md lists every tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from torch.utils.tensorboard.summary import hparams

from swimrl.runs import series
from swimrl.runs.naming import UNDECISIVE
from swimrl.runs.series import Series
from swimrl.training.monitoring.diagnostics import Findings, Values
from swimrl.training.monitoring.film import Film


def _chart(*shown: Series) -> list[Any]:
    return ["Multiline", [one.pattern() for one in shown]]


def _charts(*shown: Series) -> dict[str, list[Any]]:
    return {one.title: _chart(one) for one in shown}


LAYOUT: Mapping[str, Mapping[str, list[Any]]] = {
    "Return": {
        "return, lowest to highest episode": [
            "Margin",
            [
                one.at()
                for one in (series.EVALUATION_MEAN, series.EVALUATION_LOWEST, series.EVALUATION_HIGHEST)
            ],
        ],
    },
    "Efficiency": _charts(series.ENERGY_PER_METRE, series.POWER, series.ACTION_MAGNITUDE, series.SPEED),
    "Units": {
        **_charts(series.DEAD, series.DORMANT, series.IDLE),
        series.SATURATED.title: _chart(series.SATURATED, series.SATURATED_OUTPUT),
        **_charts(series.PREACTIVATION_SPREAD, series.PREACTIVATION_OUTSIDE),
    },
    "Ranks of the last hidden layer": _charts(*series.DIAGNOSTICS["Ranks of the last hidden layer"]),
    "Values": {
        **_charts(series.VALUE_BIAS),
        "estimate and measured return": _chart(series.VALUE_ESTIMATE, series.VALUE_RETURN),
        **_charts(series.TD_ERROR, series.STEP_SIZE, series.GRADIENT_OF_NET),
    },
    "Activation parameters": _charts(series.PARAMETER),
}
"""The page "Custom scalars": category, chart, kind and tags, which in a multiline chart are patterns."""

_SCORES = (
    series.EVALUATION_MEAN.at(),
    series.VALUE_BIAS.at(),
    series.EFFECTIVE_RANK.at("critic1"),
    series.TD_ERROR.at("critic1"),
)
# TensorBoard sorts the columns by name and shows the first five: actor, critic, engine, env, env_kwargs.
_NO_COLUMN = ("callback", "device", "imports", "threads", "eval_every", "eval_episodes", "final_episodes")
_BINS = 60


class Board:
    """Writes to the TensorBoard file of a run.

    Args:
        logger: The logger of the agent; it has a TensorBoard output.
    """

    def __init__(self, logger: Logger) -> None:
        self._writer: Any = next(  # its methods have no types
            output.writer for output in logger.output_formats if isinstance(output, TensorBoardOutputFormat)
        )

    def describe(self, config: Mapping[str, Any], activations: Mapping[str, Any]) -> None:
        """Write the description of a run: formulas, settings, columns to compare runs by, and the layout.

        Args:
            config: The configuration, as plain nested data.
            activations: For ``actor`` and ``critic`` a list with one description for each hidden layer.
        """
        self._writer.add_custom_scalars(LAYOUT)
        self._writer.add_text("run/activations", _table("layer", _formulas(activations)))
        self._writer.add_text("run/configuration", _table("setting", settings(config)))
        experiment, start, _ = hparams(  # type: ignore[no-untyped-call]
            compared_settings(config), dict.fromkeys(_SCORES, 0.0)
        )
        for summary in (experiment, start):  # the end of the session is unknown
            self._writer._get_file_writer().add_summary(summary)
        self._writer.flush()

    def scalars(self, step: int, values: Values) -> None:
        """Write the values that are determined."""
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def histograms(self, step: int, findings: Findings) -> None:
        """Write the distribution of each layer's pre-activations, if they are finite."""
        for layer, z in findings.pre_activations.items():
            if not np.isfinite(z).all():
                continue
            wide = z.astype(np.float64)
            counts, edges = np.histogram(wide, _BINS)
            self._writer.add_histogram_raw(
                series.PREACTIVATION_HISTOGRAM.at(layer),
                min=float(edges[0]),
                max=float(edges[-1]),
                num=z.size,
                sum=float(wide.sum()),
                sum_squares=float(np.vdot(wide, wide)),
                bucket_limits=edges[1:].tolist(),
                bucket_counts=counts.tolist(),
                global_step=step,
            )
        self._writer.flush()

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        """Write an image, uint8 [height, width, 3]."""
        self._writer.add_image(name, image, step, dataformats="HWC")
        self._writer.flush()

    def film(self, step: int, film: Film) -> None:
        """Write a short film, which TensorBoard shows among the images."""
        image = Summary.Image(
            height=film.height, width=film.width, colorspace=3, encoded_image_string=film.gif()
        )
        summary = Summary(value=[Summary.Value(tag=series.FILM.at(), image=image)])
        self._writer._get_file_writer().add_summary(summary, step)
        self._writer.flush()


def settings(config: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Return a flat configuration: activations first, lists as text, without settings that were not given.

    Args:
        config: The resolved configuration, as plain nested data.
    """
    actor = config["act_actor"] or config["act"]
    flat: dict[str, Any] = {"actor": actor, "critic": config["act_critic"] or config["act"]}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        elif not name.startswith("act"):
            flat[name] = ", ".join(map(str, value)) if isinstance(value, list) else value
    return {name: value for name, value in flat.items() if value is not None}


def compared_settings(config: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Return the settings by which TensorBoard compares runs: those that decide the numbers, and the seed.

    TensorBoard takes the columns of its table from one run, so all runs must have the same columns.

    Args:
        config: The resolved configuration, as plain nested data.
    """
    td3 = config["td3"]
    rate = td3["lr"] if td3["activation_lr"] is None else td3["activation_lr"]
    compared = settings({**config, "td3": {**td3, "activation_lr": rate}})
    left_out = {*UNDECISIVE, *_NO_COLUMN} - {"seed"}
    return {name: value for name, value in compared.items() if name not in left_out}


def _formulas(activations: Mapping[str, Any]) -> dict[str, str]:
    """Return name and formula of the activation of each network, or of each layer if the layers differ."""
    return {
        network if len(layers) == 1 else f"{network}, layer {number}": f"{one['name']}: {one['formula']}"
        if one["formula"]
        else one["name"]
        for network, layers in activations.items()
        for number, one in enumerate(layers, start=1)
    }


def _table(title: str, content: Mapping[str, Any]) -> str:
    """Return a table in Markdown; the values are code, so that an asterisk stays an asterisk."""
    rows = (f"| {name} | `{value if value != '' else ' '}` |" for name, value in content.items())
    return "\n".join([f"| {title} | |", "|---|---|", *rows])
