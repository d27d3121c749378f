from collections import Counter
from pathlib import Path

from router.datasets.kinds import OTHER, TASK, convert


def test_small_talk_and_sums_stand_beside_requests_questions_and_words_to_search_for(data_dir: Path):
    rows = list(convert(data_dir))
    kinds = Counter(str(row["label"]) for row in rows)
    assert set(kinds) == {"greeting", "bye", "thanks", TASK, OTHER}
    assert kinds["thanks"] == 100
    assert kinds[OTHER] > 10 * kinds["thanks"]
    words = [len(str(row["question"]).split()) for row in rows if row["label"] == OTHER]
    assert {1, 2, 3} <= set(words)
