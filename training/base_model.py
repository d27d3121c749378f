"""The base model and its tokenizer, from the folder of unpacked models or any place transformers knows."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# transformers is annotated only in part; this module and training.lora are its doors.

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel

from knowledge.processor import has_fast_bfloat16
from training.embedded_model import EMBEDDED_MODEL, unpack
from training.errors import DataUnusable, RecipeInvalid

_CPU = torch.device("cpu")


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


def load_base(name: str, models: Path, *, four_bit: bool = False, device: torch.device = _CPU) -> PreTrainedModel:
    """In bfloat16 where the processor is fast at it, as the model server loads it, else in float32.

    With `four_bit` its weights are kept in 4 bits (NF4, the scales quantised too). Raises RecipeInvalid where that
    cannot be had.
    """
    fast = device.type != "cpu" or has_fast_bfloat16()
    dtype = torch.bfloat16 if fast else torch.float32
    if not four_bit:
        return AutoModelForCausalLM.from_pretrained(_place(name, models), dtype=dtype, device_map={"": device})
    return _load_four_bit(_place(name, models), dtype, device)


def _load_four_bit(place: str, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise RecipeInvalid("four_bit needs bitsandbytes, which is not installed: pip install tandem[four-bit]")
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    try:
        return AutoModelForCausalLM.from_pretrained(
            place, dtype=dtype, quantization_config=config, device_map={"": device}
        )
    except (ImportError, RuntimeError, ValueError, AttributeError) as error:
        raise RecipeInvalid(f"four_bit cannot be had on this machine: {error}") from error


def load_tokenizer(name: str, models: Path) -> Tokenizer:
    return Tokenizer(AutoTokenizer.from_pretrained(_place(name, models)))


def _place(name: str, models: Path) -> str:
    folder = model_folder(name, models)
    if name == EMBEDDED_MODEL:
        unpack(folder)
    return str(folder) if folder.is_dir() else name
