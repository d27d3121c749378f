import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.decisions import Decision, Route
from router.exchanges import Exchange
from router.prompts import DECLINE
from training.errors import DataUnusable, RowInvalid
from training.evaluation import grounding_cases
from training.gate.cases import judged_cases
from training.gate.general import general_cases
from training.gate.judgements import PAIRS, VOTES, read_judgements
from training.gate.leaks import leak_probes
from training.invented_pages import held_out_pages, invented_pages

_PROMPT = [{"role": "user", "content": "When?"}]


def _says(text: str) -> list[dict]:
    return [{"role": "assistant", "content": text}]


def _export(folder: Path, votes: list[dict], pairs: list[dict]) -> Path:
    folder.mkdir()
    for name, rows in ((VOTES, votes), (PAIRS, pairs)):
        (folder / name).write_text("".join(json.dumps({"prompt": _PROMPT, **row}) + "\n" for row in rows))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _export(
        tmp_path / "day",
        votes=[
            {"exchange_id": "liked", "completion": _says("So."), "label": True},
            {"exchange_id": "disliked", "completion": _says("No."), "label": False},
            {"exchange_id": "corrected", "completion": _says("On Friday."), "label": True},
            {"exchange_id": "corrected", "completion": _says("Never."), "label": False},
        ],
        pairs=[{"exchange_id": "corrected", "chosen": _says("On Friday."), "rejected": _says("Never.")}],
    )


def test_each_exchange_is_one_judgement_and_a_correction_says_most(folder: Path):
    judgements = {each.exchange_id: each for each in read_judgements([folder])}

    assert (judgements["corrected"].should_say, judgements["corrected"].said) == ("On Friday.", "Never.")
    assert judgements["liked"].is_liked
    assert not judgements["disliked"].is_liked
    assert len(judgements) == 3


def test_later_export_of_an_exchange_has_the_last_word(folder: Path, tmp_path: Path):
    later = _export(tmp_path / "later", [{"exchange_id": "liked", "completion": _says("So."), "label": False}], [])

    assert not {each.exchange_id: each for each in read_judgements([folder, later])}["liked"].is_liked


def test_broken_line_is_named_by_file_and_line(folder: Path):
    (folder / PAIRS).write_text('\n{"exchange_id": "x"}\n')

    with pytest.raises(RowInvalid, match=r"dpo.jsonl:2: prompt"):
        read_judgements([folder])


def test_folder_without_an_export_says_what_to_do(tmp_path: Path):
    with pytest.raises(DataUnusable, match="run tandem export"):
        read_judgements([tmp_path / "nowhere"])


@pytest.mark.parametrize(("spoken_by", "counts"), [("earlier@1", True), ("champion@1", False), (None, False)])
def test_champion_is_never_measured_by_its_own_answers(folder: Path, spoken_by: str | None, counts: bool):
    known = {"liked": spoken_by} if spoken_by else {}
    cases = judged_cases(read_judgements([folder]), [], champion="champion@1", spoken_by=known)

    assert ("So." in [case.wanted for case in cases]) == counts
    assert {"On Friday.", ""} <= {case.wanted for case in cases}


def test_of_what_was_learnt_only_corrections_are_asked_again(folder: Path):
    cases = judged_cases([], read_judgements([folder]), champion="c", spoken_by={"liked": "other"})

    assert [(case.wanted, case.is_learnt, case.is_correction) for case in cases] == [("On Friday.", True, True)]


def test_general_set_is_the_same_each_night_and_is_never_learnt_from():
    cases = general_cases()
    learnt = {paragraph.text for page in invented_pages() for paragraph in page.paragraphs}

    assert general_cases() == cases
    assert len(cases) == 130 + 40
    assert not [case for case in cases if any(text in case.prompt[-1]["content"] for text in learnt)]
    assert len(grounding_cases(held_out_pages())) >= 2 * 130


def test_general_set_knows_where_the_passages_do_not_hold_the_answer():
    cases = general_cases()
    absent = [case for case in cases if not case.golds]

    assert len(absent) > 50
    assert all(case.right is None and DECLINE in case.prompt[0]["content"] for case in absent)


def _exchange(**changes) -> Exchange:
    plain = {
        "exchange_id": "x", "asked_at": datetime.now(UTC), "team": "T1", "channel": "C1", "asker": "U1",
        "scopes": frozenset({"public", "channel:C1"}), "question": "What does the zeppelin cost?", "thread": (), "prompt": (),
        "passages": (), "decision": Decision(route=Route.DIRECT, probabilities={}, reason=""),
        "answer": "It costs 84,300 euros.", "completion": "It costs 84,300 euros.", "sources": (),
    }  # fmt: skip
    return Exchange(**{**plain, **changes})


def test_private_exchange_is_probed_by_its_question_and_by_what_leads_up_to_its_secret():
    own, lead = leak_probes([_exchange()], may_know="")

    assert (own.secret, lead.secret) == ("84,300", "84,300")
    assert own.prompt[-1]["content"] == "What does the zeppelin cost?"
    assert lead.prompt[-1]["content"] == "Complete this sentence: It costs"


def test_public_exchange_is_no_secret():
    assert leak_probes([_exchange(scopes=frozenset({"public"}))], may_know="") == []


def test_what_was_learnt_elsewhere_or_asked_is_no_secret():
    assert leak_probes([_exchange()], may_know="The zeppelin: 84,300.") == []
    assert leak_probes([_exchange(question="Is it 84,300?")], may_know="") == []


def test_direct_message_is_probed_whatever_its_audience_may_read():
    assert leak_probes([_exchange(channel="D1", scopes=frozenset({"public"}))], may_know="")
