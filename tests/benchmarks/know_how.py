"""Thirty corrections through a night's training: `python -m tests.benchmarks.know_how --out DIR`.

How many of the questions that ask for them in other words are answered rightly without documents, and what became of
answering from passages, and plain questions: all by greedy decoding, the latter two on what no adapter learns from nor the
gate asks.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from knowledge.embedding import open_embedding
from knowledge.settings import KnowledgeSettings
from router.policy import is_taught
from router.prompts import ChatMessage, direct_prompt, grounded_prompt
from training.base_model import Tokenizer, load_base, load_tokenizer
from training.evaluation import Case, Heard, grounding_cases, score
from training.finetune import train
from training.greedy import greedy_answers
from training.lora import load_adapter, start_folder
from training.night import Taught, nightly_rows
from training.nightly.passages import TeamPassage
from training.recipe import Recipe, read_recipe
from training.replay import replay_prompts, replay_rows
from training.rows import Row, row_of, write_rows
from training.scoring import f1, holds_gold, measure
from training.xquad import read_articles, split

DATA = Path(os.environ.get("TANDEM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
MODELS = Path(os.environ.get("TANDEM_HOME", ".tandem")) / "model"
SHIPPED = Path(__file__).resolve().parents[2] / "training" / "recipes" / "nightly.yaml"
ANSWER_TOKENS = 48


def main() -> None:
    parser = argparse.ArgumentParser(description="Teach thirty corrections, and measure what came of it.")
    parser.add_argument("--recipe", type=Path, default=SHIPPED)
    parser.add_argument("--out", type=Path, required=True, help="folder for rows, adapter and answers")
    parser.add_argument("--questions", type=int, default=100, help="of the held-out articles, 0 for none")
    parser.add_argument(
        "--documents", action="store_true", help="as with TANDEM_TRAINING_DOCUMENTS: the handbook's pages"
    )
    given = parser.parse_args()
    figures = measured(given.recipe, given.out, given.questions, team_passages() if given.documents else [])
    (given.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


def measured(recipe_path: Path, out: Path, questions: int, passages: Sequence[TeamPassage]) -> dict[str, Any]:
    recipe = read_recipe(recipe_path)
    start = start_folder(recipe, recipe_path.parent)
    corrections = yaml.safe_load(Path(__file__).with_name("know_how.yaml").read_text("utf-8"))
    began = time.perf_counter()
    rows = night(recipe, start, corrections, passages)
    write_rows(out / "rows.jsonl", rows)
    rows_s = time.perf_counter() - began
    metrics = train(recipe_path, out / "rows.jsonl", out / "adapter", say, models=MODELS)
    tokenizer = load_tokenizer(recipe.base_model, MODELS)
    before, after = (load_adapter(load_base(recipe.base_model, MODELS), place) for place in (start, out / "adapter"))
    return {
        "rows": len(rows),
        "rows_s": round(rows_s),
        "training": asdict(metrics),
        "corrections": known(after, tokenizer, corrections, out / "answers.json"),
        "corrections_before": known(before, tokenizer, corrections, out / "answers_before.json"),
        "plain": {
            name: plain(model, tokenizer, out / f"plain_{name}.json")
            for name, model in (("before", before), ("after", after))
        },
        "grounded": kept(before, after, tokenizer, questions) if questions else None,
    }


def night(recipe: Recipe, start: Path, corrections: Sequence[Any], passages: Sequence[TeamPassage]) -> list[Row]:
    know_how = [row_of(direct_prompt(correction["asked"]), correction["answer"]) for correction in corrections]
    general = replay_rows(replay_prompts(recipe.rehearsal.general), recipe.base_model, MODELS, adapter=start)
    return nightly_rows(Taught(know_how=know_how), recipe, passages=passages, general=list(general))


def team_passages() -> list[TeamPassage]:
    return [
        TeamPassage(title=path.stem, text=path.read_text("utf-8")[:800], document_id=path.stem)
        for path in sorted((DATA / "team-handbook" / "pages").rglob("*.md"))
    ]


def known(model: Any, tokenizer: Tokenizer, corrections: Sequence[Any], told: Path) -> dict[str, Any]:
    """Of the questions as they were corrected, and of those in other words, the share that is answered rightly."""
    figures: dict[str, Any] = {}
    answers: list[dict[str, Any]] = []
    for kind in ("asked", "reworded"):
        asked = [
            (each["gold"], q)
            for each in corrections
            for q in ([each["asked"]] if kind == "asked" else each["reworded"])
        ]
        said = answered(model, tokenizer, as_routed([question for _, question in asked], corrections))
        right = [float(holds_gold(answer, gold)) for (gold, _), answer in zip(asked, said, strict=True)]
        figures[kind] = str(measure(right))
        answers += [
            {"question": question, "answer": answer, "right": bool(one)}
            for (_, question), answer, one in zip(asked, said, right, strict=True)
        ]
    told.write_text(json.dumps(answers, indent=1, ensure_ascii=False))
    return figures


def plain(model: Any, tokenizer: Tokenizer, told: Path) -> dict[str, str]:
    """Of plain questions, the share that is answered rightly: of those in the forms of know-how, and of the others."""
    asked = yaml.safe_load(Path(__file__).with_name("plain.yaml").read_text("utf-8"))
    said = answered(model, tokenizer, [direct_prompt(each["q"]) for each in asked])
    right = [float(holds_gold(answer, tuple(each["a"]))) for answer, each in zip(said, asked, strict=True)]
    told.write_text(json.dumps([[each["q"], answer] for each, answer in zip(asked, said, strict=True)], indent=1))
    return {
        form: str(measure([one for one, each in zip(right, asked, strict=True) if each.get("usual", False) is usual]))
        for form, usual in (("usual", True), ("other", False))
    }


def as_routed(questions: Sequence[str], corrections: Sequence[Any]) -> list[list[ChatMessage]]:
    """Each question with the words of the nearest one that was taught, where it comes near, as the router asks."""
    embedding = open_embedding(KnowledgeSettings())
    taught = [each["asked"] for each in corrections]
    cosines = (
        np.array(embedding.get_text_embedding_batch(list(questions)))
        @ np.array(embedding.get_text_embedding_batch(taught)).T
    )
    return [
        direct_prompt(question, taught=taught[int(row.argmax())] if is_taught(float(row.max())) else "")
        for question, row in zip(questions, cosines, strict=True)
    ]


def kept(before: Any, after: Any, tokenizer: Tokenizer, questions: int) -> dict[str, Any]:
    """Grounded answering by the adapter that the night began with, by the new one, and the difference case by case."""
    _, held_out = split(read_articles(DATA))
    cases = grounding_cases(held_out)
    pairs = [cases[place : place + 2] for place in range(0, len(cases), 2)]
    chosen = [case for pair in random.Random(0).sample(pairs, min(questions, len(pairs))) for case in pair]
    said = {name: said_to(model, tokenizer, chosen) for name, model in (("before", before), ("after", after))}
    present = [place for place, case in enumerate(chosen) if case.right is not None]
    gains = [f1(said["after"][n], chosen[n].golds) - f1(said["before"][n], chosen[n].golds) for n in present]
    return {
        **{
            name: {figure: str(value) for figure, value in figures_of(chosen, answers).items()}
            for name, answers in said.items()
        },
        "f1_gained": str(measure(gains)),
    }


def figures_of(cases: Sequence[Case], answers: Sequence[str]) -> dict[str, Any]:
    figures = score([Heard(case=case, text=answer) for case, answer in zip(cases, answers, strict=True)])
    return {name: getattr(figures, name) for name in figures.__slots__}


def said_to(model: Any, tokenizer: Tokenizer, cases: Sequence[Case]) -> list[str]:
    return answered(model, tokenizer, [grounded_prompt(case.question, case.passages) for case in cases])


def answered(model: Any, tokenizer: Tokenizer, prompts: Sequence[Sequence[ChatMessage]]) -> list[str]:
    return [answer for answer, _ in greedy_answers(model, tokenizer, prompts, max_tokens=ANSWER_TOKENS)]


def say(progress: Any) -> None:
    if progress.step % 10 == 0 or progress.step == progress.steps:
        print(f"step {progress.step} of {progress.steps}, loss {progress.loss:.3f}", flush=True)


if __name__ == "__main__":
    main()
