"""The public names of every package."""

import importlib
import pkgutil

import pytest

import swimrl

PACKAGES = ["swimrl"] + [
    module.name for module in pkgutil.walk_packages(swimrl.__path__, "swimrl.") if module.ispkg
]
PUBLIC = [name for name in PACKAGES if hasattr(importlib.import_module(name), "__all__")]


def constants_then_classes_then_functions(name: str) -> tuple[bool, bool, str]:
    return not name.isupper(), not name[0].isupper(), name


def test_the_packages_with_an_api_are_found() -> None:
    assert {"swimrl", "swimrl.activations", "swimrl.td3"} <= set(PUBLIC)


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_are_sorted_importable_and_listed(package: str) -> None:
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(module.__all__, key=constants_then_classes_then_functions)
    assert {name for name in module.__all__ if not hasattr(module, name)} == set()
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PUBLIC)
def test_another_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        importlib.import_module(package).no_such_name  # noqa: B018
