"""Keeps a prompt inside the model's window: passages, thread and question are cut, in that order of harm."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from knowledge.documents import Passage
from router.excerpts import excerpt, without_link_targets
from router.prompts import ChatMessage, apart_prompts, direct_prompt, foretold, grounded_prompt
from router.questions import Question
from router.settings import RouterSettings

_WORD = re.compile(r"[A-Za-z]+|\s+|.", re.DOTALL)
_LETTERS_PER_TOKEN = 4
# Longer words are rather keys, names in code or random letters, of which a token holds little more than one.
_ORDINARY_WORD = 12
# Chat templates wrap each message, and add a default system prompt.
_TOKENS_AROUND = 60
_TURN_CHARS = 800
_TURNS = 8
# Less of a passage would rather mislead.
_LEAST_EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A prompt that fits, with the passages that are still in it, and how much of the question is.

    `apart` holds a prompt for each passage, where they are to be read by themselves.
    """

    prompt: list[ChatMessage]
    question_chars: int
    passages: tuple[Passage, ...] = ()
    apart: tuple[list[ChatMessage], ...] = ()


def tokens_of(text: str) -> int:
    """An upper estimate for byte-level BPE of ordinary text.

    A word of up to 12 letters is a token for each four, a longer one a token a letter, anything else a token a byte.
    """
    total = 0
    for piece in _WORD.findall(text):
        if piece.isspace():
            total += max(0, len(piece) - 1)
        elif piece.isascii() and piece.isalpha():
            total += -(-len(piece) // _LETTERS_PER_TOKEN) if len(piece) <= _ORDINARY_WORD else len(piece)
        else:
            total += len(piece.encode("utf-8", "replace"))
    return total


def fit_grounded(question: Question, passages: Sequence[Passage], settings: RouterSettings) -> Fitted:
    """As many of the first passages as fit: the best one whole, of the others what speaks to the question.

    The thread goes where beside it too little would be left of the best one.
    """
    budget = _budget(settings)
    text = _cut(question.text, budget // 2, _size_asked)
    shown = _read_for(text, passages[: settings.prompt_passages], settings)
    thread = question.thread
    while True:
        titled = [replace(each, title=each.heading) for each in shown]
        prompt = grounded_prompt(text, titled, thread)
        if _size(prompt) <= budget or not (shown or thread):
            return Fitted(
                prompt=prompt,
                question_chars=len(text),
                passages=tuple(shown),
                apart=apart_prompts(text, titled, thread) if settings.read_apart else (),
            )
        half = len(shown[0].text) // 2 if shown else 0
        if len(shown) > 1:
            shown.pop()
        elif thread and half < _LEAST_EXCERPT_CHARS:
            thread = ()
        else:
            shown = [replace(shown[0], text=shown[0].text[:half])] if half else []


def _read_for(question: str, passages: Sequence[Passage], settings: RouterSettings) -> list[Passage]:
    texts = [without_link_targets(passage.text)[: settings.passage_max_chars] for passage in passages]
    left = settings.prompt_chars - sum(len(text) for text in texts[:1])
    share = max(_LEAST_EXCERPT_CHARS, left // max(1, len(texts) - 1))
    further = [excerpt(text, question, most_chars=share) for text in texts[1:]]
    return [replace(passage, text=text) for passage, text in zip(passages, [*texts[:1], *further], strict=True)]


def fit_direct(question: Question, settings: RouterSettings, *, taught: str = "") -> Fitted:
    """As much of the thread's end as fits, beside the question and the words in which it was taught."""
    budget = _budget(settings)
    text = _cut(question.text, budget - tokens_of(direct_prompt("")[0]["content"]), tokens_of)
    turns = [replace(turn, text=turn.text[:_TURN_CHARS]) for turn in question.thread[-_TURNS:]]
    while turns and _size(direct_prompt(text, turns, taught=taught)) > budget:
        turns.pop(0)
    if _size(direct_prompt(text, turns, taught=taught)) > budget:
        taught = ""
    return Fitted(prompt=direct_prompt(text, turns, taught=taught), question_chars=len(text))


def _budget(settings: RouterSettings) -> int:
    return settings.model_window_tokens - settings.answer_max_tokens - _TOKENS_AROUND


def _size(prompt: Sequence[ChatMessage]) -> int:
    return sum(tokens_of(message["content"]) for message in prompt)


def _size_asked(text: str) -> int:
    """A question's beginning stands before the passages too."""
    return tokens_of(foretold(text)) + tokens_of(text)


def _cut(text: str, most_tokens: int, size: Callable[[str], int]) -> str:
    """The longest beginning of at most `most_tokens`, whose size that of a longer one never undercuts."""
    fitting = bisect_right(range(1, len(text) + 1), most_tokens, key=lambda chars: size(text[:chars]))
    return text[:fitting]
