from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from tests.training.conftest import tiny_llama
from training.checkpoint import Checkpoint
from training.encoding import EncodedRow
from training.likelihood import log_likelihoods
from training.loop import Loop
from training.lora import add_adapter
from training.losses import step_loss
from training.recipe import HeldOut, LoraShape, Recipe


def _recipe(**given: Any) -> Recipe:
    told = {"name": "tiny", "base_model": "tiny", "lora": LoraShape(rank=4, alpha=8), "learning_rate": 1e-2}
    return Recipe(**{**told, "rows_per_step": 3, "warmup": 0.0, **given})


def _rows(count: int = 9) -> list[EncodedRow]:
    return [
        EncodedRow(
            prompt=tuple(range(5 + n, 25 + 2 * n)), completions=((40 + n, 41 + n), (90, 80 + n, 7)), liked=n % 3 > 0
        )
        for n in range(count)
    ]


def _model(recipe: Recipe) -> PeftModel:
    model = add_adapter(tiny_llama(), recipe)
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in _learnt(model):
            weight.normal_(std=0.2)
    return model


def _learnt(model: PeftModel) -> list[Tensor]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def _held_loss(model: PeftModel, recipe: Recipe, rows: list[EncodedRow]) -> float:
    with torch.no_grad():
        return step_loss(
            recipe, rows, torch.stack([log_likelihoods(model, row) for row in rows]), torch.zeros(1)
        ).item()


@pytest.mark.parametrize("method", ["sft", "dpo", "kto"])
def test_a_step_is_the_optimizers_own_on_the_whole_loss(method: Any):
    recipe = _recipe(method=method, rows_per_step=9)
    rows, plain = _rows(), _model(recipe)
    optimizer = torch.optim.AdamW(_learnt(plain), lr=recipe.learning_rate, weight_decay=0)
    references = torch.stack([log_likelihoods(plain, row) for row in rows]).detach()
    # Two steps: before the first one, nothing has moved away from the reference.
    for _ in range(2):
        optimizer.zero_grad()
        likelihoods = torch.stack([log_likelihoods(plain, row) for row in rows])
        step_loss(recipe, rows, likelihoods, references).backward()
        torch.nn.utils.clip_grad_norm_(_learnt(plain), recipe.max_gradient_norm)
        optimizer.step()

    ours = _model(recipe)
    Loop(ours, rows, recipe.model_copy(update={"epochs": 2})).run()

    for mine, theirs in zip(_learnt(ours), _learnt(plain), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_what_was_liked_becomes_likelier_than_what_was_not(method: Any):
    recipe = _recipe(method=method, epochs=6)
    model, rows = _model(recipe), _rows()
    if method == "kto":
        rows = [EncodedRow(prompt=row.prompt, completions=row.completions[:1], liked=row.liked) for row in rows]
        rows = [
            EncodedRow(prompt=row.prompt, completions=(row.completions[0], rows[n - 1].completions[0]), liked=row.liked)
            for n, row in enumerate(rows)
        ]
    before = torch.stack([log_likelihoods(model, row) for row in rows]).detach()

    Loop(model, rows, recipe).run()

    gains = torch.stack([log_likelihoods(model, row) for row in rows]).detach() - before
    liked = torch.tensor([row.liked for row in rows])
    if method == "dpo":
        assert (gains[:, 0] > gains[:, 1]).all()
    else:
        assert gains[liked, 0].min() > gains[~liked, 0].max()


@pytest.mark.parametrize("method", ["sft", "kto"])
def test_killed_after_any_step_and_begun_again_it_makes_the_same_weights(method: Any, tmp_path: Path):
    recipe = _recipe(
        method=method, epochs=2, checkpoint_steps=2, held_out=HeldOut(share=0.3, every_steps=2, patience=9)
    )
    held_out = _rows(12)[9:]
    whole = _model(recipe)
    undisturbed = Loop(whole, _rows(), recipe, held_out=held_out).run()

    for killed_after in range(1, 7):
        checkpoint = Checkpoint(path=tmp_path / str(killed_after), run="one")

        def die(progress: Any, at: int = killed_after) -> None:
            if progress.step == at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Loop(_model(recipe), _rows(), recipe, held_out=held_out).run(die, checkpoint)
        again = _model(recipe)
        loop = Loop(again, _rows(), recipe, held_out=held_out)
        course = loop.run(checkpoint=checkpoint)

        assert loop.resumed_at == killed_after // 2 * 2
        assert course == undisturbed
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(_learnt(again), _learnt(whole), strict=True))


def test_dropout_is_drawn_alike_after_a_kill(tmp_path: Path):
    recipe = _recipe(lora=LoraShape(rank=4, alpha=8, dropout=0.3), checkpoint_steps=2)
    whole, again = _model(recipe), _model(recipe)
    undisturbed = Loop(whole, _rows(), recipe).run()
    checkpoint = Checkpoint(path=tmp_path / "checkpoint", run="one")

    def die(progress: Any) -> None:
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Loop(_model(recipe), _rows(), recipe).run(die, checkpoint)
    torch.manual_seed(99)

    assert Loop(again, _rows(), recipe).run(checkpoint=checkpoint) == undisturbed
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(_learnt(again), _learnt(whole), strict=True))


def test_checkpoint_of_another_run_or_a_torn_one_is_not_gone_on_from(tmp_path: Path):
    recipe = _recipe(checkpoint_steps=1)
    checkpoint = Checkpoint(path=tmp_path / "checkpoint", run="one")
    Loop(_model(recipe), _rows(), recipe).run(checkpoint=checkpoint)

    other = Loop(_model(recipe), _rows(), recipe)
    other.run(checkpoint=Checkpoint(path=checkpoint.path, run="other"))
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-100])
    torn = Loop(_model(recipe), _rows(), recipe)
    torn.run(checkpoint=checkpoint)

    assert (other.resumed_at, torn.resumed_at) == (0, 0)


def test_run_stops_when_held_out_rows_get_no_better_and_keeps_the_best_weights():
    recipe = _recipe(epochs=40, learning_rate=5e-2, held_out=HeldOut(share=0.3, every_steps=2, patience=2))
    held_out = [EncodedRow(prompt=row.prompt, completions=((120,),)) for row in _rows(3)]
    rows = [EncodedRow(prompt=row.prompt, completions=row.completions[:1]) for row in _rows()]
    model = _model(recipe)
    loop = Loop(model, rows, recipe, held_out=held_out)

    course = loop.run()

    losses = [loss for _, loss in course.held_out]
    assert course.steps < loop.planned
    assert losses[-1] > min(losses)
    assert _held_loss(model, recipe, held_out) == pytest.approx(min(losses), rel=1e-5)
