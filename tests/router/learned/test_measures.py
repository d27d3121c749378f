import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from router.learned.measures import auroc, calibration, calibration_error, interval, macro_f1, risk_coverage

PAIRS = some.lists(some.tuples(some.booleans(), some.integers(0, 5)), min_size=1, max_size=30)


@given(PAIRS)
def test_auroc_is_the_share_of_pairs_in_the_right_order(pairs):
    truths, scores = np.array([true for true, _ in pairs]), np.array([float(score) for _, score in pairs])
    high, low = scores[truths], scores[~truths]
    if not len(high) or not len(low):
        assert auroc(truths, scores) is None
        return
    counted = [(one > other) + 0.5 * (one == other) for one in high for other in low]
    assert auroc(truths, scores) == pytest.approx(np.mean(counted))


def test_calibration_error_is_the_mean_distance_of_what_was_told_from_what_came():
    bins = calibration(np.array([True, False, False, False]), np.array([0.95, 0.95, 0.05, 1.0]))
    assert [each.count for each in bins] == [1, 3]
    assert calibration_error(bins) == pytest.approx((0.05 + 3 * (2.9 / 3 - 1 / 3)) / 4)


def test_the_surest_are_answered_first():
    told = risk_coverage(np.array([True, False, True, False]), np.array([0.9, 0.2, 0.8, 0.4]))
    assert told == [(0.25, 0.0), (0.5, 0.0), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]


def test_macro_f1_counts_each_label_alike():
    assert macro_f1(["a", "a", "a", "b"], ["a", "a", "a", "a"]) == pytest.approx((6 / 7 + 0) / 2)


def test_interval_holds_the_mean_and_narrows_with_the_rows():
    few, many = (np.arange(count) % 2 == 0 for count in (20, 2000))
    low, high = interval(lambda rows: float(few[rows].mean()), len(few))
    narrow_low, narrow_high = interval(lambda rows: float(many[rows].mean()), len(many))
    assert low < narrow_low < 0.5 < narrow_high < high
