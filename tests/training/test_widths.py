"""Widths that give networks of different activations as many parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from swimrl.errors import UnknownNameError
from swimrl.runs.record import read_record
from swimrl.td3.config import TD3Config
from swimrl.training import build
from swimrl.training.config import TrainConfig
from swimrl.training.resolved import resolve
from tests.training.small_runs import train_line

HOPPER = TrainConfig(env="Hopper-v4", match_parameters="relu")


def trained_parameters(config: TrainConfig) -> int:
    """Counted on the agent itself."""
    agent = build.build_agent(config, device="cpu")
    return sum(p.numel() for network in (agent.actor, agent.critic) for p in network.parameters())


@pytest.mark.parametrize(
    ("act", "net"),
    [
        ("crelu", "182x182"),
        ("maxout", "358x358"),
        ("swiglu", "358x358"),
        ("relu", "256x256"),
        ("meta_acon", "224x224"),
    ],
)
def test_equal_numbers_at_other_widths(act: str, net: str) -> None:
    config = resolve(replace(HOPPER, act=act)).config
    assert config.net == net
    wanted = trained_parameters(replace(HOPPER, act="relu", match_parameters=None))
    assert trained_parameters(config) == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(("act", "changes"), [("crelu", True), ("swim", False), ("oplu", False)])
def test_who_cannot_share_initial_weights_says_so(
    act: str, changes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    build.build_agent(replace(HOPPER, act=act, net="8x8", match_parameters=None), device="cpu")
    said = [record.getMessage() for record in caplog.records if record.name == "swimrl.training"]
    assert len(said) == changes
    assert all(line.startswith("crelu changes the width of its layer, so this run does not") for line in said)


def test_no_neighbour_is_nearer() -> None:
    config = resolve(replace(HOPPER, act="maxout(pieces=3)", net="90x60")).config
    wanted = trained_parameters(replace(HOPPER, net="90x60"))

    def distance(first: int, second: int) -> int:
        return abs(trained_parameters(replace(config, net=f"{first}x{second}")) - wanted)

    first, second = config.hidden_widths
    assert first % 3 == second % 3 == 0
    assert distance(first, second) <= min(distance(first - 3, second - 3), distance(first + 3, second + 3))


def test_each_layer_and_network_by_itself() -> None:
    config = replace(HOPPER, act="crelu,relu", act_critic="glu", net="64x32", td3=TD3Config(layer_norm=True))
    assert trained_parameters(resolve(config).config) == pytest.approx(
        trained_parameters(replace(config, act="relu", act_critic=None)), rel=0.05
    )


def test_a_resolved_configuration_has_its_widths() -> None:
    once = resolve(replace(HOPPER, act="crelu"))
    assert once.config.match_parameters is None
    assert resolve(once.config) == once
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        resolve(replace(HOPPER, match_parameters="rellu"))


def test_in_a_run(tmp_path: Path) -> None:
    counts = []
    common = {"steps": 40, "eval_episodes": 1, "final_episodes": 0, "td3": {"learning_starts": 30}}
    for settings in ({"act": "relu"}, {"act": "crelu", "match_parameters": "relu"}):
        network = read_record(train_line(tmp_path, common, settings) / "run.json").network
        counts.append(network["actor_parameters"] + network["critic_parameters"])
    assert counts[1] == pytest.approx(counts[0], rel=0.1)
