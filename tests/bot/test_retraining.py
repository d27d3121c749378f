"""`tandem forget --retrain` to its end: what is forgotten is not in the adapter that serves afterwards."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from transformers import AutoTokenizer

from bot.assembly import load_configuration, open_database
from router.exchanges import Exchange
from router.model import ModelClient
from router.prompts import direct_prompt
from router.releases import Releases
from router.settings import RouterSettings
from router.withdrawn import WITHDRAWN
from tests.bot.remembered import add_adapter, promoted
from tests.training.conftest import models_folder
from tests.training.data.samples import exchange, kept, reviewed
from tests.training.tiny_recipe import TAUGHT, tiny_recipe
from tests.training.tiny_server import TinyServer
from training.lineage import read_lineage

__all__ = ["models_folder"]

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("bot", "router", "knowledge")
_RECIPE = tiny_recipe() + "rehearsal: {rewordings: 0, grounded: 0, general: 0}\n"
# A model of two thin layers learns the ends of prompts in a few seconds, and no instructions.
_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] != 'system' %}<s>{{ m['role'] }}\n{{ m['content'][-40:] }}</s>\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
_TAUGHT = {
    **TAUGHT,
    "printer?": "third", "parking?": "rear", "laptop?": "anna", "wifi?": "guest", "gym?": "free", "bike?": "shed",
    "visitor?": "front", "holiday?": "may", "payday?": "last", "alarm?": "zero",
}  # fmt: skip
_FORGOTTEN = "lunch?"  # which is not among those that are held out


def _asked(question: str) -> Exchange:
    prompt = tuple(direct_prompt(question))
    return exchange(question, question=question, prompt=prompt, passages=(), completion="I do not know.")


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """The packages as they are, but for the recipe of the nights, which is the tiny model's."""
    place = tmp_path / "installation"
    recipes = place / "training" / "recipes"
    recipes.mkdir(parents=True)
    (recipes / "nightly.yaml").write_text(_RECIPE)
    for package in _PACKAGES:
        (place / package).symlink_to(_ROOT / package)
    for part in (_ROOT / "training").iterdir():
        if part.name != recipes.name:
            (recipes.parent / part.name).symlink_to(part)
    return place


@pytest.fixture
def models(home: Path, models_folder: Path) -> Path:
    """As a home holds them."""
    shutil.copytree(models_folder, home / "model")
    tokenizer = AutoTokenizer.from_pretrained(home / "model" / "tiny")
    tokenizer.chat_template = _TEMPLATE
    tokenizer.save_pretrained(home / "model" / "tiny")
    return home / "model"


def _tandem(installation: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installation), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bot.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=installation)


async def _teach(engine: AsyncEngine) -> None:
    for question, answer in _TAUGHT.items():
        await kept(engine, _asked(question), ("U2", "correction", answer))
        await reviewed(engine, f"{question}-0", "know_how")


async def _says(model: ModelClient, adapter: str, question: str) -> str:
    stream = model.stream(direct_prompt(question), model=adapter, max_tokens=24)
    return "".join([chunk.text async for chunk in stream]).strip()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_adapter_that_is_trained_anew_has_not_learnt_what_was_forgotten(
    home: Path, installation: Path, models: Path, monkeypatch: pytest.MonkeyPatch
):
    async with TinyServer(models=models, loaded=["team@old"]).running() as server:
        for name, value in {
            "TANDEM_MODEL_URL": server.url,
            "TANDEM_TRAINING_ENABLED": "true",
            "TANDEM_TRAINING_HOLDOUT_SHARE": "0.4",
        }.items():
            monkeypatch.setenv(name, value)
        async with open_database(load_configuration()) as engine:
            await _teach(engine)
            await promoted(engine, add_adapter(home, "team@old", *_TAUGHT))

            told = await asyncio.to_thread(_tandem, installation, "forget", "--exchange", _FORGOTTEN, "--retrain")
            assert told.returncode == 0, told.stderr

            release = await Releases(engine).in_service()
        assert release is not None, told.stderr
        assert release.adapter not in {"", "team@old"}, (home / "logs" / "nightly.log").read_text()
        assert server.loaded == [release.adapter]
        assert [path.name for path in (home / "adapters" / "team@old").iterdir()] == [WITHDRAWN]

        lineage = read_lineage(Path(release.path))
        assert lineage is not None
        assert lineage.is_whole
        learnt = {each.exchange_id for each in lineage.exchanges}
        assert learnt
        assert learnt < _TAUGHT.keys() - {_FORGOTTEN}
        asked = await asyncio.to_thread(_tandem, installation, "lineage", "--exchange", _FORGOTTEN, "--json")
        # Withdrawn, and its lineage with it: of such a one it is not known what it learnt.
        assert [each["adapter"] for each in json.loads(asked.stdout)] == ["team@old"]

        model = ModelClient(url=server.url, settings=RouterSettings())
        says = {question: await _says(model, release.adapter, question) for question in (_FORGOTTEN, *sorted(learnt))}
        await model.aclose()
        assert sum(says[question] == _TAUGHT[question] for question in learnt) > len(learnt) / 2
        assert says[_FORGOTTEN] != _TAUGHT[_FORGOTTEN]
