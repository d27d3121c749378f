"""A recipe: what is trained and how, as a YAML file that stands beside the adapter it made."""

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from router.validation import first_fault
from training.errors import RecipeInvalid

MAX_RANK = 16
"""What the model server takes: the `--max-lora-rank` that bot.model_server and deploy/compose.yaml start it with."""
NOT_COMPILED = (re.error, OverflowError, RecursionError)
"""What `re` raises for an expression that it cannot compile."""
_Share = Annotated[float, Field(ge=0, lt=1)]


class LoraShape(BaseModel):
    """The adapter's shape.

    `rslora` divides by the rank's square root instead of the rank (arXiv 2312.03732), which suits large ranks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    rslora: bool = False
    dropout: _Share = 0.0
    targets: str | list[str] = "all-linear"

    @field_validator("rank")
    @classmethod
    def _can_be_served(cls, rank: int) -> int:
        if rank > MAX_RANK:
            raise ValueError(f"the model server takes up to {MAX_RANK}")
        return rank


class Preference(BaseModel):
    """How `dpo` and `kto` weigh what people preferred.

    `beta` holds the adapter to the one it starts from: the larger, the closer. `liked` and `disliked` are the
    weights of the two kinds of rows in `kto`, for data that hold more of one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    beta: float = Field(default=0.1, gt=0)
    liked: float = Field(default=1.0, gt=0)
    disliked: float = Field(default=1.0, gt=0)


class HeldOut(BaseModel):
    """Rows that are not learnt from: their loss tells when to stop, and the adapter is the one with the least.

    It is measured every `every_steps` steps; after `patience` times without a lower one the run stops.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(gt=0, le=0.5)
    every_steps: int = Field(default=25, ge=1)
    patience: int = Field(default=3, ge=1)


class Rehearsal(BaseModel):
    """What a night's rows hold beside what the team taught (see training.night).

    `rewordings` are other ways to ask each corrected question; `grounded` and `general` how many rows there are of
    answering from passages, and of answering as the adapter does that the night starts from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rewordings: int = Field(default=12, ge=0)
    grounded: int = Field(default=120, ge=0)
    general: int = Field(default=60, ge=0)


class Recipe(BaseModel):
    """How an adapter is trained.

    `method` is what the rows are: `sft` imitates completions, `dpo` learns from pairs, `kto` from single votes.
    `start_from` is the folder of an adapter of the same shape to go on from, beside the recipe; else a new one.
    `trainable_layers` is a regular expression, like peft's `target_modules`, for the whole name of a layer: of the adapter's
    layers those learn that it names, and the others stay as they are at the start.
    `four_bit` keeps the base model's weights in 4 bits (QLoRA, arXiv 2305.14314), which needs bitsandbytes.
    The gradients of `rows_per_step` rows make one step of the optimizer; longer rows than `max_tokens` are left out.
    `gradient_checkpointing` computes activations twice instead of keeping them, where memory is short.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    base_model: str = Field(min_length=1)
    method: Literal["sft", "dpo", "kto"] = "sft"
    start_from: Path | None = None
    lora: LoraShape = LoraShape()
    trainable_layers: str = ".*"
    four_bit: bool = False
    preference: Preference = Preference()
    rehearsal: Rehearsal = Rehearsal()
    held_out: HeldOut | None = None
    learning_rate: float = Field(default=4e-4, gt=0, lt=1)
    warmup: _Share = 0.05
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    epochs: int = Field(default=1, ge=1, le=100)
    seed: int = 0
    max_tokens: int = Field(default=2048, ge=16)
    rows_per_step: int = Field(default=8, ge=1)
    gradient_checkpointing: bool = False
    checkpoint_steps: int = Field(default=20, ge=1)

    @field_validator("trainable_layers")
    @classmethod
    def _can_be_matched(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except NOT_COMPILED as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _can_estimate(self) -> "Recipe":
        if self.method == "kto" and self.rows_per_step == 1:
            # Its reference point is a mean over the rows of a step, none of which is its own stranger.
            raise ValueError("kto needs rows_per_step of at least 2")
        return self


def read_recipe(path: Path) -> Recipe:
    """Raises RecipeInvalid, naming the file and the field."""
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise RecipeInvalid(f"The recipe {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecipeInvalid(f"The recipe {path} is not UTF-8") from error
    except yaml.YAMLError as error:
        raise RecipeInvalid(f"The recipe {path} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise RecipeInvalid(f"The recipe {path} is wrong at {first_fault(error, whole='the file')}") from error
