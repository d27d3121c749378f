"""A learned policy as one file of plain numbers with their names: JSON, which cannot execute anything.

An output's weights of n-grams are kept by the n-gram's place in the vocabulary, words first, without those near zero.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt

from router.datasets.examples import OUT_OF_SCOPE, Arm
from router.errors import PolicyUnreadable
from router.learned.arms import ArmsPolicy, Thresholds
from router.learned.encoding import Encoder, Floats, Vocabulary
from router.learned.labels import LabelPolicy, Scope
from router.learned.linear import Linear
from router.learned.nearness import Nearness

FILE = "policy.json"
_VERSION = 1
_LARGEST_BYTES = 200_000_000
# Of the largest weight: what is smaller changes no choice that matters, and most of a file would be of it.
_NEAR_ZERO = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """`embedding` names the model whose vectors the policy weighs; empty where it weighs none."""

    policy: ArmsPolicy | LabelPolicy
    embedding: str
    questions: int


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class _Vocabulary(_Strict):
    buckets: list[NonNegativeInt]
    rarity: list[FiniteFloat]


class _Figure(_Strict):
    mean: FiniteFloat
    spread: FiniteFloat = Field(gt=0)


class _Output(_Strict):
    bias: FiniteFloat
    places: list[NonNegativeInt]
    ngrams: list[FiniteFloat]
    embedding: list[FiniteFloat]
    figures: dict[str, FiniteFloat]


class _Near(_Strict):
    scale: list[FiniteFloat]
    centres: list[list[FiniteFloat]]
    weights: dict[str, list[FiniteFloat]]


class _Thresholds(_Strict):
    risk: _Share
    direct: _Share
    answer: _Share


class _Scope(_Strict):
    centres: list[list[FiniteFloat]]
    mean: list[FiniteFloat]
    spread: list[FiniteFloat]
    weights: list[FiniteFloat]
    bias: FiniteFloat
    threshold: FiniteFloat


class _File(_Strict):
    tandem_policy: Literal[1]
    kind: Literal["arms", "labels"]
    embedding: str
    questions: int
    buckets: int = Field(gt=0)
    words: _Vocabulary
    letters: _Vocabulary
    figures: dict[str, _Figure]
    outputs: dict[str, _Output] = Field(min_length=1)
    near: _Near | None = None
    price: _Share | None = None
    thresholds: _Thresholds | None = None
    tilt: dict[str, FiniteFloat] | None = None
    scope: _Scope | None = None


def write_policy(file: PolicyFile, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(json.dumps(_as_json(file)) + "\n", encoding="utf-8")
    return path


def read_policy(place: Path) -> PolicyFile:
    """`place` is a folder with a policy in it, or the file itself. Raises PolicyUnreadable."""
    path = place / FILE if place.is_dir() else place
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise PolicyUnreadable(f"{path} is too large for a policy")
        return parse_policy(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise PolicyUnreadable(f"There is no {path}: tandem route fit writes one") from error
    except OSError as error:
        raise PolicyUnreadable(f"{path} cannot be read: {error.strerror}") from error


def parse_policy(data: bytes, name: str) -> PolicyFile:
    """Raises PolicyUnreadable, which speaks of the file as `name`."""
    try:
        return _policy(_File.model_validate_json(data))
    except (ValueError, LookupError) as error:
        raise PolicyUnreadable(f"{name} is not a policy as tandem route fit writes it") from error


def _as_json(file: PolicyFile) -> Mapping[str, Any]:
    policy = file.policy
    encoder, names = policy.encoder, output_names(policy)
    told: dict[str, Any] = {
        "tandem_policy": _VERSION,
        "kind": "arms" if isinstance(policy, ArmsPolicy) else "labels",
        "embedding": file.embedding,
        "questions": file.questions,
        "buckets": encoder.buckets,
        "words": {"buckets": encoder.words.buckets, "rarity": _rounded(encoder.words.rarity)},
        "letters": {"buckets": encoder.letters.buckets, "rarity": _rounded(encoder.letters.rarity)},
        "figures": {
            name: {"mean": mean, "spread": spread}
            for name, mean, spread in zip(
                encoder.figures, _rounded(encoder.mean), _rounded(encoder.spread), strict=True
            )
        },
        "outputs": {name: _output(policy.model, encoder, number) for number, name in enumerate(names)},
    }
    if isinstance(policy, ArmsPolicy):
        thresholds = policy.thresholds
        told["near"] = None if policy.near is None else _nearness(policy.near, names)
        told["price"] = policy.price
        told["thresholds"] = {"risk": thresholds.risk, "direct": thresholds.direct, "answer": thresholds.answer}
        return told
    told["tilt"] = dict(zip(policy.labels, _rounded(policy.tilt), strict=True))
    told["scope"] = None if policy.scope is None else _scope(policy.scope)
    return told


def output_names(policy: ArmsPolicy | LabelPolicy) -> Sequence[str]:
    if isinstance(policy, ArmsPolicy):
        return [arm.value for arm in policy.arms]
    return [*policy.labels, *([OUT_OF_SCOPE] if policy.scope else [])]


def _output(model: Linear, encoder: Encoder, number: int) -> Mapping[str, Any]:
    sparse, dense = model.sparse[:, number], model.dense[:, number]
    kept = np.flatnonzero(np.abs(sparse) > _NEAR_ZERO * np.abs(sparse).max(initial=0.0))
    of_embedding = len(dense) - len(encoder.figures)
    return {
        "bias": float(model.bias[number]),
        "places": kept.tolist(),
        "ngrams": _rounded(sparse[kept]),
        "embedding": _rounded(dense[:of_embedding]),
        "figures": dict(zip(encoder.figures, _rounded(dense[of_embedding:]), strict=True)),
    }


def _nearness(near: Nearness, names: Sequence[str]) -> Mapping[str, Any]:
    return {
        "scale": _rounded(near.scale),
        "centres": [_rounded(centre) for centre in near.centres],
        "weights": {name: _rounded(near.weights[:, number]) for number, name in enumerate(names)},
    }


def _scope(scope: Scope) -> Mapping[str, Any]:
    return {
        "centres": [_rounded(centre) for centre in scope.centres],
        "mean": _rounded(scope.mean),
        "spread": _rounded(scope.spread),
        "weights": _rounded(scope.weights),
        "bias": scope.bias,
        "threshold": scope.threshold,
    }


def _rounded(values: Floats | Sequence[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _check_lengths(file: _File) -> None:
    for vocabulary in (file.words, file.letters):
        if len(vocabulary.rarity) != len(vocabulary.buckets):
            raise ValueError("each bucket of a vocabulary has a rarity")
    for output in file.outputs.values():
        if len(output.ngrams) != len(output.places):
            raise ValueError("each place has a weight")
        if output.embedding and not file.embedding:
            raise ValueError("weights of an embedding name its model")


def _policy(file: _File) -> PolicyFile:
    _check_lengths(file)
    encoder = Encoder(
        buckets=file.buckets,
        words=Vocabulary(buckets=file.words.buckets, rarity=file.words.rarity),
        letters=Vocabulary(buckets=file.letters.buckets, rarity=file.letters.rarity),
        figures=tuple(file.figures),
        mean=np.array([figure.mean for figure in file.figures.values()]),
        spread=np.array([figure.spread for figure in file.figures.values()]),
    )
    model = _linear(file, encoder)
    policy = _arms(file, encoder, model) if file.kind == "arms" else _labels(file, encoder, model)
    return PolicyFile(policy=policy, embedding=file.embedding, questions=file.questions)


def _linear(file: _File, encoder: Encoder) -> Linear:
    sparse = np.zeros((encoder.sparse_size, len(file.outputs)), dtype=np.float32)
    for number, output in enumerate(file.outputs.values()):
        sparse[output.places, number] = output.ngrams
    dense = [
        [*output.embedding, *(output.figures[name] for name in encoder.figures)] for output in file.outputs.values()
    ]
    return Linear(
        sparse=sparse.astype(np.float64),
        dense=np.array(dense).T,
        bias=np.array([output.bias for output in file.outputs.values()]),
    )


def _arms(file: _File, encoder: Encoder, model: Linear) -> ArmsPolicy:
    if file.price is None or file.thresholds is None:
        raise ValueError("a policy over arms has a price and thresholds")
    return ArmsPolicy(
        encoder=encoder,
        model=model,
        near=None if file.near is None else _near(file.near, model, tuple(file.outputs)),
        arms=tuple(Arm(name) for name in file.outputs),
        price=file.price,
        thresholds=Thresholds(risk=file.thresholds.risk, direct=file.thresholds.direct, answer=file.thresholds.answer),
    )


def _near(near: _Near, model: Linear, names: Sequence[str]) -> Nearness:
    scale, centres = np.array(near.scale), np.array(near.centres)
    weights = np.array([near.weights[name] for name in names]).T
    if centres.shape != (len(weights), len(scale)) or len(scale) != len(model.dense):
        raise ValueError("the centres are of another size than the figures, or than their weights")
    return Nearness(scale=scale, centres=centres, weights=weights)


def _labels(file: _File, encoder: Encoder, model: Linear) -> LabelPolicy:
    if file.tilt is None:
        raise ValueError("a policy over labels has a tilt")
    scope = file.scope
    return LabelPolicy(
        encoder=encoder,
        model=model,
        labels=tuple(file.tilt),
        tilt=np.array(list(file.tilt.values())),
        scope=None
        if scope is None
        else Scope(
            centres=np.array(scope.centres),
            mean=np.array(scope.mean),
            spread=np.array(scope.spread),
            weights=np.array(scope.weights),
            bias=scope.bias,
            threshold=scope.threshold,
        ),
    )
