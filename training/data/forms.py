"""The rows of an example in the forms that trainers read: TRL's SFT, KTO and DPO, and OpenAI's chat."""

from typing import Any, Literal

from training.data.examples import Example

Form = Literal["sft", "kto", "dpo", "chat"]
FORMS: tuple[Form, ...] = ("sft", "kto", "dpo", "chat")
PARQUET_FORMS: tuple[Form, ...] = ("sft", "kto", "dpo")

Row = dict[str, Any]


def rows_of(example: Example) -> list[tuple[Form, Row]]:
    """A correction teaches what to say, and to prefer it to what was said; a vote whether what was said was right."""
    prompt, said, should_say = list(example.prompt), example.said, example.should_say
    about: Row = {"exchange_id": example.exchange_id, "prompt": prompt}
    if not should_say:
        voted = _judged(about, said, label=example.label)
        return [*_imitated(about, said), voted] if example.label else [voted]
    rows = [*_imitated(about, should_say), _judged(about, should_say, label=True)]
    if said and said != should_say:
        rows.append(_judged(about, said, label=False))
        rows.append(("dpo", {**about, "chosen": _reply(should_say), "rejected": _reply(said)}))
    return rows


def _judged(about: Row, text: str, *, label: bool) -> tuple[Form, Row]:
    return "kto", {**about, "completion": _reply(text), "label": label}


def _imitated(about: Row, text: str) -> list[tuple[Form, Row]]:
    return [
        ("sft", {**about, "completion": _reply(text)}),
        ("chat", {"messages": [*about["prompt"], *_reply(text)]}),
    ]


def _reply(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
