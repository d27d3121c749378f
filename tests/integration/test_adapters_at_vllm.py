"""What vLLM makes of adapters: changed under load, gone back to, and with faults that it does not mind."""

import json
import shutil
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from bot.assembly import Parts
from router.errors import ModelRefused
from router.releases import Releases
from tests.benchmarks.swap import SPEAKS, adapter_that_says, swap_under_load
from training.adapters import CONFIG, WEIGHTS
from training.errors import CanaryFailed
from training.grounding_adapter import FOLDER
from training.promotion import promote

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(1200)]

_ROLLED_BACK_S = 5.0


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """The adapter that ships, to put a fault into."""
    return Path(shutil.copytree(FOLDER, tmp_path / "grounding"))


async def _refused(parts: Parts, adapter: Path) -> None:
    before = await Releases(parts.engine).in_service()
    with pytest.raises((CanaryFailed, ModelRefused)):
        await promote(adapter, home=parts.configuration.home, engine=parts.engine, model=parts.model)
    assert await Releases(parts.engine).in_service() == before


async def test_adapter_with_the_wrong_module_prefix_never_goes_into_service(served_parts: Parts, adapter: Path):
    weights = load_file(adapter / WEIGHTS)
    save_file(
        {name.replace(".model.layers.", ".layers."): weight for name, weight in weights.items()}, adapter / WEIGHTS
    )
    await _refused(served_parts, adapter)


async def test_adapter_whose_strength_was_changed_never_goes_into_service(served_parts: Parts, adapter: Path):
    config = json.loads((adapter / CONFIG).read_text())
    (adapter / CONFIG).write_text(json.dumps({**config, "lora_alpha": config["lora_alpha"] / 16}))
    await _refused(served_parts, adapter)


async def test_adapter_with_another_ones_weights_never_goes_into_service(served_parts: Parts, adapter: Path):
    weights = load_file(adapter / WEIGHTS)
    # Of one factor only: the product of two that are turned round is what it was.
    turned = {name: -weight if ".lora_B." in name else weight for name, weight in weights.items()}
    save_file(turned, adapter / WEIGHTS)
    await _refused(served_parts, adapter)


async def test_change_under_load_loses_no_request_mixes_no_answer_and_is_undone_within_seconds(
    served_parts: Parts, tmp_path: Path, record_property
):
    models, releases = served_parts.configuration.home / "model", Releases(served_parts.engine)
    before = await releases.in_service()
    assert before is not None
    first, second = (adapter_that_says(name, tmp_path, models) for name in SPEAKS)

    began = time.perf_counter()
    try:
        swap = await swap_under_load(served_parts, first, second)
    finally:
        # The tests after this one ask the adapter that ships.
        await releases.put_in_service(before)

    record_property("swap", str(swap))
    print(swap, f"{time.perf_counter() - began:.0f} s in all")
    assert (swap.failed, swap.mixed) == (0, 0)
    assert all(swap.by[name] > 0 for name in SPEAKS)
    assert swap.rollback_s <= _ROLLED_BACK_S
