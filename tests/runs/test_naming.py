"""Where a run lives. That every setting is in the hash is tested with the settings."""

from __future__ import annotations

from pathlib import Path

from swimrl.runs.naming import configuration_hash, run_path, variant_slug

CONFIG = {"env": "Hopper-v4", "act": "swim", "seed": 3, "steps": 1000, "td3": {"lr": 3e-4}}


def test_the_hash_is_eight_hex_digits_of_the_content_alone() -> None:
    # sha256 of '{"act": "swim", "env": "Hopper-v4", "td3": {"lr": 0.0003}}', by another program.
    assert configuration_hash(CONFIG) == "4318e723"
    assert configuration_hash(dict(reversed(CONFIG.items()))) == configuration_hash(CONFIG)


def test_seed_and_length_of_training_do_not_move_a_run() -> None:
    assert configuration_hash(CONFIG | {"seed": 4, "steps": 2000}) == configuration_hash(CONFIG)
    assert configuration_hash(CONFIG | {"act": "relu"}) != configuration_hash(CONFIG)
    assert configuration_hash(CONFIG | {"td3": {"lr": 1e-3}}) != configuration_hash(CONFIG)


def test_a_run_has_a_readable_place() -> None:
    path = run_path(Path("runs/default"), CONFIG, "swim")
    assert path == Path("runs/default/Hopper-v4/swim-4318e723/seed-3")


def test_the_name_of_an_environment_cannot_leave_the_study() -> None:
    path = run_path(Path("study"), CONFIG | {"env": "../../name space/Line-v0"}, "swim")
    assert path.parts[:2] == ("study", "..-..-name-space-Line-v0")


def test_slugs_say_what_differs() -> None:
    assert variant_slug(["swim", "swim"], ["swim", "swim"]) == "swim"
    assert variant_slug(["swim", "swim"], ["elu", "elu"]) == "swim+critic-elu"
    assert variant_slug(["relu", "swim"], ["relu", "swim"]) == "relu-swim"
    assert variant_slug(["relu"], ["relu", "relu"]) == "relu"
    assert len(variant_slug(["x" * 60], ["y" * 60])) == 80
