"""The rows through TRL's SFTTrainer with its own defaults, in float32 or under its bfloat16 autocast.

Only what makes the two comparable is set: the batch, the order, the number of steps and the learning rate of each.
"""

import json
import sys
import time
from pathlib import Path

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from tests.benchmarks.finetuning_start import MODELS, RECIPE, read_rows
from tests.benchmarks.measuring import memory_mb
from training.base_model import model_folder
from training.loop import learning_rate_share, step_order


def main(folder: Path, precision: str) -> None:
    rows = read_rows(folder)
    rows = [rows[place] for step in step_order(len(rows), RECIPE) for place in step]
    place = model_folder(RECIPE.base_model, MODELS)
    base = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder / "start", is_trainable=True)
    steps = len(rows) // RECIPE.rows_per_step
    optimizer = torch.optim.AdamW(
        (weight for weight in model.parameters() if weight.requires_grad), lr=RECIPE.learning_rate, weight_decay=0
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_share(min(step, steps - 1), steps, RECIPE.warmup)
    )
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder / precision),
            per_device_train_batch_size=RECIPE.rows_per_step,
            max_steps=steps,
            max_length=RECIPE.max_tokens,
            completion_only_loss=True,
            train_sampling_strategy="sequential",
            bf16=precision == "autocast",
            use_cpu=True,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(
            [
                {
                    "input_ids": [*row.prompt, *row.completions[0]],
                    "completion_mask": [0] * len(row.prompt) + [1] * row.labels,
                }
                for row in rows
            ]
        ),
        processing_class=AutoTokenizer.from_pretrained(place),
        optimizers=(optimizer, schedule),
    )
    began, cpu = time.perf_counter(), time.process_time()
    trainer.train()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    tokens = sum(row.tokens for row in rows)
    print(
        json.dumps(
            {
                "tokens": tokens,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu_seconds, 1),
                "tokens_per_s": round(tokens / seconds, 1),
                "memory_peak_mb": memory_mb(),
                "losses": [each["loss"] for each in trainer.state.log_history if "loss" in each],
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
