"""What is written in several project files is the same in each."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read_yaml(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_pre_commit_runs_the_pinned_ruff() -> None:
    (ruff,) = (line for line in PROJECT["optional-dependencies"]["dev"] if line.startswith("ruff=="))
    repositories = {entry["repo"]: entry for entry in read_yaml(".pre-commit-config.yaml")["repos"]}
    hook = repositories["https://github.com/astral-sh/ruff-pre-commit"]
    assert hook["rev"] == f"v{ruff.removeprefix('ruff==')}"


def test_the_citation_and_the_changelog_carry_the_version_and_its_date() -> None:
    citation = read_yaml("CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    released = re.findall(
        r"^## \[?(\d+\.\d+\.\d+)\]? - (\d{4}-\d\d-\d\d)$",
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert released[0] == (citation["version"], citation["date-released"])


def test_the_workflow_calls_what_continuous_integration_runs_everywhere() -> None:
    (job,) = read_yaml(".github/workflows/ci.yml")["jobs"].values()
    assert job["steps"][-1] == {"run": ".ci/run"}
    (python,) = (
        step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")
    )
    assert python == PROJECT["requires-python"].removeprefix(">=")
