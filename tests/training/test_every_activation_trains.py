"""The train command for every activation of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from swimrl.activations import REGISTRY
from swimrl.cli.app import main
from swimrl.runs.record import read_record

OPTIONS = (
    "--env Hopper-v4 --steps 2000 --td3.learning-starts 500 --net 32x32 --td3.batch-size 32 "
    "--eval-episodes 1 --final-episodes 0 --checkpoint-every 0"
)


@pytest.mark.slow
@pytest.mark.parametrize("name", [definition.name for definition in REGISTRY.definitions()])
def test_train(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--td3.layer-norm"] if name == "symexp" else []  # it diverges without, as its summary says
    with pytest.raises(SystemExit) as end:
        main(["train", *OPTIONS.split(), *options, "--act", name, "--out", str(tmp_path)])
    if name == "funnel_relu":
        assert end.value.code == 2
        assert "for vectors choose flexible_relu" in capsys.readouterr().err
        return
    assert end.value.code == 0
    (file,) = tmp_path.rglob("run.json")
    record = read_record(file)
    assert record.status == "done"
    assert record.updates_done == 1500
    is_fused = REGISTRY.definition(name).module is None and not options
    assert record.engine["name"] == ("fused" if is_fused else "sb3")
