"""The weighted mean of adapters: `python -m training.averaging --out DIR ADAPTER=WEIGHT…`.

Adapters of one base that go back to a common beginning read better as their mean than each alone ("model soups",
arXiv 2203.05482). The mean is of the weights of A and of B, not of their products.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# safetensors.torch is annotated only in part.

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.adapters import CONFIG, METRICS, RECIPE, WEIGHTS
from training.errors import AdapterRefused, TrainingError


def average(adapters: Mapping[Path, float], out: Path) -> None:
    """Write their mean in the number type of the first one, whose config, recipe and metrics go with it.

    Its canaries are to be recorded anew (`python -m training.greedy`). Raises AdapterRefused for adapters of different
    shapes, and for folders that hold none.
    """
    first, *_ = adapters
    weights = {path: _read(path) for path in adapters}
    shapes = {path: {name: value.shape for name, value in of.items()} for path, of in weights.items()}
    for path in adapters:
        if shapes[path] != shapes[first]:
            raise AdapterRefused(f"{path} and {first} are adapters of different shapes, and have no mean")
    total = sum(adapters.values())
    mean = {
        name: sum(
            (weights[path][name].float() * (share / total) for path, share in adapters.items()), torch.zeros(())
        ).to(value.dtype)
        for name, value in weights[first].items()
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file(mean, out / WEIGHTS, metadata={"format": "pt"})
    for name in (CONFIG, RECIPE, METRICS):
        if (first / name).exists() and not (out / name).exists():
            shutil.copy(first / name, out / name)


def _read(directory: Path) -> dict[str, Tensor]:
    try:
        return load_file(directory / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise AdapterRefused(f"{directory} holds no adapter in the safetensors format") from error


def _share(told: str) -> tuple[Path, float]:
    path, _, share = told.rpartition("=")
    if not path or not share.replace(".", "", 1).isdecimal() or float(share) <= 0:
        raise argparse.ArgumentTypeError(f"“{told}” is not like build/adapter=0.7")
    return Path(path), float(share)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the weighted mean of adapters.")
    parser.add_argument("adapters", nargs="+", type=_share, metavar="ADAPTER=WEIGHT")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    given = parser.parse_args()
    try:
        average(dict(given.adapters), given.out)
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
