"""The frame holds: what the README promises about the tree is true of the tree."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_no_file_names_a_registry_host_or_a_machine_path():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    forbidden = re.compile(
        r"pypi\.org|files\.pythonhosted|registry\.npmjs|deb\.debian|/root/\.py[e]nv|/wor[k]/(?:main|shared)"
    )
    guilty = [
        name
        for name in tracked
        if name != "tests/test_structure.py"
        and (ROOT / name).is_file()
        and forbidden.search((ROOT / name).read_text("utf-8", "ignore"))
    ]
    assert guilty == []
