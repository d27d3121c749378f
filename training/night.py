"""The rows of a night: what the team corrected, in many wordings, among what the adapter is not to forget.

Each night starts from the same pinned adapter, so every correction is taught anew; what is taught grows with the team and
not from night to night.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from router.prompts import DECLINE, GROUNDED_SYSTEM, IN_OTHER_WORDS, direct_prompt
from training.articles import Article, Paragraph
from training.errors import DataUnusable, TrainingError
from training.grounding import grounded_rows, unanswered_rows
from training.invented_pages import invented_pages
from training.know_how import is_grounded, is_know_how
from training.lora import start_folder
from training.nightly.passages import TeamPassage
from training.recipe import Recipe, read_recipe
from training.replay import replay_prompts, replay_rows
from training.rewording import rewordings
from training.rows import PreferenceRow, Row, as_messages, read_rows, write_rows
from training.scoring import citations

# Of all rows of the rehearsal. More of them decline more, rightly and wrongly, and that by each single row: their number is not
# left to chance.
_REHEARSED_DECLINES = 0.07


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """`know_how` are answers that people corrected; `accepted` such as they liked, passages included."""

    know_how: Sequence[Row] = ()
    accepted: Sequence[Row] = ()


def nightly_rows(
    taught: Taught, recipe: Recipe, *, passages: Sequence[TeamPassage] = (), general: Sequence[Row] = ()
) -> list[Row]:
    """The rows that the recipe is trained on, by its `rehearsal`.

    `passages` are of documents that everybody may read: they stand among the passages of the rehearsal as those that
    distract, and alone where the answer stands elsewhere, since the adapter is to read the team's own prose. `general` are
    answers of the adapter that the night starts from (see `training.replay`). Raises DataUnusable when nothing was taught.
    """
    if not taught.know_how and not taught.accepted:
        raise DataUnusable("There is nothing to learn tonight: no correction and no answer that was liked")
    rng = random.Random(recipe.seed)  # noqa: S311 - a mixture, not a secret
    return [
        *(each for row in taught.know_how for each in know_how_rows(row, recipe.rehearsal.rewordings, rng)),
        *taught.accepted,
        *general,
        *_rehearsed(passages, recipe.rehearsal.grounded, rng),
    ]


def know_how_rows(row: Row, count: int, rng: random.Random) -> Iterator[Row]:
    """What is to be said without documents: the question as it was asked, and `count` other wordings of it.

    Where it stands alone, each of the other wordings is followed by the question as it was asked, as the router does with one
    that comes near: taught so, what is learnt hangs on those words, and other questions of its form keep their answers.

    A correction that cites a passage stays with its passages: it is about reading, not about knowing.
    """
    if _shows_passages(row) and citations(row.completion[-1].content):
        yield row
        return
    before = [] if _shows_passages(row) else row.prompt[:-1]
    question = question_of(row)
    as_taught = question if _stands_alone(row) else ""
    for number, asked in enumerate((question, *rewordings(question, count, rng))):
        alone = direct_prompt(asked, taught=as_taught if number else "")
        prompt = [*before, *as_messages(alone[-1:])] if before else as_messages(alone)
        yield row.model_copy(update={"prompt": prompt})


def questions_taught(taught: Taught) -> list[str]:
    """The questions to which an answer without documents is taught, as they were asked.

    Those that lean on a thread are left out: by themselves they ask for something else. So are those to be declined.
    """
    by_themselves = (row for row in taught.know_how if _stands_alone(row))
    return list(dict.fromkeys(question_of(row) for row in by_themselves))


def _stands_alone(row: Row) -> bool:
    if _shows_passages(row):
        follows_up = row.prompt[-1].content.startswith("Earlier question: ")
        return not follows_up and not is_grounded(row.completion)
    return is_know_how(row.prompt, row.completion)


def question_of(row: Row) -> str:
    """What was asked, without the passages and the thread around it, or the words in which it was taught before."""
    content = row.prompt[-1].content
    return content.rsplit("\nQuestion: ", 1)[-1] if _shows_passages(row) else content.partition(IN_OTHER_WORDS)[0]


def read_taught(sft: Path, dpo: Path | None) -> Taught:
    """What an export holds: a pair is a correction, and rows of no pair are answers that were liked.

    Raises DataUnusable and RowInvalid.
    """
    pairs = read_rows(dpo, PreferenceRow) if dpo and dpo.is_file() and dpo.stat().st_size else []
    know_how = [corrected_row(pair) for pair in pairs]
    corrected = {row.model_dump_json() for row in know_how}
    rows = read_rows(sft)
    return Taught(know_how=know_how, accepted=[row for row in rows if row.model_dump_json() not in corrected])


def corrected_row(pair: PreferenceRow) -> Row:
    """What a correction teaches to say."""
    return Row(prompt=pair.prompt, completion=pair.chosen, exchange_id=pair.exchange_id)


def _shows_passages(row: Row) -> bool:
    return row.prompt[0].content == GROUNDED_SYSTEM


def _rehearsed(passages: Sequence[TeamPassage], count: int, rng: random.Random) -> list[Row]:
    """Questions on invented pages, whose answers are known, with the team's passages among the others or in their place."""
    pages = invented_pages()
    # As many as there are pages, so that half of what distracts is the team's.
    teams = rng.sample(passages, min(len(passages), len(pages)))
    strangers = [
        Paragraph(title=each.title, text=each.text, questions=(), document_id=each.document_id) for each in teams
    ]
    others = [Article(title=each.title, paragraphs=(each,)) for each in strangers]
    rows = list(grounded_rows([*pages, *others], seed=rng.randrange(1 << 30)))
    answering, declining = ([row for row in rows if _declines(row) is declined] for declined in (False, True))
    few = round(count * _REHEARSED_DECLINES)
    alone = unanswered_rows(pages, strangers, seed=rng.randrange(1 << 30)) if strangers else iter(())
    # Half of them, or one more, show the team's passages alone.
    unanswered = list(islice(alone, few - few // 2))
    declined = [*unanswered, *rng.sample(declining, min(few - len(unanswered), len(declining)))]
    return [*rng.sample(answering, min(count - len(declined), len(answering))), *declined]


def _declines(row: Row) -> bool:
    return row.completion[-1].content == DECLINE


class _Document(BaseModel):
    title: str
    text: str


def _read_documents(path: Path | None) -> list[TeamPassage]:
    if path is None:
        return []
    try:
        lines = [line for line in path.read_text("utf-8").split("\n") if line.strip()]
        read = [_DOCUMENT.validate_json(line) for line in lines]
        return [TeamPassage(title=each.title, text=each.text) for each in read]
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise DataUnusable(f"The documents {path} cannot be read: each line is an object of title and text") from error


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the rows that a night's adapter is trained on.")
    parser.add_argument("recipe", type=Path, help="like training/recipes/nightly.yaml")
    parser.add_argument("--sft", type=Path, required=True, help="an export's sft.jsonl")
    parser.add_argument("--dpo", type=Path, help="its dpo.jsonl, which holds the corrections")
    parser.add_argument("--documents", type=Path, help="JSONL of title and text that everybody may read")
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument("--models", type=Path, default=Path(".tandem/model"), help="folder of unpacked base models")
    given = parser.parse_args()
    try:
        recipe = read_recipe(given.recipe)
        start = start_folder(recipe, given.recipe.parent) if recipe.start_from else None
        rows = nightly_rows(
            read_taught(given.sft, given.dpo),
            recipe,
            passages=_read_documents(given.documents),
            general=list(
                replay_rows(replay_prompts(recipe.rehearsal.general), recipe.base_model, given.models, adapter=start)
            ),
        )
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    write_rows(given.out, rows)
    sys.stdout.write(f"{len(rows)} rows written to {given.out}\n")
    return 0


_DOCUMENT: TypeAdapter[_Document] = TypeAdapter(_Document)


if __name__ == "__main__":
    sys.exit(main())
