"""The door to safetensors: names and shapes of the weights in a file, without reading the weights."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# safe_open is compiled and has no annotations.

from pathlib import Path

from safetensors import SafetensorError, safe_open

from training.errors import AdapterRefused


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Raises AdapterRefused when the file is not in the safetensors format, whatever its name says."""
    try:
        with safe_open(path, framework="numpy") as weights:
            return {str(name): tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise AdapterRefused(f"{path.name} is not in the safetensors format") from error
