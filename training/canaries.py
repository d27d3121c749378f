"""Canaries: prompts with what the trained adapter said to them in the trainer, greedily.

vLLM serves an adapter whose module names it does not know as the base model, without a word. So an adapter
goes into service only once the model server says what the trainer heard, where that differs from the base.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from router.prompts import ChatMessage, direct_prompt, grounded_prompt
from training.errors import AdapterRefused, CanaryFailed
from training.rows import Message

CANARY_TOKENS = 24
# bfloat16 products differ between trainer and server: a close choice may fall the other way later in an answer.
_COMPARED_WORDS = 4
_AGREEING_SHARE = 2 / 3


class Canary(BaseModel):
    """`expected` is the adapter's own answer of at most CANARY_TOKENS tokens."""

    prompt: list[Message]
    expected: str

    @property
    def messages(self) -> list[ChatMessage]:
        return [{"role": message.role, "content": message.content} for message in self.prompt]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    title: str
    text: str


_BRIDGE = _Text(
    title="Alder Bridge", text="Alder Bridge was opened in 1907. It is 212 metres long and carries two lanes."
)
_MILL = _Text(
    title="Corn mill", text="The mill was built by Edith Marlow, a miller's daughter, and burnt down in 1888."
)
_LIBRARY = _Text(
    title="Library rules",
    text="## Loans\n\n- Books: four weeks\n- Films: one week\n\nA late book costs 20 pence a day. Ask at the green desk.",
)


def canary_prompts() -> list[list[ChatMessage]]:
    return [
        grounded_prompt("When was the bridge opened?", [_MILL, _BRIDGE, _LIBRARY]),
        grounded_prompt("Who built the mill?", [_MILL, _LIBRARY, _BRIDGE]),
        grounded_prompt("How long may I keep a film?", [_BRIDGE, _MILL, _LIBRARY]),
        grounded_prompt("What does a late book cost?", [_LIBRARY, _BRIDGE]),
        grounded_prompt("How tall is the lighthouse?", [_BRIDGE, _MILL, _LIBRARY]),
        direct_prompt("What is the capital of France?"),
        direct_prompt("Write a short greeting for a new colleague."),
    ]


def read_canaries(path: Path) -> list[Canary]:
    try:
        return _CANARIES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise AdapterRefused(
            f"The adapter has no readable {path.name}: write it with python -m training.greedy --adapter DIR"
        ) from error


def write_canaries(path: Path, canaries: Sequence[Canary]) -> None:
    path.write_bytes(_CANARIES.dump_json(list(canaries), indent=2) + b"\n")


def check(canaries: Sequence[Canary], served: Sequence[str], base: Sequence[str]) -> None:
    """Compare what the server said with the adapter, and without it. Raises CanaryFailed."""
    telling = [
        (canary.expected, answer)
        for canary, answer, plain in zip(canaries, served, base, strict=True)
        if not _alike(canary.expected, plain)
    ]
    if not telling:
        raise CanaryFailed("The adapter answers every canary as the base model does, so it cannot be told to be loaded")
    agreeing = sum(_alike(expected, answer) for expected, answer in telling)
    if agreeing < _AGREEING_SHARE * len(telling):
        raise CanaryFailed(
            f"The model server gives {agreeing} of {len(telling)} canary answers as the adapter was trained to: "
            "it was loaded wrongly, or onto another base model"
        )


def _alike(left: str, right: str) -> bool:
    return left.split()[:_COMPARED_WORDS] == right.split()[:_COMPARED_WORDS]


_CANARIES: TypeAdapter[list[Canary]] = TypeAdapter(list[Canary])
