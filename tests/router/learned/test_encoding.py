import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

from router.learned.encoding import Facts, fit_encoder, read
from router.learned.ngrams import letter_buckets, word_buckets
from router.learned.shape import shape
from router.learned.splits import folds
from router.learned.surroundings import surroundings
from router.questions import Turn
from tests.router.fakes import passage
from tests.router.learned.made_up import arms, asked, facts_of, labels


def test_a_bucket_is_the_same_on_every_machine():
    assert word_buckets("tea", 2**18) == {186290: 1, 29857: 1}


def test_letters_keep_the_case_that_words_lose():
    assert word_buckets("Tea", 2**18) == word_buckets("tea", 2**18)
    assert letter_buckets("Tea", 2**18) != letter_buckets("tea", 2**18)


def test_names_and_numbers_of_a_question_are_seen():
    told = shape("Who founded the Bank of England in 1694?")
    assert told["names"] > 0
    assert told["longest_name"] == 3 / 6
    assert (told["year"], told["old_year"], told["begins_who"], told["ends_asking"]) == (1, 1, 1, 1)
    assert shape("who founded it")["names"] == 0


def test_every_text_has_the_same_figures():
    names = set(shape("Who?"))
    assert all(set(shape(text)) == names for text in ("", "🎉", "a" * 5000, "1 2 3", "Ünïcödé?"))
    assert all(np.isfinite(value) for value in shape("").values())


def test_thread_and_evidence_are_seen():
    leave = [passage("Parental leave is long.", similarity=0.7), passage("Trains.", similarity=0.1)]
    question = replace(asked("And for contractors?"), thread=(Turn(speaker="assistant", text="Sorry, I don't know."),))
    told = surroundings(question, leave)
    assert (told["evidence_similarity"], told["evidence_searched"], told["thread_declined_last"]) == (0.7, 1, 1)
    nothing = surroundings(asked("And for contractors?"), None)
    assert (nothing["evidence_similarity"], nothing["evidence_searched"], nothing["thread_declined_last"]) == (0, 0, 0)
    assert set(nothing) == set(told)


def test_message_unlike_all_others_is_weighed_within_bounds():
    encoder = fit_encoder([read(each) for each in facts_of(arms(60))])
    strange = encoder.weigh(read(Facts(question=asked("9" * 4000 + "," * 400), passages=None, vector=np.zeros(4))))
    assert np.abs(strange.dense).max() <= 4
    assert np.linalg.norm(strange.values) <= 2


def test_figure_that_is_always_the_same_weighs_nothing():
    encoder = fit_encoder([read(each) for each in facts_of([arms(1)[0]] * 60)])
    assert np.all(encoder.spread == 1)


def test_rows_of_one_conversation_stay_together_and_every_row_is_predicted_once():
    groups = [f"c{number % 7}" if number % 3 else "" for number in range(60)]
    seen: list[int] = []
    for fitted_on, predicted in folds(["a", "b"] * 30, groups, seed=1, count=5):
        assert not {groups[row] for row in fitted_on if groups[row]} & {groups[row] for row in predicted}
        assert sorted([*fitted_on, *predicted]) == list(range(60))
        seen += predicted
    assert sorted(seen) == list(range(60))


def test_folds_are_alike_in_their_strata():
    strata = ["rare"] * 10 + ["common"] * 90
    for _, predicted in folds(strata, [""] * 100, seed=0, count=5):
        assert sum(strata[row] == "rare" for row in predicted) == 2


def test_question_is_read_within_milliseconds():
    encoder = fit_encoder([read(each) for each in facts_of(labels(200))])
    facts = facts_of(labels(200, seed=1))
    began = time.process_time()
    for each in facts:
        encoder.weigh(read(each))
    assert (time.process_time() - began) / len(facts) < 0.005


def test_deciding_needs_no_scikit_learn():
    code = (
        "import sys; sys.modules['sklearn'] = None; sys.modules['scipy'] = None\n"
        "import router.learned.policy_file, router.learned.evaluation, router.learned.experiment, router.learned.plots"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
