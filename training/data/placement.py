"""Among all examples: on which side of the split each is, which say the same, and whose word has been heard enough.

Exchanges of a thread and near-duplicate questions are one cluster. A cluster's side is decided once and for ever, so that
what a gate measures on never returns to training; an exchange that is near to both sides goes to neither.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from training.data.members import SPLITS, Index, Member, Members, Split
from training.data.reasons import Reason
from training.data.signatures import Closest, Questions
from training.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What placement has to know of an example. `taught` is a digest of its text and label."""

    exchange_id: str
    thread_id: str
    signature: bytes
    taught: str
    people: frozenset[str]
    agreement: float


@dataclass(slots=True, kw_only=True)
class Placement:
    """The side of each exchange that is kept, the reason for each that is not, and what is to be remembered.

    `questions` knows the signatures of all windows: of this one by `numbers`, of the others by what is `taught_elsewhere`.
    """

    sides: dict[str, Split] = field(default_factory=dict[str, Split])
    dropped: dict[str, Reason] = field(default_factory=dict[str, Reason])
    members: list[Member] = field(default_factory=list[Member])
    clusters: dict[str, Split] = field(default_factory=dict[str, Split])
    questions: Questions = field(default_factory=Questions)
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    taught_elsewhere: Mapping[Split, set[int]] = field(default_factory=lambda: Index().taught)

    def closest(self, written: Mapping[Split, Collection[str]]) -> Closest:
        """How near any question that is trained on comes to one that is held out, in all windows.

        `written` are this window's exchanges as they stand on each side. Raises KeyError for one that was never placed.
        """
        train, holdout = (
            self.taught_elsewhere[split] | {self.numbers[each] for each in written[split]} for split in SPLITS
        )
        return self.questions.closest(train, holdout)


def place(candidates: Sequence[Candidate], known: Members, *, start: datetime, settings: TrainingSettings) -> Placement:
    """`candidates` come in the order of their asking. The same ones among the same members are placed alike."""
    placing = _Placing(candidates, known, start=start)
    placing.join_clusters(candidates, settings.training_holdout_share)
    placing.drop("little_agreement", (each for each in placing.kept() if not _is_drawn(each)))
    placing.drop_duplicates()
    placing.drop("person_cap", _beyond_cap(placing.kept(), settings.training_examples_per_person))
    return placing.placement(candidates)


class _Placing:
    def __init__(self, candidates: Sequence[Candidate], known: Members, *, start: datetime) -> None:
        known.questions.add(each.signature for each in candidates)
        self._known = known
        self._start = start
        self._kept = {each.exchange_id: each for each in candidates}
        self._dropped: dict[str, Reason] = {}
        self._others = known.index_without(start, self._kept.keys())
        self._own = Index()
        self._cluster: dict[str, str] = {}
        self._new: dict[str, Split] = {}

    def kept(self) -> list[Candidate]:
        return list(self._kept.values())

    def drop(self, reason: Reason, candidates: Iterable[Candidate]) -> None:
        for each in candidates:
            self._dropped[each.exchange_id] = reason
            del self._kept[each.exchange_id]

    def join_clusters(self, candidates: Sequence[Candidate], holdout_share: float) -> None:
        # What has a cluster keeps it; only then are the others looked at, in the order of their asking.
        new: list[Candidate] = []
        for each in candidates:
            stored = self._known.by_id.get(each.exchange_id)
            if stored is None:
                new.append(each)
            else:
                self._join(each, stored.cluster)
        between: list[Candidate] = []
        for each in new:
            clusters = self._clusters_near(each)
            if len({self._side(cluster) for cluster in clusters}) > 1:
                between.append(each)
            else:
                self._join(each, min(clusters) if clusters else self._found(each, holdout_share))
        self.drop("between_splits", between)

    def drop_duplicates(self) -> None:
        """The first to say something stays, also where it stands in another window."""
        exact: list[Candidate] = []
        near: list[Candidate] = []
        for each in self.kept():
            number = self._number(each.signature)
            if self._is_said(number, each.taught):
                exact.append(each)
            elif any(self._is_said(other, each.taught) for other in self._known.questions.near(number)):
                near.append(each)
            else:
                self._own.said.add((number, each.taught))
        self.drop("exact_duplicate", exact)
        self.drop("near_duplicate", near)

    def placement(self, candidates: Sequence[Candidate]) -> Placement:
        members = [self._member(each) for each in candidates if each.exchange_id in self._cluster]
        past = [
            Member(exchange_id=each.exchange_id, cluster=each.cluster, thread_id="", start=self._start, signature=b"")
            for each in self._known.of_window(self._start)
            if each.exchange_id not in self._cluster
        ]
        return Placement(
            sides={exchange_id: self._side(self._cluster[exchange_id]) for exchange_id in self._kept},
            dropped=self._dropped,
            members=[*members, *past],
            clusters=self._new,
            questions=self._known.questions,
            numbers={each.exchange_id: self._number(each.signature) for each in self.kept()},
            taught_elsewhere=self._others.taught,
        )

    def _clusters_near(self, candidate: Candidate) -> set[str]:
        numbers = self._known.questions.near(self._number(candidate.signature))
        found: set[str | None] = set()
        for index in (self._others, self._own):
            found.update(index.by_number.get(number) for number in numbers)
            found.add(index.by_thread.get(candidate.thread_id))
        return {cluster for cluster in found if cluster}

    def _found(self, candidate: Candidate, holdout_share: float) -> str:
        """A new cluster, named after its first exchange; one of that name that is there already keeps its side."""
        cluster = hashlib.sha256(f"cluster {candidate.exchange_id}".encode()).hexdigest()[:32]
        if cluster not in self._known.splits:
            self._new[cluster] = "holdout" if _share(f"split {cluster}") < holdout_share else "train"
        return cluster

    def _join(self, candidate: Candidate, cluster: str) -> None:
        self._cluster[candidate.exchange_id] = cluster
        self._own.enter(self._number(candidate.signature), candidate.thread_id, cluster)

    def _is_said(self, number: int, taught: str) -> bool:
        return any((number, taught) in index.said for index in (self._others, self._own))

    def _side(self, cluster: str) -> Split:
        return self._new.get(cluster) or self._known.splits[cluster]

    def _number(self, signature: bytes) -> int:
        return self._known.questions.number(signature)

    def _member(self, candidate: Candidate) -> Member:
        return Member(
            exchange_id=candidate.exchange_id,
            cluster=self._cluster[candidate.exchange_id],
            thread_id=candidate.thread_id,
            start=self._start,
            signature=candidate.signature,
            taught=candidate.taught if candidate.exchange_id in self._kept else "",
        )


def _is_drawn(candidate: Candidate) -> bool:
    """What people are divided about is drawn as rarely as they agree little; trainers know no weights of rows."""
    return _share(f"agreement {candidate.exchange_id}") < candidate.agreement


def _beyond_cap(candidates: Iterable[Candidate], most: int) -> list[Candidate]:
    """Examples all of whose people have given enough others already, in an order that nobody can choose."""
    given: Counter[str] = Counter()
    beyond: list[Candidate] = []
    for each in sorted(candidates, key=lambda each: _share(f"cap {each.exchange_id}")):
        if all(given[person] >= most for person in each.people):
            beyond.append(each)
        else:
            given.update(each.people)
    return beyond


def _share(text: str) -> float:
    """A number in [0, 1) that is always the same for this text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
