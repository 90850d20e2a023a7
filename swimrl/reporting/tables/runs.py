"""Tables of what was run here, and of what others published on the same tasks."""

from __future__ import annotations

from collections import defaultdict

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Arm
from swimrl.reporting.section import Section
from swimrl.reporting.tables.formulas import Formulas
from swimrl.reporting.tables.scores import ARM, TASK, N
from swimrl.reporting.tables.table import Cell, Column, Table
from swimrl.reporting.tables.text import number, seed_ranges


def run_table(contents: Contents) -> Table:
    """Return what was run, tasks with equal runs in one row.

    Where there is a record, its formula, settings, versions and hosts stand there too.
    """
    recorded = (("settings", "settings"), ("versions", "versions"), ("host", "host"))
    columns = (
        TASK,
        ARM,
        Column("seeds", "seeds", is_left=True),
        Column("formula", "formula", is_left=True, none="not recorded"),
        *(Column(key, title, is_left=True, none="not recorded") for key, title in recorded),
    )
    analysis = contents.analysis
    tasks: dict[tuple[Cell, ...], list[str]] = defaultdict(list)
    for name in analysis.names:
        for task in analysis.tasks:
            if arm := analysis.arm(task, name):
                tasks[name, seed_ranges(run.seed for run in arm.runs), *_recorded(arm)].append(task)
    every = [None] if len(analysis.tasks) > 1 else analysis.tasks
    rows = tuple((every[0] if of == analysis.tasks else ", ".join(of), *what) for what, of in tasks.items())
    return Table(Section.RUNS, "runs", "What was run", columns, rows, has_sentences=True)


def _recorded(arm: Arm) -> tuple[Cell, ...]:
    records = [run.record for run in arm.runs if run.record is not None]
    if not records:
        return (None,) * 4
    first = records[0]
    layers = [*first.activations.get("actor", []), *first.activations.get("critic", [])]
    config, td3 = first.config, first.config.get("td3", {})
    settings = (
        f"{config['steps']:,} steps, net {config.get('net')}, lr {td3.get('lr')}, batch "
        f"{td3.get('batch_size')}, engine {first.engine.get('name')}, {first.engine.get('precision')}"
    )
    named = ("swimrl", "torch", "mujoco", "gymnasium", "stable-baselines3")
    versions = ", ".join(f"{name} {first.versions.get(name)}" for name in named)
    hosts = dict.fromkeys(str(record.host.get("processor")) for record in records)
    return Formulas.recorded(layers), settings, versions, ", ".join(hosts)


def published_table(contents: Contents) -> Table:
    """Return other people's scores on the same tasks."""
    columns = (
        TASK,
        Column("mean", "TD3, mean", number()),
        Column("sd", "sd", number(), none="not given"),
        Column("metric", "metric", is_left=True),
        N,
        Column("steps", "steps", "{:,}".format),
        Column("source", "source", is_left=True),
    )
    rows = tuple(
        (one.env, one.mean, one.sd, one.metric, one.seeds, one.steps, f"{one.source} ({one.where})")
        for one in contents.published
    )
    note = (
        "Other versions of the tasks, other seeds and other settings: no number above is computed from these."
    )
    title = "Published, for orientation"
    return Table(Section.PUBLISHED, "published", title, columns, rows, note, has_sentences=True)
