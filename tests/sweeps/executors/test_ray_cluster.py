"""A real Ray cluster of two nodes on this machine, of which one is killed in the middle of a sweep."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from swimrl.cli.app import main
from swimrl.runs.record import read_record
from swimrl.sweeps.executors.ray_connection import CONNECT_S
from tests.sweeps.in_process import LOCAL_EXECUTOR, InProcessExecutor
from tools import torture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no 127.0.0.2"),
]

ARGUMENTS = shlex.split(
    "--env worlds/Line-v0 --import worlds --act relu swim --net 16x16 --steps 6000 --eval-every 500 "
    "--eval-episodes 1 --final-episodes 1 --checkpoint-every 100 --td3.batch-size 16 "
    "--td3.learning-starts 60"
)


def environment(**more: str) -> dict[str, str]:
    """Return what Ray's processes and the sweeps are given."""
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2] / "users_code"),
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        **more,
    }


def wait_until(condition: Callable[[], object], seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)


def processes(*words: str) -> list[int]:
    """Return the processes on whose command line the words stand."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        if all(word in line for word in words):
            found.append(int(file.parent.name))
    return found


def is_at_work(raylet: int) -> bool:
    """Return whether a run is at work on the node of a raylet."""
    found = []
    for child in processes("ray::do_run"):
        try:
            stat = Path(f"/proc/{child}/stat").read_text()
        except OSError:
            continue
        found.append(int(stat.rsplit(") ", 1)[1].split()[1]))  # who started it
    return raylet in found


@dataclass
class Cluster:
    """A head, and nodes at addresses of their own."""

    folder: Path
    port: int
    token: str
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return environment(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=self.token)

    def start(self, *options: str) -> None:
        ray = Path(sys.executable).with_name("ray")
        common = ("--num-cpus", "1", "--object-store-memory", "80000000", "--disable-usage-stats", "--block")
        log = self.folder / f"start-{len(self.started)}.log"
        command = [ray, "start", *options, *common]
        with log.open("wb") as file:
            self.started.append(subprocess.Popen(command, env=self.environment(), stdout=file, stderr=file))
        wait_until(lambda: "Ray runtime started" in log.read_text())

    def add_node(self, ip: str) -> int:
        """Start a node; return the process of its raylet."""
        self.start("--address", self.address, "--node-ip-address", ip)
        return min(processes("raylet/raylet", f"--node_ip_address={ip} ", str(self.folder)))

    def close(self) -> None:
        """End the processes that were started here, and no others."""
        for process in self.started:
            process.terminate()
        for process in self.started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for process_id in processes(str(self.folder)):
            os.kill(process_id, signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # names of sockets must be short
    cluster = Cluster(folder, port, secrets.token_hex(32))
    try:
        cluster.start("--head", "--port", str(port), "--include-dashboard=false", "--temp-dir", str(folder))
        yield cluster
    finally:
        cluster.close()
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path, *more: str, env: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "swimrl", "sweep", *ARGUMENTS, "--out", str(folder), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of four runs as this machine does it."""
    folder = tmp_path_factory.mktemp("local") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LOCAL_EXECUTOR, InProcessExecutor)
        with pytest.raises(SystemExit) as end:
            main(["sweep", *ARGUMENTS, "--seeds", "0-1", "--out", str(folder)])
    assert end.value.code == 0
    return folder


@pytest.mark.parametrize(
    ("ip", "options"),
    [("127.0.0.2", ()), ("127.0.0.3", ("--ray-mirror",))],
    ids=["shared storage", "through Ray"],
)
def test_a_node_killed_in_the_middle_costs_nothing_but_time(
    ip: str, options: tuple[str, ...], cluster: Cluster, local: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    shutil.copytree(local, study, ignore=shutil.ignore_patterns("worlds-Line-v0", "logs"))  # product backends
    raylet = cluster.add_node(ip)
    ray = ("--executor", "ray", "--ray-address", cluster.address, "--seeds", "0-1")
    process = sweep(study, *ray, *options, env=cluster.environment())

    def both_are_at_it() -> bool:
        assert process.poll() is None, process.communicate()[0]
        begun = {file.parents[1] for file in study.glob("*/*/seed-*/checkpoint/0*")}
        done = [run for run in begun if read_record(run / "run.json").status == "done"]
        return is_at_work(raylet) and len(begun) - len(done) == 2

    wait_until(both_are_at_it)
    os.kill(raylet, signal.SIGKILL)
    said = torture.finish(process)

    assert said.count(": done") == 4  # each exactly once
    assert "its node or process was lost" in said
    assert said.splitlines()[-1] == "4 runs: 4 done"
    runs = sorted(study.glob("*/*/seed-*"))
    assert len(runs) == 4
    for run in runs:
        assert torture.differences(local / run.relative_to(study), run) == []
    assert [resume for run in runs for resume in read_record(run / "run.json").resumes]
    assert not list(study.glob(".ray-*"))


def test_a_wrong_token_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    ray = ("--executor", "ray", "--ray-address", cluster.address)
    wrong = {**cluster.environment(), "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    process = sweep(tmp_path / "study", *ray, env=wrong)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.startswith(f"swimrl: error: no Ray cluster at {cluster.address} (")
    assert not (tmp_path / "study").exists()


def test_a_missing_cluster_is_told_within_ten_seconds(tmp_path: Path) -> None:
    assert CONNECT_S < 10
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = "{}:{}".format(*silent.getsockname())
        process = sweep(tmp_path / "study", "--executor", "ray", "--ray-address", address, env=environment())
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.count("\n") == 1
    assert said.startswith(f"swimrl: error: no Ray cluster at {address} (")
    assert "start one with `ray start --head`" in said
