"""Fine-tune a LoRA adapter: a recipe and rows in, a folder with an adapter out.

Our own loop, since the CPU rewards three things a general trainer does not do: products in the processor's
fast type with float32 masters of the adapter's weights, logits only where there is a label, and a row a core.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false
# torch, transformers and peft are annotated only in part; this module and training.base_model are their doors.

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from training.adapters import CONFIG, METRICS, RECIPE, WEIGHTS
from training.base_model import load_base, load_tokenizer
from training.encoding import EncodedRow, encode_rows
from training.errors import RecipeInvalid
from training.greedy import record_canaries
from training.recipe import Recipe, read_recipe
from training.rows import data_digest, read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """After each step of the optimizer. `loss` is the mean per label of the step, in nats."""

    step: int
    steps: int
    loss: float
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMetrics:
    """What a run did. Tokens and labels are those of one epoch; the losses are means of the first and last 20 steps."""

    recipe: str
    base_model: str
    data_sha256: str
    rows: int
    rows_too_long: int
    labels: int
    tokens: int
    steps: int
    first_loss: float
    last_loss: float
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
    adapter_config.json, the recipe and metrics.json afterwards. Raises RecipeInvalid, RowInvalid and
    DataUnusable before anything is written.
    """
    recipe = read_recipe(recipe_path)
    rows = read_rows(data)
    tokenizer = load_tokenizer(recipe.base_model, models)
    encoded = encode_rows(rows, tokenizer, max_tokens=recipe.max_tokens)

    model = add_adapter(load_base(recipe.base_model, models), recipe, beside=recipe_path.parent)
    started = time.monotonic()
    losses = fit(model, encoded.rows, recipe, progress)

    metrics = TrainingMetrics(
        recipe=recipe.name,
        base_model=recipe.base_model,
        data_sha256=data_digest(data),
        rows=len(encoded.rows),
        rows_too_long=encoded.too_long,
        labels=sum(row.labels for row in encoded.rows),
        tokens=sum(len(row.ids) for row in encoded.rows),
        steps=len(losses),
        first_loss=_mean(losses[:20]),
        last_loss=_mean(losses[-20:]),
        seconds=round(time.monotonic() - started, 1),
    )
    _round(model)
    _save(model, recipe_path, metrics, out)
    record_canaries(model, tokenizer, out)
    return metrics


