"""Metrics against values worked out by hand."""

import math

import pytest

from knowledge.metrics import ndcg, recall, reciprocal_rank

RANKING = ["a", "b", "c", "d"]


def test_recall_is_the_share_of_relevant_documents_among_the_first() -> None:
    grades = {"b": 1, "d": 1, "x": 1, "y": 2}
    assert recall(RANKING, grades, at=1) == 0
    assert recall(RANKING, grades, at=2) == 1 / 4
    assert recall(RANKING, grades, at=10) == 2 / 4


def test_reciprocal_rank_is_that_of_the_first_relevant_document() -> None:
    assert reciprocal_rank(RANKING, {"a": 1}, at=10) == 1
    assert reciprocal_rank(RANKING, {"d": 1, "c": 1}, at=10) == 1 / 3
    assert reciprocal_rank(RANKING, {"c": 1}, at=2) == 0


def test_gain_is_discounted_by_the_logarithm_of_the_rank() -> None:
    # Third of one relevant document: 1 / log2(4), by the best possible 1 / log2(2).
    assert ndcg(RANKING, {"c": 1}, at=10) == pytest.approx(0.5)
    assert ndcg(RANKING, {"c": 1}, at=2) == 0


def test_a_higher_grade_counts_for_more() -> None:
    expected = (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))
    assert ndcg(RANKING, {"a": 1, "b": 3}, at=10) == pytest.approx(expected)
    assert ndcg(["b", "a"], {"a": 1, "b": 3}, at=10) == 1


def test_the_best_possible_ranking_is_cut_at_the_same_place() -> None:
    assert ndcg(["a"], {"a": 1, "b": 1, "c": 1}, at=1) == 1


def test_a_document_judged_irrelevant_counts_for_nothing() -> None:
    grades = {"a": 0, "b": 1, "c": -1}
    assert recall(RANKING, grades, at=10) == 1
    assert reciprocal_rank(RANKING, grades, at=10) == 1 / 2
    assert ndcg(RANKING, grades, at=10) == pytest.approx(1 / math.log2(3))
