"""Only td3/ uses private names of Stable-Baselines3; the other rooms use what the agent publishes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import swimrl

PACKAGE = Path(swimrl.__file__).parent
OUTSIDE = sorted(file for file in PACKAGE.rglob("*.py") if "td3" not in file.relative_to(PACKAGE).parts)


@pytest.fixture(scope="module")
def private_names() -> set[str]:
    """The private attributes and methods of an agent, its policy and its replay buffer."""
    agent = swimrl.TD3("MlpPolicy", "Pendulum-v1", buffer_size=10, engine="sb3")
    parts = (agent, agent.policy, agent.replay_buffer)
    return {name for part in parts for name in dir(part) if name.startswith("_") and name[1] != "_"}


def uses(source: str, names: set[str]) -> Iterator[str]:
    """Yield the uses of private ``names`` of another object: as an attribute, or as text for getattr."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in names:
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
            is_parents = isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()"
            if not (is_own or is_parents):
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and node.value in names:
            yield repr(node.value)


def test_the_walk_sees_every_form_of_use(private_names: set[str]) -> None:
    source = 'agent._last_obs; self.model._n_updates; getattr(agent, "_sample_action"); self._last_obs'
    assert sorted(uses(source, private_names)) == [
        "'_sample_action'",
        "agent._last_obs",
        "self.model._n_updates",
    ]


@pytest.mark.parametrize("file", OUTSIDE, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_file_of_another_room_uses_none(file: Path, private_names: set[str]) -> None:
    assert list(uses(file.read_text(encoding="utf-8"), private_names)) == []
