"""Questions for `tandem compare` out of xquad-en's held-out articles: `python -m training.comparison.xquad --data DIR --out FILE`.

The last paragraph of each article is left out of the documents, so that nothing answers its questions.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from training.arguments import number_of_questions
from training.articles import Article
from training.errors import TrainingError
from training.xquad import read_articles, split


def lines_of(articles: Sequence[Article]) -> Iterator[dict[str, Any]]:
    for article in articles:
        *kept, left_out = article.paragraphs
        for number, paragraph in enumerate(kept, 1):
            document = {"title": f"{article.title}, part {number}", "text": paragraph.text}
            for asked in paragraph.questions:
                answers = list(dict.fromkeys(asked.golds))
                yield {"question": asked.text, "answers": answers, "documents": [document], "answerable": True}
        for asked in left_out.questions:
            yield {"question": asked.text, "answers": [], "documents": [], "answerable": False}


def main() -> int:
    given = arguments()
    try:
        _, held_out = split(read_articles(given.data))
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lines = list(lines_of(held_out))
    if given.questions is not None:
        lines = random.Random(0).sample(lines, min(given.questions, len(lines)))  # noqa: S311 — a sample, not a secret
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    sys.stdout.write(f"{len(lines)} questions written to {given.out}\n")
    return 0


def arguments(typed: Sequence[str] | None = None) -> argparse.Namespace:
    """What was typed, by default at this process's start."""
    parser = argparse.ArgumentParser(description="Write xquad-en's held-out questions for tandem compare.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TANDEM_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument(
        "--questions", type=number_of_questions, help="so many of them, chosen by a fixed seed; default: all"
    )
    return parser.parse_args(typed)


if __name__ == "__main__":
    sys.exit(main())
