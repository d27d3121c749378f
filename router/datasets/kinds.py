"""Kinds of messages: small talk, requests for a sum, a spelling or a translation, and all others.

CLINC150's requests, questions of an encyclopedia, and words to search for out of these.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from router.datasets import clinc150
from router.datasets.examples import read_examples
from router.words import content_words, tokens

OTHER, TASK = "other", "task"
OF_INTENT = {
    "greeting": "greeting",
    "goodbye": "bye",
    "thank_you": "thanks",
    # Not definitions: a team's own words are defined in its documents.
    **dict.fromkeys(("calculator", "measurement_conversion", "spelling", "translate"), TASK),
}
# They answer something that was said before, and are small talk or not by that.
ANSWERS = frozenset({"yes", "no", "maybe", "cancel", "repeat"})
_PARTS = frozenset({"train", "oos_train"})
# Of all others, so many times as much will do.
_EVERY = 3


def convert(data: Path) -> Iterator[Mapping[str, object]]:
    """Of CLINC150 the part to train on; `data` is the folder of both sets. Raises ExamplesUnreadable."""
    requests = [row for row in clinc150.convert(data / "clinc150") if row["split"] in _PARTS]
    for row in requests:
        if label := OF_INTENT.get(str(row["label"])):
            yield {"question": row["question"], "label": label}
    others = [row for row in requests if row["label"] not in {*OF_INTENT, *ANSWERS}]
    for row in others[::_EVERY]:
        yield {"question": row["question"], "label": OTHER}
    for number, example in enumerate(read_examples(data / "routing-wiki" / "routing.jsonl")[::_EVERY]):
        yield {"question": example.question.text, "label": OTHER}
        # As people write them who only search: one to three words.
        said = [token.lower() for token in tokens(example.question.text) if content_words(token)]
        if said:
            yield {"question": " ".join(said[-1 - number % 3 :]), "label": OTHER}
