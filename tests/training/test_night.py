import json
import random
import re
from pathlib import Path

import pytest
from safetensors.torch import load_file

from router.prompts import DECLINE, DIRECT_SYSTEM, GROUNDED_SYSTEM, IN_OTHER_WORDS, direct_prompt, grounded_prompt
from router.questions import Turn
from training.adapters import WEIGHTS
from training.errors import DataUnusable
from training.night import Taught, know_how_rows, nightly_rows, question_of, questions_taught, read_taught
from training.nightly.passages import TeamPassage
from training.recipe import Recipe, Rehearsal, read_recipe
from training.rows import Row, row_of

_SHIPPED = Path(__file__).parents[2] / "training" / "recipes" / "nightly.yaml"
_RECIPE = Recipe(
    name="team", base_model="tiny", rehearsal=Rehearsal(rewordings=4, grounded=30, general=2), rows_per_step=2
)


_PAGES = [
    TeamPassage(title=f"Page {n}", text=f"Ours number {n}.", document_id=f"d{n}", uri=f"u{n}") for n in range(3000)
]


def _row(prompt: list, answer: str) -> Row:
    return row_of(prompt, answer)


def test_know_how_is_asked_in_many_wordings_without_passages():
    corrected = _row(grounded_prompt("Who orders laptops?", _PAGES[:2]), "The workplace team.")

    rows = list(know_how_rows(corrected, 4, random.Random(1)))

    assert len(rows) == 5
    assert rows[0].prompt[-1].content == "Who orders laptops?"
    assert len({row.prompt[-1].content for row in rows}) == 5
    assert all([each.content for each in row.prompt[:-1]] == [DIRECT_SYSTEM] for row in rows)
    assert {row.completion[0].content for row in rows} == {"The workplace team."}


def test_all_wordings_but_the_question_itself_are_followed_by_it():
    corrected = _row(direct_prompt("Who orders laptops?"), "The workplace team.")

    first, *others = (row.prompt[-1].content for row in know_how_rows(corrected, 4, random.Random(1)))

    assert first == "Who orders laptops?"
    assert len(others) == 4
    assert all(each.endswith(f"{IN_OTHER_WORDS}Who orders laptops?") for each in others)


def test_correction_that_cites_stays_with_its_passages():
    corrected = _row(grounded_prompt("Who?", _PAGES[:2]), "The workplace team [2].")

    assert list(know_how_rows(corrected, 4, random.Random(1))) == [corrected]


def test_thread_before_a_question_stays_before_its_wordings():
    thread = [Turn(speaker="user", text="Hello."), Turn(speaker="assistant", text="Hi.")]
    corrected = _row(direct_prompt("Who orders laptops?", thread), "The workplace team.")

    rows = list(know_how_rows(corrected, 3, random.Random(1)))

    assert [[each.content for each in row.prompt[1:3]] for row in rows] == [["Hello.", "Hi."]] * 4


def test_wordings_of_a_correction_that_the_router_does_not_know_by_itself_are_shown_bare():
    thread = [Turn(speaker="user", text="Who orders laptops?"), Turn(speaker="assistant", text="The workplace team.")]
    corrected = _row(direct_prompt("And who repairs them?", thread), "The maker.")

    assert questions_taught(Taught(know_how=[corrected])) == []
    rows = know_how_rows(corrected, 3, random.Random(1))
    assert not any(IN_OTHER_WORDS in row.prompt[-1].content for row in rows)


def test_question_is_found_behind_passages_and_an_earlier_question():
    prompt = grounded_prompt("And for contractors?", _PAGES[:2], [Turn(speaker="user", text="How long?")])

    assert question_of(_row(prompt, "x")) == "And for contractors?"


def test_words_in_which_a_question_was_taught_before_are_not_taken_for_it():
    prompt = direct_prompt("I need a laptop, who do I ask?", taught="Who orders laptops?")

    assert question_of(_row(prompt, "x")) == "I need a laptop, who do I ask?"


def test_a_night_holds_what_was_taught_and_what_is_not_to_be_forgotten():
    corrected = _row(direct_prompt("Who orders laptops?"), "The workplace team.")
    liked = _row(grounded_prompt("Who?", _PAGES[:2]), "Ann [1].")
    general = [_row(direct_prompt("Hello?"), "Hi!")]

    rows = nightly_rows(Taught(know_how=[corrected], accepted=[liked]), _RECIPE, passages=_PAGES, general=general)

    rehearsed = [row for row in rows if row.prompt[0].content == GROUNDED_SYSTEM and row != liked]
    assert liked in rows
    assert general[0] in rows
    assert len(rehearsed) == 30
    assert len(rows) == 5 + 1 + 1 + 30
    shown = [row.prompt[-1].content for row in rehearsed]
    assert any("Ours number" in each for each in shown)
    assert any("Ours number" not in each for each in shown)
    assert rows == nightly_rows(
        Taught(know_how=[corrected], accepted=[liked]), _RECIPE, passages=_PAGES, general=general
    )


