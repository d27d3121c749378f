"""What the images install: the packages with all their files, and a pin for all that they import."""

import ast
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
OURS = ("bot", "router", "knowledge", "training")
# `tandem route fit` looks for them first, and says where they are missing.
OF_ROUTE_FIT = {"scipy", "sklearn"}


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_packages(tmp_path: Path):
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in OURS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run(
        [*pip, "--wheel-dir", "dist", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("tandem-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    files = {str(path.relative_to(ROOT)) for name in OURS for path in (ROOT / name).rglob("*") if path.is_file()}
    files = {file for file in files if "__pycache__" not in file}
    assert {"training/recipes/nightly.yaml", "training/grounding_adapter/adapter_model.safetensors"} <= files
    assert files - held == set()


def test_everything_that_the_bot_imports_is_pinned_for_its_image():
    assert unpinned(("bot", "router", "knowledge"), "bot.txt") == OF_ROUTE_FIT


def test_everything_that_a_night_imports_is_pinned_for_the_trainers_image():
    assert unpinned(("training",), "bot.txt") != set()  # else the second list would be for nothing
    assert unpinned(OURS, "bot.txt", "training.txt") == set()


def unpinned(packages: tuple[str, ...], *lists: str) -> set[str]:
    lines = [line for name in lists for line in (ROOT / "deploy" / "pins" / name).read_text("utf-8").splitlines()]
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    carried_by = packages_distributions()
    return {
        name
        for name in imported(packages)
        if not {canonicalize_name(each) for each in carried_by.get(name, [])} & pinned
    }


def imported(packages: tuple[str, ...]) -> set[str]:
    """The outermost names of what stands in the packages' import statements, wherever, and is neither ours nor Python's."""
    names: set[str] = set()
    for package in packages:
        sources = [path.read_text("utf-8") for path in (ROOT / package).rglob("*.py")]
        for source in sources:
            if "# /// script" in source:  # run by hand, and says itself what it needs
                continue
            for node in ast.walk(ast.parse(source)):
                match node:
                    case ast.Import():
                        names |= {alias.name.partition(".")[0] for alias in node.names}
                    case ast.ImportFrom(module=str(module), level=0):
                        names.add(module.partition(".")[0])
                    case _:
                        pass
    return names - set(OURS) - sys.stdlib_module_names
