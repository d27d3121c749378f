"""A recipe: what is trained and how, as a YAML file that stands beside the adapter it made."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.errors import RecipeInvalid

_Share = Annotated[float, Field(ge=0, lt=1)]


class LoraShape(BaseModel):
    """The adapter's shape. vLLM serves ranks up to the `--max-lora-rank` it was started with (16 here)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(default=16, ge=1, le=256)
    alpha: int = Field(default=32, ge=1)
    dropout: _Share = 0.0
    targets: str | list[str] = "all-linear"


class Recipe(BaseModel):
    """How an adapter is trained.

    `start_from` is the folder of an adapter of the same shape to go on from, beside the recipe; else a new one.
    The gradients of `rows_per_step` rows make one step of the optimizer; longer rows than `max_tokens` are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    base_model: str = Field(min_length=1)
    start_from: Path | None = None
    lora: LoraShape = LoraShape()
    learning_rate: float = Field(default=4e-4, gt=0, lt=1)
    warmup: _Share = 0.05
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    epochs: int = Field(default=1, ge=1, le=100)
    seed: int = 0
    max_tokens: int = Field(default=2048, ge=16)
    rows_per_step: int = Field(default=8, ge=1)


def read_recipe(path: Path) -> Recipe:
    """Raises RecipeInvalid, naming the file and the field."""
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise RecipeInvalid(f"The recipe {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeInvalid(f"The recipe {path} is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RecipeInvalid(f"The recipe {path} is wrong at {field}: {first['msg']}") from error
