"""Adapters' folders as training leaves them, with what they learnt from, and the answers that a server gives with them."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.training.lineages import lineage
from training.adapters import CANARIES, CONFIG, METRICS, WEIGHTS
from training.canaries import Canary, canary_prompts, write_canaries
from training.lineage import LearntExchange, write_lineage
from training.rows import as_messages

EXPECTED = [f"answer number {n} [1]." for n in range(len(canary_prompts()))]
ADAPTED = {prompt[-1]["content"]: answer for prompt, answer in zip(canary_prompts(), EXPECTED, strict=True)}


def trained(folder: Path, *, weight: float, learnt: tuple[LearntExchange, ...] | None) -> Path:
    """An adapter of the base model `tiny`. Without `learnt`, it does not say what it learnt from."""
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "tiny", "r": 2}))
    save_file({"m.lora_A.weight": torch.full((2, 4), weight), "m.lora_B.weight": torch.ones(4, 2)}, folder / WEIGHTS)
    (folder / METRICS).write_text(json.dumps({"recipe": "team", "data_sha256": "d"}))
    prompts = zip(canary_prompts(), EXPECTED, strict=True)
    write_canaries(folder / CANARIES, [Canary(prompt=as_messages(asked), expected=said) for asked, said in prompts])
    if learnt is not None:
        write_lineage(folder, lineage(*learnt))
    return folder
