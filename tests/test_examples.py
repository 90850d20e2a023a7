"""The examples run: each script and the notebook, with few environment steps."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
from pathlib import Path

import pytest

from tests.registrations import forgotten_afterwards

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(script.name for script in EXAMPLES.glob("[0-9]*.py"))
SMALLER = {
    r"^STEPS = [\d_]+$": "STEPS = 60",
    r"^SEEDS = [\d_]+$": "SEEDS = 1",
    r"eval_every=STEPS // \d+,": "eval_every=STEPS // 2, eval_episodes=1, final_episodes=1, net='32x32',",
    r'"learning_starts": STEPS // \d+': '"learning_starts": STEPS // 2',
    r"quick=True\)": "quick=True, rounds=6, processes=1, reading=0.0001)",
    r"    rounds=4,": "    rounds=6, processes=1, reading=0.0001,",
    r"seed=0$": "seed=0, n_steps=64, n_epochs=1",
}
"""What makes an example small enough for a test, as patterns and replacements."""

OF_ITS_OWN = "10_robot_in_c.py"
"""A test below runs it and reads its output."""

TOGETHER = ["06_study_and_report.py", "07_read_runs.py"]
"""The second reads what the first has written."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the examples to an empty folder, with few steps, and go there."""
    for script in EXAMPLES.glob("*.py"):
        text = script.read_text(encoding="utf-8")
        (tmp_path / script.name).write_text(made_small(text), encoding="utf-8")
    for source in EXAMPLES.glob("*.c"):
        shutil.copy(source, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as for `python SCRIPT`
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_fits_on_a_screen_and_says_what_it_shows(script: str) -> None:
    text = (EXAMPLES / script).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    assert ast.get_docstring(ast.parse(text))
    assert f"[{script}]({script})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("runs_in_this_process")
@pytest.mark.parametrize(
    "scripts", [*([one] for one in SCRIPTS if one not in [*TOGETHER, OF_ITS_OWN]), TOGETHER], ids=" ".join
)
def test_scripts_run(scripts: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with forgotten_afterwards():
        for script in scripts:
            runpy.run_path(str(folder / script), run_name="__main__")
            assert capsys.readouterr().out


def test_the_robot_in_c_earns_what_swimrl_says(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(folder / "10_robot_in_c.py"), run_name="__main__")
    episodes = re.findall(r"^(\d+) steps, return ([\d.]+)", capfd.readouterr().out, re.MULTILINE)
    (steps_in_c, return_in_c), (steps, episode_return) = episodes
    assert int(steps_in_c) == int(steps) > 5
    assert float(return_in_c) == pytest.approx(float(episode_return), abs=1e-4)


def made_small(source: str) -> str:
    for pattern, replacement in SMALLER.items():
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE)
    return source


def test_every_pattern_makes_an_example_smaller() -> None:
    sources = [script.read_text(encoding="utf-8") for script in EXAMPLES.glob("*.py")]
    sources += [cell.source for cell in notebook_of(EXAMPLES / "tour.ipynb").cells]
    for pattern in SMALLER:
        assert any(re.search(pattern, source, re.MULTILINE) for source in sources), pattern


def notebook_of(path: Path) -> object:
    import nbformat

    return nbformat.read(path, as_version=4)


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = [cell for cell in notebook_of(EXAMPLES / "tour.ipynb").cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []


IN_PROCESS = """\
import swimrl.sweeps.executors.local
from tests.sweeps.in_process import InProcessExecutor

swimrl.sweeps.executors.local.LocalExecutor = InProcessExecutor
"""


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient

    shutil.copy(EXAMPLES / "tour.ipynb", tmp_path)
    notebook = notebook_of(tmp_path / "tour.ipynb")
    for cell in notebook.cells:
        cell.source = made_small(cell.source)
    (first, *_) = (cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = IN_PROCESS + first.source
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))  # for the notebook's process
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert (tmp_path / "runs").is_dir()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    # A bar is one output that is replaced in place; a bar as text would be a stream with carriage returns.
    assert not [output.text for output in outputs if "\r" in output.get("text", "")]
    assert any(" 60/60 " in output.get("data", {}).get("text/plain", "") for output in outputs)
