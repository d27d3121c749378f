# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportOptionalSubscript=false, reportIndexIssue=false
# scikit-learn and scipy are typed in part only.
"""Linear models by scikit-learn, over encoded questions."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from router.learned.calibrating import Calibration
from router.learned.encoding import Encoded, Encoder, Floats
from router.learned.linear import Linear
from router.learned.measures import Truths

Rows = csr_matrix


def matrix(encoded: Sequence[Encoded], encoder: Encoder) -> Rows:
    """One row a question: its n-grams, then its dense figures."""
    lengths = [len(each.columns) for each in encoded]
    sparse = csr_matrix(
        (
            np.concatenate([each.values for each in encoded]),
            np.concatenate([each.columns for each in encoded]),
            np.concatenate([[0], np.cumsum(lengths)]),
        ),
        shape=(len(encoded), encoder.sparse_size),
    )
    dense = csr_matrix(np.array([each.dense for each in encoded]))
    return csr_matrix(hstack([sparse, dense]))


def fit_logistic(rows: Rows | Floats, truths: Truths, *, strength: float) -> tuple[Floats, float]:
    """Weights and bias. Where all truths are alike, no weights, and a bias a little short of certainty."""
    if truths.all() or not truths.any():
        return np.zeros(rows.shape[1]), float(np.log((truths.sum() + 1) / (len(truths) - truths.sum() + 1)))
    # The dual problem is the smaller one where there are more weights than rows.
    model = LogisticRegression(
        C=strength, solver="liblinear", dual=rows.shape[1] > rows.shape[0], max_iter=2000, random_state=0
    )
    model.fit(rows, truths)
    return model.coef_[0], float(model.intercept_[0])


def fit_margins(
    rows: Rows, given: Sequence[str], labels: Sequence[str], *, strength: float
) -> list[tuple[Floats, float]]:
    """Weights and bias of a linear support vector machine for each label, against all other rows.

    Three labels or more occur among the rows; one that does not is far from all of them.
    """
    model = LinearSVC(C=strength, random_state=0).fit(rows, given)
    found = {label: (model.coef_[n], float(model.intercept_[n])) for n, label in enumerate(model.classes_.tolist())}
    return [found.get(label, (np.zeros(rows.shape[1]), -1.0)) for label in labels]


def fit_margin(rows: Rows, truths: Truths, *, strength: float, weight: float) -> tuple[Floats, float]:
    """Weights and bias of a linear support vector machine, in which a true row counts `weight` times a false one."""
    classes = {True: weight, False: 1.0}
    model = LinearSVC(C=strength, class_weight=classes, random_state=0).fit(rows, truths)
    return model.coef_[0], float(model.intercept_[0])


def as_linear(weights: Sequence[Floats], biases: Sequence[float], encoder: Encoder) -> Linear:
    table = np.stack(weights, axis=1)
    return Linear(sparse=table[: encoder.sparse_size], dense=table[encoder.sparse_size :], bias=np.array(biases))


def calibrated(model: Linear, calibrations: Sequence[Calibration]) -> Linear:
    """The model whose scores are the log-odds that the calibrations make of them, one an output."""
    slope = np.array([each.slope for each in calibrations])
    shift = np.array([each.shift for each in calibrations])
    return Linear(sparse=model.sparse * slope, dense=model.dense * slope, bias=model.bias * slope + shift)
