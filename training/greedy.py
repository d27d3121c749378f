"""What a model says when it always takes the likeliest token; as a command, the canaries of an adapter.

`python -m training.greedy --adapter DIR` writes canaries.json for an adapter that came without.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false
# transformers and peft annotate generate only in part.

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from router.prompts import ChatMessage
from training.adapters import CANARIES, CONFIG
from training.base_model import Tokenizer, load_base, load_tokenizer
from training.canaries import CANARY_TOKENS, Canary, canary_prompts, write_canaries
from training.errors import TrainingError
from training.rows import as_messages

_BATCH = 16


def greedy_answers(
    model: PreTrainedModel | PeftModel,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[ChatMessage]],
    *,
    max_tokens: int,
) -> Iterator[tuple[str, bool]]:
    """For each prompt, the answer and whether it came to its end within `max_tokens`."""
    model.eval()
    generate: Any = model.generate  # annotated as a tensor on a PeftModel, which hands it on to its base
    device: Any = model.device
    for start in range(0, len(prompts), _BATCH):
        encoded = [tokenizer.chat(prompt, asks=True) for prompt in prompts[start : start + _BATCH]]
        width = max(len(ids) for ids in encoded)
        # Padding goes in front, so that all prompts end where the answers begin.
        generated = generate(
            input_ids=torch.tensor([[tokenizer.stop] * (width - len(ids)) + ids for ids in encoded], device=device),
            attention_mask=torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in encoded], device=device),
            max_new_tokens=max_tokens,
            do_sample=False,
            eos_token_id=tokenizer.stop,
            pad_token_id=tokenizer.stop,
        )
        for ids in generated[:, width:].tolist():
            ended = tokenizer.stop in ids
            yield tokenizer.text(ids[: ids.index(tokenizer.stop)] if ended else ids).strip(), ended


def record_canaries(model: PreTrainedModel | PeftModel, tokenizer: Tokenizer, directory: Path) -> None:
    prompts = canary_prompts()
    answers = greedy_answers(model, tokenizer, prompts, max_tokens=CANARY_TOKENS)
    write_canaries(
        directory / CANARIES,
        [
            Canary(prompt=as_messages(prompt), expected=answer)
            for prompt, (answer, _) in zip(prompts, answers, strict=True)
        ],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the canaries of an adapter.")
    parser.add_argument("--adapter", type=Path, required=True, help="the adapter's folder")
    parser.add_argument("--models", type=Path, default=Path(".tandem/model"), help="folder of unpacked base models")
    given = parser.parse_args()
    directory: Path = given.adapter
    try:
        base = str(json.loads((directory / CONFIG).read_bytes())["base_model_name_or_path"])
        model = PeftModel.from_pretrained(load_base(base, given.models), directory)
        record_canaries(model, load_tokenizer(base, given.models), directory)
    except (TrainingError, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{directory / CANARIES} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
