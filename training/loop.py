"""The training loop.

Our own, since the CPU rewards what a general trainer does not do: products in the processor's fast type with float32
masters of the adapter's weights, also in attention, logits only where there is a label, and a row a core without padding.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false

import math
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor

from training.attention import use_blocks
from training.checkpoint import Checkpoint, Course
from training.encoding import EncodedRow
from training.likelihood import log_likelihoods
from training.losses import step_loss
from training.processes import Processes
from training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """After each step of the optimizer. `loss` is that of the step: for `sft` the mean per label, in nats."""

    step: int
    steps: int
    loss: float


class Loop:
    """Trains `model` in place. The same rows and recipe give the same weights, also when it is gone on with."""

    def __init__(
        self,
        model: PeftModel,
        rows: Sequence[EncodedRow],
        recipe: Recipe,
        *,
        held_out: Sequence[EncodedRow] = (),
        processes: Processes | None = None,
    ) -> None:
        use_blocks(model.get_base_model())
        self._model = model
        self._rows = rows
        self._held_out = held_out
        self._recipe = recipe
        self._processes = processes or Processes()
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        # Steps of 1e-4 vanish in bfloat16's three digits, so the optimizer works on float32 copies.
        self._masters = [weight.detach().float().clone() for weight in self._weights]
        self._optimizer = torch.optim.AdamW(self._masters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self._best: list[Tensor] = []
        self._steps = list(step_order(len(rows), recipe))
        self.course = Course()
        self.resumed_at = 0

    @property
    def planned(self) -> int:
        """How many steps the run takes unless it stops early."""
        return len(self._steps)

    def run(
        self, progress: Callable[[Progress], None] = lambda _: None, checkpoint: Checkpoint | None = None
    ) -> Course:
        """Go on from the checkpoint, if it is this run's, to the end; the adapter is then the best one held out."""
        if checkpoint is not None and (left := checkpoint.read()):
            self._restore(*left)
            self.resumed_at = self.course.steps
        self._model.train()
        with self._workers() as workers:
            self._take_references(workers)
            while self.course.steps < self.planned and not self._has_stopped_improving():
                loss = self._step(workers, self.course.steps)
                self.course.steps += 1
                self.course.losses.append(loss)
                if self._is_to_be_measured():
                    self._measure(workers)
                if checkpoint is not None and self.course.steps % self._recipe.checkpoint_steps == 0:
                    self._keep(checkpoint)
                progress(Progress(step=self.course.steps, steps=self.planned, loss=loss))
        if self._best:
            self._set_weights(self._best)
        return self.course

    def _workers(self) -> ThreadPoolExecutor:
        """A row a core: one thread over a whole row waits for nobody, two threads share thousands of small products.

        On a machine that does other work beside, that is several times faster. With dropout there is one worker, since
        all draw from one source of chance.
        """
        cores = torch.get_num_threads()
        alone = self._recipe.lora.dropout > 0 or self._processes.device.type != "cpu"
        workers = 1 if alone else min(self._recipe.rows_per_step, cores)
        return ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(cores // workers,))

    def _take_references(self, workers: ThreadPoolExecutor) -> None:
        """By the adapter as it starts, which is the one that preferences are measured against."""
        if self._recipe.method == "sft" or self.course.references:
            return
        self.course.references = self._likelihoods(workers, self._rows)
        self.course.held_out_references = self._likelihoods(workers, self._held_out)

    def _likelihoods(self, workers: ThreadPoolExecutor, rows: Sequence[EncodedRow]) -> list[list[float]]:
        """Of all completions, nothing learnt."""
        self._set_dropout(on=False)
        return self._processes.gather(list(workers.map(self._likelihood, self._processes.share(rows))))

    def _set_dropout(self, *, on: bool) -> None:
        # Alone, the model as a whole stays in training mode: in the other, bitsandbytes lays 4-bit weights out anew, and
        # from then on no gradient passes through them.
        for module in self._model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.train(on)

    @torch.no_grad()
    def _likelihood(self, row: EncodedRow) -> list[float]:
        return log_likelihoods(self._model, row).tolist()

    def _step(self, workers: ThreadPoolExecutor, step: int) -> float:
        self._set_dropout(on=True)
        # The longest first: the last worker then waits the least for the others.
        places = sorted(self._steps[step], key=lambda place: self._rows[place].tokens, reverse=True)
        rows = [self._rows[place] for place in places]
        seeds = [hash((self._recipe.seed, step, place)) for place in places]
        share = self._processes.share(list(zip(rows, seeds, strict=True)))
        learnt = list(workers.map(self._learn, *zip(*share, strict=True))) if share else []
        likelihoods = torch.tensor(self._processes.gather([each.likelihoods for each in learnt]), requires_grad=True)
        references = torch.tensor(
            [self.course.references[place] for place in places] if self.course.references else 0.0
        )
        loss = step_loss(self._recipe, rows, likelihoods, references)
        # How the loss depends on each row's likelihood; the rows' own gradients are known already.
        slopes = self._processes.share(torch.autograd.grad(loss, likelihoods)[0][:, 0].tolist())
        for place, master in enumerate(self._masters):
            master.grad = torch.zeros_like(master)
            for slope, each in zip(slopes, learnt, strict=True):
                master.grad.add_(each.gradients[place], alpha=slope)
        self._processes.add_up([master.grad for master in self._masters if master.grad is not None])
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * learning_rate_share(step, self.planned, self._recipe.warmup)
        torch.nn.utils.clip_grad_norm_(self._masters, self._recipe.max_gradient_norm)
        self._optimizer.step()
        self._set_weights(self._masters)
        return loss.item()

    def _learn(self, row: EncodedRow, seed: int) -> "_Learnt":
        if self._recipe.lora.dropout:
            torch.manual_seed(seed)
        likelihoods = log_likelihoods(self._model, row)
        wanted = likelihoods[0] - likelihoods[1] if self._recipe.method == "dpo" else likelihoods[0]
        # autograd.grad and not backward: several rows are under way, and .grad is one place.
        return _Learnt(likelihoods=likelihoods.tolist(), gradients=torch.autograd.grad(wanted, self._weights))

    def _set_weights(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for weight, value in zip(self._weights, values, strict=True):
                weight.copy_(value)

    def _is_to_be_measured(self) -> bool:
        if self._recipe.held_out is None:
            return False
        return self.course.steps % self._recipe.held_out.every_steps == 0 or self.course.steps == self.planned

    def _measure(self, workers: ThreadPoolExecutor) -> None:
        likelihoods = torch.tensor(self._likelihoods(workers, self._held_out))
        references = torch.tensor(self.course.held_out_references or 0.0)
        loss = step_loss(self._recipe, self._held_out, likelihoods, references).item()
        if all(loss < earlier for _, earlier in self.course.held_out):
            self._best = [master.detach().clone() for master in self._masters]
        self.course.held_out.append((self.course.steps, loss))

    def _has_stopped_improving(self) -> bool:
        losses = [loss for _, loss in self.course.held_out]
        if self._recipe.held_out is None or not losses:
            return False
        return len(losses) - 1 - losses.index(min(losses)) >= self._recipe.held_out.patience

    def _keep(self, checkpoint: Checkpoint) -> None:
        if self._processes.is_first:
            moments = self._optimizer.state_dict()["state"]
            checkpoint.write(
                self.course,
                {f"master.{n}": master for n, master in enumerate(self._masters)}
                | {f"best.{n}": weight for n, weight in enumerate(self._best)}
                | {f"{name}.{n}": value for n, state in moments.items() for name, value in state.items()},
            )
        self._processes.wait()

    def _restore(self, course: Course, tensors: dict[str, Tensor]) -> None:
        self.course = course
        with torch.no_grad():
            for n, master in enumerate(self._masters):
                master.copy_(tensors[f"master.{n}"])
        self._set_weights(self._masters)
        self._best = [tensors[f"best.{n}"] for n in range(len(self._masters)) if f"best.{n}" in tensors]
        whole = self._optimizer.state_dict()
        names = ("step", "exp_avg", "exp_avg_sq")
        whole["state"] = {n: {name: tensors[f"{name}.{n}"] for name in names} for n in range(len(self._masters))}
        self._optimizer.load_state_dict(whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learnt:
    likelihoods: list[float]
    gradients: tuple[Tensor, ...]


def step_order(rows: int, recipe: Recipe) -> Iterator[list[int]]:
    """The rows of each step, by their places."""
    rng = random.Random(recipe.seed)  # noqa: S311 - an order, not a secret
    for _ in range(recipe.epochs):
        shuffled = rng.sample(range(rows), rows)
        for start in range(0, rows, recipe.rows_per_step):
            yield shuffled[start : start + recipe.rows_per_step]


def learning_rate_share(step: int, steps: int, warmup: float) -> float:
    """Of the recipe's learning rate: a linear warm-up, then a cosine down to zero."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
