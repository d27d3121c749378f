# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportOptionalSubscript=false, reportIndexIssue=false
# scikit-learn and scipy are typed in part only.
"""Linear models by scikit-learn, over encoded questions."""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_matrix, hstack
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from router.learned.calibrating import Calibration
from router.learned.encoding import EMBEDDING_WEIGHT, FIGURE_WEIGHT, Encoded, Encoder, Floats
from router.learned.linear import Linear
from router.learned.measures import Truths
from router.learned.nearness import Nearness, closeness, squares

Rows = csr_matrix
_MOST_CENTRES = 400
_ROWS_OF_A_CENTRE = 4
_NEARNESS_STRENGTH = 3.0
_CLUSTER_ROUNDS = 10
# Added to the diagonal, so that two centres side by side do not get large weights against each other.
_JITTER = 1e-3


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


def fit_nearness(dense: Floats, right: Truths, encoder: Encoder) -> tuple[Nearness, Floats]:
    """A logistic regression an output over the Gaussian kernel, and the biases (n_outputs,).

    The kernel is approximated by Nyström's method from the centres of clusters (Zhang et al., 2008). Its width is one:
    of the embedding's distance, and of the figures' root mean square.
    """
    scale = _scale(dense.shape[1], len(encoder.figures))
    centres = _cluster(dense * scale)
    lengths = squares(centres)
    values, vectors = eigh(closeness(centres, centres, lengths) + _JITTER * np.eye(len(centres)))
    whiten = vectors / np.sqrt(values)
    rows = closeness(dense * scale, centres, lengths) @ whiten
    fitted = [fit_logistic(rows, right[:, number], strength=_NEARNESS_STRENGTH) for number in range(right.shape[1])]
    weights = whiten @ np.stack([found for found, _ in fitted], axis=1)
    return Nearness(scale=scale, centres=centres, weights=weights), np.array([bias for _, bias in fitted])


def _scale(of_dense: int, figures: int) -> Floats:
    weights = np.array([EMBEDDING_WEIGHT] * (of_dense - figures) + [FIGURE_WEIGHT * np.sqrt(figures)] * figures)
    return 1 / weights


def _cluster(points: Floats) -> Floats:
    count = max(1, min(_MOST_CENTRES, len(np.unique(points, axis=0)) // _ROWS_OF_A_CENTRE))
    return KMeans(count, max_iter=_CLUSTER_ROUNDS, random_state=0).fit(points).cluster_centers_


def as_linear(weights: Sequence[Floats], biases: Sequence[float], encoder: Encoder) -> Linear:
    table = np.stack(weights, axis=1)
    return Linear(sparse=table[: encoder.sparse_size], dense=table[encoder.sparse_size :], bias=np.array(biases))


def calibrated(model: Linear, calibrations: Sequence[Calibration]) -> Linear:
    """The model whose scores are the log-odds that the calibrations make of them, one an output."""
    slope = np.array([each.slope for each in calibrations])
    shift = np.array([each.shift for each in calibrations])
    return Linear(sparse=model.sparse * slope, dense=model.dense * slope, bias=model.bias * slope + shift)
