"""The plugin that computes LoRA in vLLM on the CPU, in the environment that it is installed in."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.model, pytest.mark.slow]

_SCRIPT = Path("deploy/cpu_lora/compare.py")


@pytest.fixture(scope="module")
def products() -> dict[str, Any]:
    python = Path(".venv-model/bin/python").absolute()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "VLLM_NO_USAGE_STATS": "1"}
    ran = subprocess.run([python, _SCRIPT], capture_output=True, text=True, check=False, env=environment, timeout=100)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_products_are_those_of_vllm_whichever_adapters_share_a_batch(products: dict[str, Any]) -> None:
    assert len(products["difference"]) == 6
    assert max(products["difference"].values()) < 1e-4


def test_rows_of_the_base_model_are_left_alone_beside_an_adapter_in_the_last_slot(products: dict[str, Any]) -> None:
    assert products["base rows changed"] == 0
    assert products["adapter's row changed"] > 0


def test_a_prompt_is_read_several_times_faster_than_by_gathering_weights(products: dict[str, Any]) -> None:
    assert products["times as fast"] > 3


def test_vllm_takes_the_plugin_for_its_cpu_platform() -> None:
    python = Path(".venv-model/bin/python").absolute()
    asked = (
        "from vllm.plugins import load_general_plugins; load_general_plugins();"
        "from vllm.platforms import current_platform; print(current_platform.get_punica_wrapper())"
    )
    ran = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True, timeout=100)
    assert ran.stdout.splitlines()[-1] == "tandem_cpu_lora.GroupedPunicaWrapper"
