"""Fine-tune a LoRA adapter: a recipe and rows in, a folder with an adapter out."""

import hashlib
import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile

import torch

from training.adapters import CONFIG, METRICS, RECIPE, WEIGHTS
from training.base_model import load_base, load_tokenizer
from training.checkpoint import Checkpoint
from training.curve import write_curve
from training.encoding import EncodedRow, encode_rows
from training.errors import DataUnusable, OutputUnusable
from training.greedy import record_canaries
from training.know_how import know_how_of, write_know_how
from training.loop import Loop, Progress
from training.lora import add_adapter, save_adapter, start_folder
from training.processes import Processes, our_processes
from training.recipe import Recipe, read_recipe
from training.rows import PreferenceRow, RatedRow, Row, data_digest, read_rows

_CHECKPOINT = "checkpoint.safetensors"
_FORMS: dict[str, type[Row | PreferenceRow | RatedRow]] = {"sft": Row, "dpo": PreferenceRow, "kto": RatedRow}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMetrics:
    """What a run did. Tokens and labels are those of one epoch; the losses are means of the first and last 20 steps.

    `held_out_loss` is the lowest that was measured, whose weights are the adapter's; None where nothing is held out.
    `seconds` are those since the run was begun or last gone on with, after `resumed_at` steps.
    """

    recipe: str
    method: str
    base_model: str
    data_sha256: str
    rows: int
    rows_held_out: int
    rows_too_long: int
    labels: int
    tokens: int
    steps: int
    stopped_early: bool
    first_loss: float
    last_loss: float
    held_out_loss: float | None
    resumed_at: int
    seconds: float


def train(
    recipe_path: Path,
    data: Path,
    out: Path,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    models: Path,
) -> TrainingMetrics:
    """Train the recipe's adapter on the rows of `data` and write it to `out`.

    `models` is the folder of unpacked base models. `out` holds the weights (safetensors, bfloat16),
    adapter_config.json, the recipe, metrics.json, canaries and the loss curve afterwards, and know_how.json, the
    questions that it was taught to answer without documents, if there are such. A run that was killed goes
    on from its last checkpoint in `out` when it is begun again, and makes the same adapter. Started by `accelerate
    launch`, several processes share the rows of each step. Raises RecipeInvalid, RowInvalid, DataUnusable and
    OutputUnusable before anything is written.
    """
    processes = our_processes()
    recipe = read_recipe(recipe_path)
    rows = read_rows(data, _FORMS[recipe.method])
    if processes.is_first:
        _try_to_write(out)
    tokenizer = load_tokenizer(recipe.base_model, models)
    encoded = encode_rows(rows, tokenizer, max_tokens=recipe.max_tokens, seed=recipe.seed)
    learnt, held_out = _hold_out(encoded.rows, recipe)
    checkpoint = Checkpoint(path=out / _CHECKPOINT, run=_run_digest(recipe, recipe_path, data, processes))
    base = load_base(recipe.base_model, models, four_bit=recipe.four_bit, device=processes.device)
    model = add_adapter(base, recipe, beside=recipe_path.parent)

    started = time.monotonic()
    loop = Loop(model, learnt, recipe, held_out=held_out, processes=processes)
    course = loop.run(progress if processes.is_first else lambda _: None, checkpoint)

    metrics = TrainingMetrics(
        recipe=recipe.name,
        method=recipe.method,
        base_model=recipe.base_model,
        data_sha256=data_digest(data),
        rows=len(learnt),
        rows_held_out=len(held_out),
        rows_too_long=encoded.too_long,
        labels=sum(row.labels for row in learnt),
        tokens=sum(row.tokens for row in learnt),
        steps=course.steps,
        stopped_early=course.steps < loop.planned,
        first_loss=_mean(course.losses[:20]),
        last_loss=_mean(course.losses[-20:]),
        held_out_loss=min((round(loss, 4) for _, loss in course.held_out), default=None),
        resumed_at=loop.resumed_at,
        seconds=round(time.monotonic() - started, 1),
    )
    if processes.is_first:
        save_adapter(model, out)
        (out / RECIPE).write_bytes(recipe_path.read_bytes())
        (out / METRICS).write_text(json.dumps(asdict(metrics), indent=2) + "\n", "utf-8")
        write_curve(course, out)
        record_canaries(model, tokenizer, out)
        write_know_how(know_how_of(rows[row.place] for row in learnt), out)
        checkpoint.remove()
    processes.wait()
    return metrics


def _try_to_write(out: Path) -> None:
    """Rights do not tell of a file system that is full or read-only. What was made for it is taken away again."""
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out) as file:
            file.write(b"tried")
    except OSError as error:
        why = "it is no folder" if isinstance(error, FileExistsError) else error.strerror
        raise OutputUnusable(f"The adapter cannot be written to {out}: {why}") from error
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def _hold_out(rows: Sequence[EncodedRow], recipe: Recipe) -> tuple[list[EncodedRow], list[EncodedRow]]:
    """The rows to learn from, and those to measure on."""
    if recipe.held_out is None:
        return list(rows), []
    count = round(len(rows) * recipe.held_out.share)
    if count == 0:
        raise DataUnusable(f"A share of {recipe.held_out.share} of {len(rows)} rows is none to hold out")
    held = set(random.Random(recipe.seed).sample(range(len(rows)), count))  # noqa: S311 - a choice, not a secret
    return (
        [row for place, row in enumerate(rows) if place not in held],
        [rows[place] for place in sorted(held)],
    )


def _run_digest(recipe: Recipe, recipe_path: Path, data: Path, processes: Processes) -> str:
    """All that decides what the adapter becomes: a checkpoint of anything else is not gone on from."""
    digest = hashlib.sha256(recipe_path.read_bytes())
    digest.update(data_digest(data).encode())
    if recipe.start_from is not None:
        folder = start_folder(recipe, recipe_path.parent)
        for name in (CONFIG, WEIGHTS):
            digest.update((folder / name).read_bytes())
    digest.update(f"{torch.__version__} {processes.count} {processes.device.type}".encode())
    return digest.hexdigest()


def _mean(losses: list[float]) -> float:
    return round(sum(losses) / max(1, len(losses)), 4)