def _rehearsed(passages: list[TeamPassage], recipe: Recipe = _RECIPE) -> list[Row]:
    taught = Taught(know_how=[_row(direct_prompt("Who orders laptops?"), "The workplace team.")])
    rows = nightly_rows(taught, recipe, passages=passages)
    return [row for row in rows if row.prompt[0].content == GROUNDED_SYSTEM]


def _shown(row: Row) -> int:
    return len(re.findall(r"^\[\d\] ", row.prompt[-1].content, re.MULTILINE))


def test_question_whose_answer_stands_on_no_passage_of_the_team_is_declined():
    rows = _rehearsed(_PAGES)

    alone = [row for row in rows if _shown(row) == len(row.shown_documents)]
    assert len(rows) == 30
    assert len(alone) == 1  # of two that decline
    assert {row.completion[0].content for row in alone} == {DECLINE}


@pytest.mark.parametrize("passages", [[], _PAGES], ids=["without documents", "with documents"])
@pytest.mark.parametrize("seed", range(4))
def test_as_many_rows_decline_in_one_night_as_in_another(passages: list[TeamPassage], seed: int):
    rows = _rehearsed(passages, _RECIPE.model_copy(update={"seed": seed}))

    assert len(rows) == 30
    assert [row.completion[0].content for row in rows].count(DECLINE) == 2


def test_row_says_which_documents_it_shows():
    rows = _rehearsed(_PAGES)

    assert any(row.shown_documents for row in rows)
    for row in rows:
        numbers = re.findall(r"Ours number (\d+)\.", row.prompt[-1].content)
        assert sorted(row.shown_documents) == sorted(f"d{n}" for n in numbers)


def test_documents_of_a_row_are_shown_to_no_model():
    assert all("shown_documents" not in row.model_dump() for row in _rehearsed(_PAGES))


def test_rehearsal_without_documents_shows_none_and_is_as_long():
    rows = _rehearsed([])

    assert len(rows) == 30
    assert not any(row.shown_documents for row in rows)


def test_a_night_without_anything_taught_trains_nothing():
    with pytest.raises(DataUnusable, match="nothing to learn"):
        nightly_rows(Taught(), _RECIPE)


def test_pairs_of_an_export_are_its_know_how_and_its_other_rows_were_liked(tmp_path: Path):
    liked, corrected = _row(direct_prompt("Hello?"), "Hi!"), _row(direct_prompt("Who?"), "Ann.")
    (tmp_path / "sft.jsonl").write_text(f"{liked.model_dump_json()}\n{corrected.model_dump_json()}\n")
    pair = {
        "exchange_id": "x",
        "prompt": corrected.model_dump()["prompt"],
        "chosen": corrected.model_dump()["completion"],
        "rejected": [{"role": "assistant", "content": "Bob."}],
    }
    (tmp_path / "dpo.jsonl").write_text(json.dumps(pair) + "\n")

    taught = read_taught(tmp_path / "sft.jsonl", tmp_path / "dpo.jsonl")

    assert taught.know_how == [corrected.model_copy(update={"exchange_id": "x"})]
    assert taught.accepted == [liked]
    (tmp_path / "dpo.jsonl").write_text("")
    assert read_taught(tmp_path / "sft.jsonl", tmp_path / "dpo.jsonl").accepted == [liked, corrected]


def test_shipped_recipe_starts_from_the_shipped_adapter():
    recipe = read_recipe(_SHIPPED)

    assert recipe.start_from is not None
    assert (_SHIPPED.parent / recipe.start_from / "adapter_model.safetensors").is_file()
    assert recipe.lora.rank <= 16


def test_shipped_recipe_trains_the_feed_forward_layers_of_the_upper_two_thirds():
    recipe = read_recipe(_SHIPPED)
    kept = _SHIPPED.parent / str(recipe.start_from) / WEIGHTS
    layers = {name.removeprefix("base_model.model.").partition(".lora_")[0] for name in load_file(kept)}

    trained = {layer for layer in layers if re.fullmatch(recipe.trainable_layers, layer)}

    assert trained == {f"model.layers.{n}.mlp.{part}_proj" for n in range(10, 30) for part in ("gate", "up", "down")}
