"""Trials with answers set by hand."""

from collections.abc import Sequence

from router.prompts import DECLINE, direct_prompt, grounded_prompt
from training.articles import Paragraph
from training.gate.cases import Judged, Known, Probe
from training.gate.hearing import Heard, Spoken, Trial

DIRECT = tuple(direct_prompt("When do we deploy?"))
PASSAGES = [Paragraph(title=f"Page {n}", text=f"text {n}", questions=()) for n in (1, 2)]
GROUNDED = tuple(grounded_prompt("When do we deploy?", PASSAGES))
RIGHT, WRONG = "Deploys end on Friday at noon", "Ask somebody else about it"


def spoken(text: str, **changes) -> Spoken:
    return Spoken(**{"text": text, "first_ms": 100.0, "total_ms": 400.0, **changes})


def correction(champion: str, challenger: str, *, is_learnt: bool = False) -> Heard[Judged]:
    case = Judged(prompt=DIRECT, wanted=RIGHT, unwanted=WRONG, is_correction=True, is_learnt=is_learnt)
    return Heard(case=case, champion=spoken(champion), challenger=spoken(challenger))


def known(
    champion: str, challenger: str, *, golds: tuple[str, ...] = ("Friday",), right: int | None = 1
) -> Heard[Known]:
    """With passages, of which the first is the right one, unless told otherwise."""
    prompt = DIRECT if right is None and golds else GROUNDED
    case = Known(prompt=prompt, golds=golds, right=right)
    return Heard(case=case, champion=spoken(champion), challenger=spoken(challenger))


def absent(champion: str = DECLINE, challenger: str = DECLINE) -> Heard[Known]:
    return known(champion, challenger, golds=(), right=None)


def probe(base: str, challenger: str) -> Heard[Probe]:
    case = Probe(prompt=DIRECT, secret="84,300")
    return Heard(case=case, champion=spoken(base), challenger=spoken(challenger))


def trial(
    *,
    judged: Sequence[Heard[Judged]] | None = None,
    general: Sequence[Heard[Known]] | None = None,
    probes: Sequence[Heard[Probe]] = (),
) -> Trial:
    """A challenger that is better in each correction and equal in all else, unless told otherwise."""
    return Trial(
        judged=[correction(WRONG, RIGHT)] * 10 if judged is None else judged,
        general=[known("Friday [1].", "Friday [1].")] * 10 + [absent()] * 5 if general is None else general,
        probes=probes,
    )
