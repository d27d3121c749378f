"""What the README and its neighbours promise is there."""

import re
import subprocess
from pathlib import Path

import pytest

from bot.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROSE = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md", "bot/sample/README.md"]


def test_every_folder_of_the_tree_is_there_with_a_comment():
    for name, comment in tree():
        assert (ROOT / name).is_dir(), name
        assert len(comment.split()) >= 3


def test_the_tree_names_every_top_folder():
    listed = {name for name, _ in tree()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {name.partition("/")[0] for name in tracked if "/" in name and not name.startswith(".")}
    assert folders <= listed


@pytest.mark.parametrize("name", PROSE)
def test_every_link_within_the_project_leads_somewhere(name: str):
    page = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_make_target_named_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in PROSE[:2]:
        for target in set(
            re.findall(r"(?:^    |`)make ([a-z]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        ):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_command_of_the_command_line_is_told_and_no_other():
    told = set(re.findall(r"^    tandem ([a-z]+)", README, re.MULTILINE))
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert told == commands | {str(group.name) for group in app.registered_groups}


def test_one_message_travels_in_ten_lines():
    steps = README.partition("## How one message travels")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", steps, re.MULTILINE) == [str(n) for n in range(1, 11)]


def tree() -> list[tuple[str, str]]:
    """Folders of the README's tree as (path from the root, comment)."""
    lines = README.partition("## The tree")[2].split("```")[1].strip().splitlines()
    folders: list[tuple[str, str]] = []
    parent = ""
    for line in lines:
        name, comment = line.strip().split(maxsplit=1)
        parent = parent if line.startswith(" ") else name.rstrip("/")
        folders.append((f"{parent}/{name}".rstrip("/") if line.startswith(" ") else parent, comment))
    return folders