def add_adapter(base: PreTrainedModel, recipe: Recipe, beside: Path = Path()) -> PeftModel:
    """Give the base model the recipe's adapter."""
    torch.manual_seed(recipe.seed)
    if recipe.start_from is not None:
        model = PeftModel.from_pretrained(
            base, str(_start(recipe, beside)), is_trainable=True, autocast_adapter_dtype=False
        )
    else:
        config = LoraConfig(
            r=recipe.lora.rank,
            lora_alpha=recipe.lora.alpha,
            lora_dropout=recipe.lora.dropout,
            target_modules=recipe.lora.targets,
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(base, config, autocast_adapter_dtype=False)
    assert isinstance(model, PeftModel)  # noqa: S101 - get_peft_model is annotated more widely than it returns
    model.peft_config["default"].base_model_name_or_path = recipe.base_model
    return model


def _start(recipe: Recipe, beside: Path) -> Path:
    folder = beside / (recipe.start_from or "")
    try:
        rank = json.loads((folder / CONFIG).read_bytes())["r"]
    except (OSError, ValueError, KeyError) as error:
        raise RecipeInvalid(f"There is no adapter to start from in {folder}: train it first") from error
    if rank != recipe.lora.rank:
        raise RecipeInvalid(f"The adapter in {folder} has rank {rank}, the recipe asks for {recipe.lora.rank}")
    return folder


def fit(
    model: PeftModel, rows: Sequence[EncodedRow], recipe: Recipe, progress: Callable[[Progress], None]
) -> list[float]:
    """Train in place; the loss of each step."""
    model.train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    # Steps of 1e-4 vanish in bfloat16's three digits, so the optimizer works on float32 copies.
    masters = [weight.detach().float() for weight in weights]
    optimizer = torch.optim.AdamW(masters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = list(_steps(rows, recipe))
    started = time.monotonic()
    losses: list[float] = []
    with _workers(recipe.rows_per_step) as workers:
        for number, together in enumerate(steps):
            parts = list(workers.map(partial(_gradient, model, weights), together))
            labels = sum(row.labels for row in together)
            for master, *gradients in zip(masters, *(part.gradients for part in parts), strict=True):
                master.grad = sum(gradients[1:], gradients[0].float()) / labels
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * _schedule(number, len(steps), recipe.warmup)
            _step(optimizer, masters, weights, recipe.max_gradient_norm)
            losses.append(sum(part.loss for part in parts) / labels)
            progress(
                Progress(
                    step=number + 1,
                    steps=len(steps),
                    loss=losses[-1],
                    elapsed_s=round(time.monotonic() - started, 1),
                )
            )
    return losses


def row_loss(model: PeftModel, row: EncodedRow) -> Tensor:
    """The summed cross-entropy of all labels of the row, in nats."""
    causal_lm: Any = model.get_base_model()  # torch lets a module hold anything
    hidden = causal_lm.get_decoder()(input_ids=torch.tensor([row.ids]), use_cache=False).last_hidden_state[0]
    # The head is a third of this small model's work: it is run only where there is a label.
    logits = causal_lm.get_output_embeddings()(hidden[row.start - 1 : -1])
    return functional.cross_entropy(logits.float(), torch.tensor(row.ids[row.start :]), reduction="sum")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gradient:
    loss: float
    gradients: tuple[Tensor, ...]


def _workers(rows: int) -> ThreadPoolExecutor:
    """A row a core: one thread over a whole row waits for nobody, two threads share thousands of small products.

    On a machine that does other work beside, that is several times faster.
    """
    cores = torch.get_num_threads()
    workers = min(rows, cores)
    return ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(cores // workers,))


def _gradient(model: PeftModel, weights: Sequence[Tensor], row: EncodedRow) -> _Gradient:
    # autograd.grad and not backward: several rows are under way, and .grad is one place.
    loss = row_loss(model, row)
    return _Gradient(loss=loss.item(), gradients=torch.autograd.grad(loss, weights))


def _steps(rows: Sequence[EncodedRow], recipe: Recipe) -> Iterator[list[EncodedRow]]:
    rng = random.Random(recipe.seed)  # noqa: S311 - an order, not a secret
    for _ in range(recipe.epochs):
        shuffled = rng.sample(rows, len(rows))
        for start in range(0, len(rows), recipe.rows_per_step):
            yield shuffled[start : start + recipe.rows_per_step]


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then a cosine down to zero."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def _step(optimizer: torch.optim.Optimizer, masters: list[Tensor], weights: Sequence[Tensor], max_norm: float) -> None:
    torch.nn.utils.clip_grad_norm_(masters, max_norm)
    optimizer.step()
    with torch.no_grad():
        for master, weight in zip(masters, weights, strict=True):
            weight.copy_(master)


def _round(model: PeftModel) -> None:
    """To bfloat16, which is what is saved, so that the canaries are the saved adapter's."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.copy_(weight.bfloat16())


def _save(model: PeftModel, recipe_path: Path, metrics: TrainingMetrics, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    # Told that no embedding was trained, peft does not ask the internet for the base model's.
    model.save_pretrained(str(out), save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)  # peft writes a card of blanks
    weights = {name: weight.bfloat16() for name, weight in load_file(out / WEIGHTS).items()}
    save_file(weights, out / WEIGHTS, metadata={"format": "pt"})
    (out / WEIGHTS).chmod(0o644)
    config = json.loads((out / CONFIG).read_bytes())
    # peft writes the targets in a set's order, which differs from run to run, and the digest with it.
    config["target_modules"] = sorted(config["target_modules"])
    (out / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    (out / RECIPE).write_bytes(recipe_path.read_bytes())
    (out / METRICS).write_text(json.dumps(asdict(metrics), indent=2) + "\n", "utf-8")


def _mean(losses: list[float]) -> float:
    return round(sum(losses) / max(1, len(losses)), 4)
