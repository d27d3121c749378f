"""A base model of two thin layers, with a byte tokenizer and a chat template, made on the spot."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer as Bytes
from tokenizers import decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Threads that meet after each tiny product wait for each other longer than they compute.
    torch.set_num_threads(1)


def tiny_llama(*, vocabulary: int = 300, width: int = 32) -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=width * 3 // 2,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=257,
        pad_token_id=257,
        bos_token_id=256,
        initializer_range=0.2,  # wide enough that a thin adapter can move the frozen head's choice
    )
    return LlamaForCausalLM(config)


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of base models that holds one, `tiny`."""
    folder = tmp_path_factory.mktemp("models")
    tiny_llama().save_pretrained(folder / "tiny")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: n for n, letter in enumerate(letters)} | {"<s>": 256, "</s>": 257}
    vendor = Bytes(models.BPE(vocab=vocabulary, merges=[]))
    vendor.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vendor.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=vendor, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder / "tiny")
    return folder
