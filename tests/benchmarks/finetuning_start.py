"""What both sides start from: the token ids of the rows, and a new adapter."""

import json
import os
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from training.base_model import load_tokenizer, model_folder
from training.embedded_model import EMBEDDED_MODEL
from training.encoding import EncodedRow, encode_rows
from training.grounding import grounded_rows
from training.invented_pages import invented_pages
from training.lora import add_adapter, save_adapter
from training.recipe import Recipe

MODELS = Path(os.environ.get("TANDEM_HOME", ".tandem")) / "model"
RECIPE = Recipe(
    name="benchmark",
    base_model=EMBEDDED_MODEL,
    rows_per_step=4,
    learning_rate=4e-4,
    warmup=0.1,
    start_from=Path("start"),
)


def main(folder: Path, steps: int) -> None:
    tokenizer = load_tokenizer(EMBEDDED_MODEL, MODELS)
    wanted = list(grounded_rows(invented_pages()[:20], seed=0))[: steps * RECIPE.rows_per_step]
    rows = encode_rows(wanted, tokenizer, max_tokens=RECIPE.max_tokens).rows
    base = AutoModelForCausalLM.from_pretrained(model_folder(EMBEDDED_MODEL, MODELS), dtype=torch.float32)
    save_adapter(add_adapter(base, RECIPE.model_copy(update={"start_from": None})), folder / "start")
    (folder / "rows.json").write_text(json.dumps([[row.prompt, row.completions[0]] for row in rows]))
    print(json.dumps({"rows": len(rows), "tokens": sum(row.tokens for row in rows)}))


def read_rows(folder: Path) -> list[EncodedRow]:
    told = json.loads((folder / "rows.json").read_text())
    return [EncodedRow(prompt=tuple(prompt), completions=(tuple(completion),)) for prompt, completion in told]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
