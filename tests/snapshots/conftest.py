"""What the tests of messages share: a place with good and damaged files, and the recorded messages."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swimrl.cli.app import main
from tests.snapshots import recorded

SNAPSHOTS = Path(__file__).with_name("wrong_input.txt")

YAML = {
    "unknown-key.yaml": "env: Hopper-v4\ntd3:\n  gama: 0.9\n",
    "wrong-type.yaml": "steps: many\n",
    "bool-for-number.yaml": "td3:\n  lr: true\n",
    "number-for-bool.yaml": "normalize_obs: 1\n",
    "out-of-range.yaml": "td3:\n  gamma: 1.5\n",
    "no-mapping.yaml": "- Hopper-v4\n",
    "broken.yaml": "env: [Hopper-v4\nsteps: 3\n",
    "twice.yaml": "seed: 1\nseed: 2\n",
    "flat.yaml": "td3: fast\n",
}


@pytest.fixture
def workplace(tmp_path: Path, trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that puts the files which a command line names into the current, empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "users_code"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def prepare(command_line: str) -> None:
        for name, content in YAML.items():
            Path(name).write_text(content)
        Path("binary.yaml").write_bytes(b"\x80\x81")
        Path("file").write_text("in the way")
        Path("holiday-photos").mkdir()
        Path("holiday-photos/beach.jpg").write_text("sand")
        for name in set(re.findall(r"\bruns/[a-z-]+", command_line)):
            shutil.copytree(trained_run, name)
            _damage(Path(name))

    return prepare


def _damage(run: Path) -> None:
    """Damage the run in the way that its name says."""
    if run.name == "damaged-json":
        (run / "run.json").write_text((run / "run.json").read_text()[:100])
    elif run.name == "newer":
        record = (run / "run.json").read_text()
        (run / "run.json").write_text(record.replace('"schema_version": 2', '"schema_version": 99'))
    elif run.name == "edited":
        record = (run / "run.json").read_text()
        (run / "run.json").write_text(record.replace('"net": "16x16"', '"net": "32x32"'))
    elif run.name == "damaged-weights":
        weights = (run / "policy.safetensors").read_bytes()
        (run / "policy.safetensors").write_bytes(weights[: len(weights) // 2])
    elif run.name == "unfinished":
        (run / "policy.safetensors").unlink()
        record = (run / "run.json").read_text()
        (run / "run.json").write_text(record.replace('"status": "done"', '"status": "running"'))
    elif run.name == "damaged-zip":
        (run / "run.json").unlink()
        zipped = (run / "policy.zip").read_bytes()
        (run / "policy.zip").write_bytes(zipped[: len(zipped) // 2])
    elif run.name == "foreign":
        (run / "run.json").unlink()
    else:
        assert run.name == "good", f"no test damages a run as {run.name!r}"


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a small finished run."""
    study = tmp_path_factory.mktemp("study")
    options = "--env InvertedPendulum-v5 --act relu --net 16x16 --steps 20 --eval-episodes 1"
    with pytest.raises(SystemExit) as end:
        main(["train", *shlex.split(options), "--final-episodes", "0", "--out", str(study)])
    assert end.value.code == 0
    (record,) = study.rglob("run.json")
    return record.parent


@pytest.fixture(scope="session")
def messages() -> Iterator[dict[str, str]]:
    """The recorded messages by command line; with UPDATE_SNAPSHOTS set, tests put their answers here."""
    if not os.environ.get("UPDATE_SNAPSHOTS"):
        yield recorded.read(SNAPSHOTS)
        return
    from tests.snapshots.test_wrong_input import RECORDED  # at the end of that file, which uses this one

    answers: dict[str, str] = {}
    yield answers
    recorded.renew(SNAPSHOTS, answers, RECORDED)
