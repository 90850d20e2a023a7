"""What TensorBoard shows: in the files, over HTTP from a TensorBoard that runs, and in the documentation."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from swimrl.fields import to_mapping
from swimrl.runs.directory import read_diagnostics
from swimrl.td3.config import TD3Config
from swimrl.training.config import TrainConfig
from swimrl.training.monitoring.tensorboard import LAYOUT, compared_settings, settings
from tests.training.small_runs import train_line

DOCUMENT = Path(__file__).parents[3] / "docs" / "monitoring.md"

SHORT = {
    "steps": 90,
    "eval_every": 30,
    "eval_episodes": 1,
    "final_episodes": 0,
    "td3": {"learning_starts": 30, "buffer_size": 40, "gamma": 0.5},
}
ACTIVATIONS = ("aulu", "lslu", "relu")


@pytest.fixture(scope="module")
def sweep(worlds: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of one study, by activation; the first leaves films."""
    study = tmp_path_factory.mktemp("sweep")
    films = [{"video_every": 60}, {}, {}]
    return {
        act: train_line(study, SHORT, {"act": act}, film)
        for act, film in zip(ACTIVATIONS, films, strict=True)
    }


@pytest.fixture(scope="module")
def tags(sweep: dict[str, Path]) -> dict[str, dict[str, list[str]]]:
    """The tags of each run in the files, by kind of content."""
    found = {}
    for act, run in sweep.items():
        events = EventAccumulator(str(run))
        events.Reload()
        found[act] = events.Tags()
    return found


