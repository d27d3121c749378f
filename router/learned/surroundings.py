"""What stands around a question, in plain figures by name: its thread, and the passages that a search found."""

import math
import re
from collections.abc import Mapping, Sequence

from knowledge.documents import Passage
from router.queries import refers_back
from router.questions import Question
from router.signals import Signals, read_signals
from router.words import content_words

_DECLINED = re.compile(
    r"\b(?:sorry|unfortunately|(?:do not|don['’]t) (?:have|know)|no (?:information|answer)|cannot answer|not (?:sure|specified|mentioned))\b",
    re.IGNORECASE,
)
_ASKED_BACK = re.compile(r"\?\s*$")
_TOP = 3
_BREADTH = 8


def surroundings(question: Question, passages: Sequence[Passage] | None) -> Mapping[str, float]:
    """The same names for every question; what is not there is 0. `passages` is None where nothing was searched."""
    signals, words = read_signals(question, passages), set(content_words(question.text))
    return {
        **_message(question, signals, words),
        **_thread(question, words),
        **_evidence(signals, passages or (), words),
    }


def _message(question: Question, signals: Signals, words: set[str]) -> Mapping[str, float]:
    return {
        "message_team": signals.team,
        "message_general": signals.general,
        "message_vague": signals.vague,
        "message_social": signals.social,
        "message_refers_back": float(refers_back(question.text)),
        "message_content_words": math.log1p(len(words)),
        "message_no_question": float("?" not in question.text),
    }


def _thread(question: Question, words: set[str]) -> Mapping[str, float]:
    said = [turn.text for turn in question.thread if turn.speaker == "user"]
    answers = [turn.text for turn in question.thread if turn.speaker == "assistant"]
    last = answers[-1] if answers else ""
    return {
        "thread_turns": math.log1p(len(said)),
        "thread_begins": float(not said),
        "thread_declined_last": float(bool(_DECLINED.search(last))),
        "thread_declined": sum(bool(_DECLINED.search(answer)) for answer in answers) / (len(answers) or 1),
        "thread_asked_back": float(bool(_ASKED_BACK.search(last))),
        "thread_answer_length": math.log1p(len(last)) / 8,
        "thread_holds_words": _share(words, last),
        "thread_said_words": _share(words, " ".join(said)),
    }


def _evidence(signals: Signals, passages: Sequence[Passage], words: set[str]) -> Mapping[str, float]:
    best = sorted((passage.similarity for passage in passages), reverse=True)
    first = passages[0] if passages else None
    return {
        "evidence_searched": float(signals.searched),
        "evidence_similarity": signals.similarity,
        "evidence_breadth": signals.breadth,
        "evidence_coverage": signals.coverage,
        # Fused rank and similarity agree on what is best where both rankings do.
        "evidence_agrees": float(first is not None and first.similarity == best[0]),
        "evidence_first": first.similarity if first else 0.0,
        "evidence_first_holds": _share(words, f"{first.title} {first.text}") if first else 0.0,
        "evidence_gap": best[0] - best[1] if len(best) > 1 else 0.0,
        "evidence_falls": best[0] - best[-1] if best else 0.0,
        "evidence_mean": sum(best[:_BREADTH]) / len(best[:_BREADTH]) if best else 0.0,
        "evidence_documents": len({passage.document_id for passage in passages[:_TOP]}) / _TOP,
        "evidence_length": math.log1p(sum(len(passage.text) for passage in passages[:_TOP])) / 8,
    }


def _share(words: set[str], text: str) -> float:
    return len(words & set(content_words(text))) / len(words) if words and text else 0.0
