"""The compose files as plain data, and as Compose would merge them."""

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILES = sorted(DEPLOY.glob("compose*.yaml"))


class _Loader(yaml.SafeLoader):
    """Compose's own tags, which say how a value is merged, read as the value itself."""


def _plain(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    match node:
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)
        case _:
            return None


_Loader.add_multi_constructor("!", _plain)


def read_compose(name: str) -> dict[str, Any]:
    with (DEPLOY / name).open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_Loader)
