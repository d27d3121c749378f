"""The base model and its tokenizer, from the folder of unpacked models or any place transformers knows."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# transformers is annotated only in part; this module and training.finetune are its doors.

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from knowledge.processor import has_fast_bfloat16
from training.embedded_model import EMBEDDED_MODEL, unpack
from training.errors import DataUnusable


class Tokenizer:
    """A chat model's tokenizer, reduced to what training asks of it."""

    def __init__(self, vendor: Any) -> None:
        if vendor.chat_template is None or vendor.eos_token_id is None:
            raise DataUnusable("The base model has no chat template or no stop token: choose an instruct model")
        self._vendor = vendor
        self.stop = int(vendor.eos_token_id)

    def chat(self, messages: Sequence[Any], *, asks: bool) -> list[int]:
        """Token ids of a conversation; with `asks`, up to where the model is to speak."""
        text: str = self._vendor.apply_chat_template(messages, tokenize=False, add_generation_prompt=asks)
        return list(self._vendor(text, add_special_tokens=False)["input_ids"])

    def text(self, ids: Sequence[int]) -> str:
        return str(self._vendor.decode(list(ids), skip_special_tokens=True))


def model_folder(name: str, models: Path) -> Path:
    """Where a base model of that name is unpacked: its last part, below `models`."""
    return models / name.rsplit("/", 1)[-1]


def load_base(name: str, models: Path) -> PreTrainedModel:
    """In bfloat16 where the processor is fast at it, as the model server loads it, else in float32."""
    dtype = torch.bfloat16 if has_fast_bfloat16() else torch.float32
    return AutoModelForCausalLM.from_pretrained(_place(name, models), dtype=dtype)


def load_tokenizer(name: str, models: Path) -> Tokenizer:
    return Tokenizer(AutoTokenizer.from_pretrained(_place(name, models)))


def _place(name: str, models: Path) -> str:
    folder = model_folder(name, models)
    if name == EMBEDDED_MODEL:
        unpack(folder)
    return str(folder) if folder.is_dir() else name