def documented() -> dict[str, re.Pattern[str]]:
    """The tags in the tables of docs/monitoring.md, as patterns."""
    rows = re.findall(r"^\| `([^`|]+/[^`|]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert len(rows) > 40
    letters = {"NET": r"(actor|critic\d)", "LAYER": r"(actor|critic\d)\.layer\d+", "NAME": r"[\w.]+"}
    return {
        row: re.compile(re.sub("NET|LAYER|NAME", lambda found: letters[found[0]], row.replace(".", r"\.")))
        for row in rows
    }


def test_every_tag_that_a_run_writes_is_documented_and_the_other_way_round(
    sweep: dict[str, Path], tags: dict[str, dict[str, list[str]]]
) -> None:
    written = set()
    for act, run in sweep.items():
        written |= {tag for kind in ("scalars", "images", "histograms") for tag in tags[act][kind]}
        written |= set(read_diagnostics(run / "diagnostics.csv"))
    patterns = documented()
    assert [tag for tag in sorted(written) if not any(p.fullmatch(tag) for p in patterns.values())] == []
    assert [row for row, p in patterns.items() if not any(map(p.fullmatch, written))] == []
    text = DOCUMENT.read_text()
    for act in ACTIVATIONS:
        for tag in tags[act]["tensors"]:
            assert tag.startswith(("custom_scalars__", "_hparams_")) or f"`{tag}`" in text


def test_tensorboard_has_the_numbers_of_diagnostics_csv(sweep: dict[str, Path]) -> None:
    for run in sweep.values():
        events = EventAccumulator(str(run))
        events.Reload()
        for name, (steps, values) in read_diagnostics(run / "diagnostics.csv").items():
            expected = [(s, pytest.approx(v, rel=1e-6)) for s, v in zip(steps, values, strict=True) if v == v]
            points = events.Scalars(name) if expected else []
            assert [(point.step, point.value) for point in points] == expected, name


def test_every_chart_of_the_layout_has_curves(tags: dict[str, dict[str, list[str]]]) -> None:
    written = {tag for act in ACTIVATIONS for tag in tags[act]["scalars"]} | {
        "gait/energy_per_metre",
        "gait/power",
    }
    for category in LAYOUT.values():
        for title, (kind, patterns) in category.items():
            for pattern in patterns:
                assert any(re.match(pattern, tag) for tag in written), title
            if kind == "Margin":
                assert len(patterns) == 3
    (gradients,) = LAYOUT["Values"]["norm of the gradient"][1]
    assert {t for t in written if re.match(gradients, t)} == {
        f"norm/gradient/{name}" for name in ("actor", "critic1", "critic2")
    }


class TestSettings:
    def test_are_flat_with_the_activations_first(self) -> None:
        config = TrainConfig(act="swim", act_critic="relu,tanh", imports=("a", "b"))
        found = settings(to_mapping(config))
        assert list(found)[:2] == ["actor", "critic"]
        assert (found["actor"], found["critic"]) == ("swim", "relu,tanh")
        assert found["td3.lr"] == 3e-4
        assert found["imports"] == "a, b"
        assert "match_parameters" not in found  # not given

    def test_all_runs_are_compared_by_the_same_columns_of_the_same_kinds(self) -> None:
        plain = compared_settings(to_mapping(TrainConfig()))
        unusual = TrainConfig(
            act_actor="relu",
            match_parameters="relu",
            diagnose_every=3,
            env_kwargs=("a=1",),
            td3=TD3Config(activation_lr=0.5),
        )
        other = compared_settings(to_mapping(unusual))
        assert list(plain) == list(other)
        assert [type(value) for value in plain.values()] == [type(value) for value in other.values()]
        assert sorted(plain)[:5] == ["actor", "critic", "engine", "env", "env_kwargs"]
        assert other["td3.activation_lr"] == 0.5
        assert plain["td3.activation_lr"] == plain["td3.lr"]


@pytest.fixture(scope="module")
def served(sweep: dict[str, Path]) -> Iterator[str]:
    """The address of a TensorBoard on the study, started by the command."""
    study = sweep["relu"].parents[2]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "swimrl", "tensorboard", str(study), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/data"
    try:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if len(get(f"{address}/plugin/scalars/tags")) == len(sweep):
                    break
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def get(address: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
        return json.loads(content) if answer.headers.get_content_type() == "application/json" else content


def name_of(run: Path) -> str:
    return "/".join(run.parts[-3:])


@pytest.mark.slow
class TestServed:
    def test_the_scalars_of_every_run(
        self, served: str, sweep: dict[str, Path], tags: dict[str, dict[str, list[str]]]
    ) -> None:
        found = get(f"{served}/plugin/scalars/tags")
        assert {run: set(names) for run, names in found.items()} == {
            name_of(run): set(tags[act]["scalars"]) for act, run in sweep.items()
        }

    def test_the_layout_and_what_its_charts_match(self, served: str, sweep: dict[str, Path]) -> None:
        layout = get(f"{served}/plugin/custom_scalars/layout")
        assert [category["title"] for category in layout["category"]] == list(LAYOUT)
        (margin,) = layout["category"][0]["chart"]
        assert margin["margin"]["series"] == [
            {"value": "eval/mean_reward", "lower": "eval/min_reward", "upper": "eval/max_reward"}
        ]
        query = urllib.parse.urlencode({"run": name_of(sweep["aulu"]), "tag": "parameter/.*"})
        found = get(f"{served}/plugin/custom_scalars/scalars?{query}")
        assert "parameter/asymmetry/critic1.layer2" in found["tag_to_events"]

    def test_the_settings_and_scores_that_runs_are_compared_by(
        self, served: str, sweep: dict[str, Path]
    ) -> None:
        experiment = get(f"{served}/plugin/hparams/experiment", {})
        scores = [info["name"]["tag"] for info in experiment["metricInfos"]]
        assert {"eval/mean_reward", "value/bias"} <= set(scores)
        wanted = {
            "colParams": [{"hparam": "actor", "includeInResult": True}],
            "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
            "startIndex": 0,
            "sliceSize": 100,
        }
        groups = get(f"{served}/plugin/hparams/session_groups", wanted)["sessionGroups"]
        assert {group["hparams"]["actor"] for group in groups} == set(ACTIVATIONS)
        for group in groups:
            metrics = {value["name"]["tag"]: value["value"] for value in group["metricValues"]}
            rows = (sweep[group["hparams"]["actor"]] / "evaluations.csv").read_text().splitlines()
            assert metrics["eval/mean_reward"] == pytest.approx(float(rows[-1].split(",")[2]), rel=1e-6)

    def test_the_formulas_and_the_configuration(self, served: str, sweep: dict[str, Path]) -> None:
        for tag, expected in (
            ("activations", "<code>aulu: x*sigmoid(2*x*where(x &gt; 0, beta2**2, beta1**2))</code>"),
            ("configuration", "td3.batch_size"),
        ):
            query = urllib.parse.urlencode({"run": name_of(sweep["aulu"]), "tag": f"run/{tag}/text_summary"})
            (entry,) = get(f"{served}/plugin/text/text?{query}")
            assert "<table>" in entry["text"]
            assert expected in entry["text"]

    def test_the_films_and_the_curves(self, served: str, sweep: dict[str, Path]) -> None:
        images = get(f"{served}/plugin/images/tags")
        assert {run: set(found) for run, found in images.items()} == {
            name_of(sweep["aulu"]): {"parameter/curves", "policy/film"},
            name_of(sweep["lslu"]): {"parameter/curves"},
        }
        for tag, start, steps in (
            ("policy/film", b"GIF8", [0, 60]),
            ("parameter/curves", b"\x89PNG", [0, 90]),
        ):
            query = urllib.parse.urlencode({"run": name_of(sweep["aulu"]), "tag": tag, "sample": 0})
            entries = get(f"{served}/plugin/images/images?{query}")
            assert [entry["step"] for entry in entries] == steps
            picture = get(f"{served}/plugin/images/individualImage?{entries[-1]['query']}")
            assert picture.startswith(start)

    def test_the_histograms(self, served: str, sweep: dict[str, Path]) -> None:
        query = urllib.parse.urlencode(
            {"run": name_of(sweep["relu"]), "tag": "preactivation/histogram/actor.layer1"}
        )
        entries = get(f"{served}/plugin/histograms/histograms?{query}")
        assert [entry[1] for entry in entries] == [0, 30, 60, 90]
        for _, _, bins in entries:
            assert sum(count for _, _, count in bins) == pytest.approx(1024 * 16)
