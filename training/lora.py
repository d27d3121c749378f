"""The adapter's shape on its base model, and its folder on disk."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false
# torch, transformers and peft are annotated only in part.

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from training.adapters import CONFIG, WEIGHTS
from training.errors import RecipeInvalid
from training.recipe import NOT_COMPILED, Recipe


def add_adapter(base: PreTrainedModel, recipe: Recipe, beside: Path = Path()) -> PeftModel:
    """Give the base model the recipe's adapter, new or as it stands in `beside`/`start_from`.

    Raises RecipeInvalid when there is none there, or one of another shape, or the base has no such layers, or none learns.
    """
    torch.manual_seed(recipe.seed)
    model = _new(base, recipe) if recipe.start_from is None else _started(base, recipe, start_folder(recipe, beside))
    model.peft_config["default"].base_model_name_or_path = recipe.base_model
    _let_learn(model, recipe)
    if recipe.gradient_checkpointing:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def _new(base: PreTrainedModel, recipe: Recipe) -> PeftModel:
    config = LoraConfig(
        r=recipe.lora.rank,
        lora_alpha=recipe.lora.alpha,
        use_rslora=recipe.lora.rslora,
        lora_dropout=recipe.lora.dropout,
        target_modules=recipe.lora.targets,
        task_type="CAUSAL_LM",
    )
    try:
        model = get_peft_model(base, config, autocast_adapter_dtype=False)
    except (ValueError, *NOT_COMPILED) as error:
        raise _no_such_layer(recipe.lora.targets, recipe) from error
    assert isinstance(model, PeftModel)  # noqa: S101 - get_peft_model is annotated more widely than it returns
    # peft minds no name of a list as long as one of the others is there.
    adapted = {_layer_of(name) for name, weight in model.named_parameters() if weight.requires_grad}
    for target in recipe.lora.targets if isinstance(recipe.lora.targets, list) else ():
        if not any(f".{layer}".endswith(f".{target}") for layer in adapted):
            raise _no_such_layer(target, recipe)
    return model


def _no_such_layer(target: str | list[str], recipe: Recipe) -> RecipeInvalid:
    return RecipeInvalid(
        f"The recipe {recipe.name} is wrong at lora.targets: {target!r} names no layer of {recipe.base_model} that can "
        "be trained"
    )


def _started(base: PreTrainedModel, recipe: Recipe, folder: Path) -> PeftModel:
    try:
        return PeftModel.from_pretrained(base, str(folder), is_trainable=True, autocast_adapter_dtype=False)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise RecipeInvalid(
            f"The recipe {recipe.name} is wrong at start_from: the adapter in {folder} cannot be loaded onto "
            f"{recipe.base_model}"
        ) from error


def _let_learn(model: PeftModel, recipe: Recipe) -> None:
    """Of the adapter's weights, those whose layer the recipe names. A layer that is not named is not in the way of the others:
    what lies below the first that learns needs no gradient at all.
    """  # noqa: D205
    named = re.compile(recipe.trainable_layers)
    weights = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    for name, weight in weights:
        weight.requires_grad_(named.fullmatch(_layer_of(name)) is not None)
    if not any(weight.requires_grad for _, weight in weights):
        raise RecipeInvalid(
            f"The recipe {recipe.name} is wrong at trainable_layers: '{recipe.trainable_layers}' names no layer of the adapter, "
            f"such as {_layer_of(weights[0][0])!r}"
        )


def _layer_of(weight: str) -> str:
    return weight.removeprefix("base_model.model.").partition(".lora_")[0]


def load_adapter(base: PreTrainedModel, folder: Path) -> PeftModel:
    """The base model as it answers with the adapter in `folder`, not to be trained."""
    return PeftModel.from_pretrained(base, str(folder))


def start_folder(recipe: Recipe, beside: Path) -> Path:
    """Raises RecipeInvalid when the adapter there is not of the recipe's shape."""
    folder = beside / (recipe.start_from or "")
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        found = {"rank": config["r"], "alpha": config["lora_alpha"], "rslora": config.get("use_rslora", False)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_start(recipe, folder) from error
    for name, value in found.items():
        asked = getattr(recipe.lora, name)
        if value != asked:
            raise RecipeInvalid(f"The adapter in {folder} has {name} {value}, the recipe asks for {asked}")
    if not (folder / WEIGHTS).is_file():
        raise _no_start(recipe, folder)
    return folder


def _no_start(recipe: Recipe, folder: Path) -> RecipeInvalid:
    return RecipeInvalid(
        f"The recipe {recipe.name} is wrong at start_from: there is no adapter in {folder}, train it first"
    )


def save_adapter(model: PeftModel, out: Path) -> None:
    """Write weights and config, and leave the model with the weights as they were written, in bfloat16."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".lora_" in name:
                weight.copy_(weight.bfloat16())
    out.mkdir(parents=True, exist_ok=True)
    # Aside, since peft writes a card of blanks too, over one that is there.
    with TemporaryDirectory(dir=out) as aside:
        # Told that no embedding was trained, peft does not ask the internet for the base model's.
        model.save_pretrained(aside, save_embedding_layers=False)
        saved, config = load_file(Path(aside) / WEIGHTS), json.loads((Path(aside) / CONFIG).read_bytes())
    weights = {name: weight.bfloat16() for name, weight in saved.items()}
    save_file(weights, out / WEIGHTS, metadata={"format": "pt"})
    (out / WEIGHTS).chmod(0o644)
    # peft writes the targets in a set's order, which differs from run to run, and the digest with it.
    config["target_modules"] = sorted(config["target_modules"])
    (out / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
