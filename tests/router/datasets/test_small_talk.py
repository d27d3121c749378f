from collections import Counter
from pathlib import Path

from router.datasets.small_talk import OTHER, convert


def test_kinds_of_small_talk_stand_beside_requests_questions_and_words_to_search_for(data_dir: Path):
    rows = list(convert(data_dir))
    kinds = Counter(str(row["label"]) for row in rows)
    assert set(kinds) == {"greeting", "bye", "thanks", OTHER}
    assert kinds["thanks"] == 100
    assert kinds[OTHER] > 10 * kinds["thanks"]
    words = [len(str(row["question"]).split()) for row in rows if row["label"] == OTHER]
    assert {1, 2, 3} <= set(words)
