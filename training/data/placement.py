"""Among all examples: on which side of the split each is, which say the same, and whose word has been heard enough.

Exchanges of a thread and near-duplicate questions are one cluster. A cluster's side is decided once and for ever, so that
what a gate measures on never returns to training; an exchange that is near to both sides goes to neither.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from training.data.members import Member, Members, Split
from training.data.reasons import Reason
from training.data.signatures import Closest
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

    `closest` tells how near any question that is trained on comes to one that is held out, in all windows.
    """

    sides: dict[str, Split] = field(default_factory=dict[str, Split])
    dropped: dict[str, Reason] = field(default_factory=dict[str, Reason])
    members: list[Member] = field(default_factory=list[Member])
    clusters: dict[str, Split] = field(default_factory=dict[str, Split])
    closest: Closest = field(default_factory=lambda: Closest(near_duplicates=0, similarity=0.0))


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
        self._others = [
            each for each in known.by_id.values() if each.start != start and each.exchange_id not in self._kept
        ]
        self._cluster: dict[str, str] = {}
        self._new: dict[str, Split] = {}
        self._by_number: dict[int, str] = {}
        self._by_thread: dict[str, str] = {}

    def kept(self) -> list[Candidate]:
        return list(self._kept.values())

    def drop(self, reason: Reason, candidates: Iterable[Candidate]) -> None:
        for each in candidates:
            self._dropped[each.exchange_id] = reason
            del self._kept[each.exchange_id]

    def join_clusters(self, candidates: Sequence[Candidate], holdout_share: float) -> None:
        for member in self._others:
            if member.signature:
                self._enter(self._number(member.signature), member.thread_id, member.cluster)
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
        said = {(self._number(each.signature), each.taught) for each in self._others if each.taught}
        exact: list[Candidate] = []
        near: list[Candidate] = []
        for each in self.kept():
            number = self._number(each.signature)
            if (number, each.taught) in said:
                exact.append(each)
            elif any((other, each.taught) in said for other in self._known.questions.near(number)):
                near.append(each)
            else:
                said.add((number, each.taught))
        self.drop("exact_duplicate", exact)
        self.drop("near_duplicate", near)

    def placement(self, candidates: Sequence[Candidate]) -> Placement:
        members = [self._member(each) for each in candidates if each.exchange_id in self._cluster]
        past = [
            Member(exchange_id=each.exchange_id, cluster=each.cluster, thread_id="", start=self._start, signature=b"")
            for each in self._known.by_id.values()
            if each.start == self._start and each.exchange_id not in self._cluster
        ]
        return Placement(
            sides={exchange_id: self._side(self._cluster[exchange_id]) for exchange_id in self._kept},
            dropped=self._dropped,
            members=[*members, *past],
            clusters=self._new,
            closest=self._closest(),
        )

    def _clusters_near(self, candidate: Candidate) -> set[str]:
        numbers = self._known.questions.near(self._number(candidate.signature))
        found = {self._by_number[number] for number in numbers if number in self._by_number}
        thread = self._by_thread.get(candidate.thread_id)
        return found | {thread} if thread else found

    def _found(self, candidate: Candidate, holdout_share: float) -> str:
        """A new cluster, named after its first exchange; one of that name that is there already keeps its side."""
        cluster = hashlib.sha256(f"cluster {candidate.exchange_id}".encode()).hexdigest()[:32]
        if cluster not in self._known.splits:
            self._new[cluster] = "holdout" if _share(f"split {cluster}") < holdout_share else "train"
        return cluster

    def _join(self, candidate: Candidate, cluster: str) -> None:
        self._cluster[candidate.exchange_id] = cluster
        self._enter(self._number(candidate.signature), candidate.thread_id, cluster)

    def _enter(self, number: int, thread_id: str, cluster: str) -> None:
        self._by_number[number] = cluster
        if thread_id:
            self._by_thread[thread_id] = cluster

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

    def _closest(self) -> Closest:
        taught = [(each.cluster, each.signature) for each in self._others if each.taught]
        taught += [(self._cluster[each.exchange_id], each.signature) for each in self.kept()]
        sides: dict[Split, set[int]] = {"train": set(), "holdout": set()}
        for cluster, signature in taught:
            sides[self._side(cluster)].add(self._number(signature))
        return self._known.questions.closest(sides["train"], sides["holdout"])


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
