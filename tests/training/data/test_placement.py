import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.data.samples import DAY, ON
from training.data.members import SPLITS, Members, Split
from training.data.placement import Candidate, Placement, place
from training.data.signatures import plain, sign
from training.settings import TrainingSettings

HALF = TrainingSettings(training_enabled=True, training_holdout_share=0.5)


def candidate(
    exchange_id: str,
    question: str = "",
    *,
    thread: str = "",
    taught: str = "",
    people: Sequence[str] = ("U1",),
    agreement: float = 1.0,
) -> Candidate:
    """Without a question of its own, one that is like no other's."""
    (signature,) = sign([plain(question or f"{exchange_id} {random.Random(exchange_id).random()}")])
    return Candidate(
        exchange_id=exchange_id,
        thread_id=thread,
        signature=signature,
        taught=taught or exchange_id,
        people=frozenset(people),
        agreement=agreement,
    )


def placed(
    candidates: Sequence[Candidate],
    known: Members | None = None,
    *,
    start: datetime = DAY,
    settings: TrainingSettings = HALF,
) -> Placement:
    """As the ledger does it: what is placed is known afterwards."""
    known = Members() if known is None else known
    placement = place(candidates, known, start=start, settings=settings)
    known.replace(start, placement.members, placement.clusters)
    return placement


def test_share_of_clusters_is_held_out():
    placement = placed(
        [candidate(f"x{n}") for n in range(1_000)],
        settings=ON.model_copy(update={"training_examples_per_person": 1_000}),
    )
    assert 70 <= list(placement.sides.values()).count("holdout") <= 130


def test_near_duplicates_and_threads_are_on_one_side():
    alike = ["How long is parental leave in the Berlin office?", "How long is parental leave in the Berlin offices?"]
    for n in range(12):
        placement = placed(
            [
                candidate(f"a{n}", alike[0]),
                candidate(f"b{n}", alike[1], thread=f"T{n}"),
                candidate(f"c{n}", thread=f"T{n}"),
            ]
        )
        assert len(set(placement.sides.values())) == 1
        assert len(placement.sides) == 3
        assert len(placement.clusters) == 1


def on_each_side(placement: Placement) -> dict[Split, list[str]]:
    return {split: [each for each, side in placement.sides.items() if side == split] for split in SPLITS}


def test_what_stands_on_both_sides_is_told_though_it_was_placed_on_one():
    known = Members()
    trained, held_out = on_sides(known)
    placement = placed([trained, held_out], known)
    sides = on_each_side(placement)
    assert placement.closest(sides).near_duplicates == 0
    both = placement.closest({**sides, "holdout": [held_out.exchange_id, trained.exchange_id]})
    assert (both.near_duplicates, both.similarity) == (1, 1.0)


def on_sides(known: Members) -> tuple[Candidate, Candidate]:
    """One that is trained on, one that is held out."""
    some = [candidate(f"x{n}", f"question {n * 7919} of the {n} kind", thread=f"T{n}") for n in range(12)]
    sides = placed(some, known).sides
    return tuple(next(each for each in some if sides[each.exchange_id] == side) for side in ("train", "holdout"))  # pyright: ignore[reportReturnType]


def test_exchange_that_is_near_to_both_sides_goes_to_neither():
    known = Members()
    trained, held_out = on_sides(known)
    bridge = Candidate(
        exchange_id="bridge", thread_id=held_out.thread_id, signature=trained.signature, taught="t", people=frozenset({"U1"}), agreement=1.0
    )  # fmt: skip
    placement = placed([bridge], known, start=DAY + timedelta(days=1))
    assert placement.dropped == {"bridge": "between_splits"}
    assert placement.sides == {}
    assert placement.members == []


def test_later_window_joins_the_side_of_an_earlier_one():
    known = Members()
    _, held_out = on_sides(known)
    for n in range(12):
        later = candidate(f"later{n}", thread=held_out.thread_id)
        assert placed([later], known, start=DAY + timedelta(days=1 + n)).sides == {f"later{n}": "holdout"}


def test_what_was_held_out_stays_so_when_the_share_or_the_first_of_its_cluster_changes():
    known = Members()
    _, held_out = on_sides(known)
    nothing = TrainingSettings(training_enabled=True, training_holdout_share=0)
    assert placed([held_out], known, settings=nothing).sides == {held_out.exchange_id: "holdout"}
    other = candidate("a-new-first", thread=held_out.thread_id)
    assert set(placed([other, held_out], known, settings=nothing).sides.values()) == {"holdout"}


def test_exchange_that_was_left_out_for_a_while_comes_back_to_its_side():
    known = Members()
    _, held_out = on_sides(known)
    assert placed([], known).sides == {}
    assert all(member.signature == b"" for member in known.by_id.values())
    nothing = TrainingSettings(training_enabled=True, training_holdout_share=0)
    assert placed([held_out], known, settings=nothing).sides == {held_out.exchange_id: "holdout"}


def test_first_of_duplicates_stays_and_the_others_are_told_apart():
    asked = "How long is parental leave in the Berlin office?"
    placement = placed(
        [
            candidate("first", asked, taught="sixteen"),
            candidate("same", asked.upper(), taught="sixteen"),
            candidate("near", asked.replace("office", "offices"), taught="sixteen"),
            candidate("other", asked, taught="eighteen"),
        ]
    )
    assert placement.dropped == {"same": "exact_duplicate", "near": "near_duplicate"}
    assert set(placement.sides) == {"first", "other"}


def test_duplicate_of_another_window_is_left_out_and_a_window_is_none_of_itself():
    known = Members()
    asked = "How long is parental leave in the Berlin office?"
    first = candidate("first", asked, taught="sixteen")
    for _ in range(2):
        assert placed([first], known).dropped == {}
    later = placed([candidate("later", asked, taught="sixteen")], known, start=DAY + timedelta(days=1))
    assert later.dropped == {"later": "exact_duplicate"}
    assert placed([first], known).dropped == {}


def test_thousand_votes_of_one_person_are_capped_and_those_of_others_are_not():
    flood = [candidate(f"x{n}", people=["U1"]) for n in range(1_000)]
    others = [candidate(f"y{n}", people=[f"V{n}", "U1"]) for n in range(20)]
    placement = placed([*flood, *others], settings=ON)
    assert list(placement.dropped.values()) == ["person_cap"] * len(placement.dropped)
    assert sum(exchange_id.startswith("x") for exchange_id in placement.sides) <= 50
    assert all(each.exchange_id in placement.sides for each in others)


def test_divided_answers_are_drawn_as_often_as_people_agree():
    everybody = [candidate(f"x{n}", people=[f"U{n}"], agreement=0.25) for n in range(1_000)]
    placement = placed(everybody)
    assert 200 <= len(placement.sides) <= 300
    assert set(placement.dropped.values()) == {"little_agreement"}
    assert placed(everybody).sides == placement.sides


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_near_duplicate_and_no_thread_ever_crosses_the_split(seed: int):
    draw = random.Random(seed)
    words = [f"word{n}" for n in range(12)]
    known = Members()
    for day in range(4):
        some = [
            candidate(f"d{day}x{n}", " ".join(draw.choices(words, k=draw.randint(3, 9))), thread=f"T{draw.randint(0, 25)}")
            for n in range(15)
        ]  # fmt: skip
        placement = placed(some, known, start=DAY + timedelta(days=day))
        assert placement.closest(on_each_side(placement)).near_duplicates == 0
    sides = {each.exchange_id: known.splits[each.cluster] for each in known.by_id.values()}
    members = list(known.by_id.values())
    for one in members:
        for other in members:
            near = known.questions.number(other.signature) in known.questions.near(
                known.questions.number(one.signature)
            )
            if near or one.thread_id == other.thread_id:
                assert sides[one.exchange_id] == sides[other.exchange_id]


def test_same_candidates_among_the_same_members_are_placed_alike():
    some = [candidate(f"x{n}", f"question {n % 5} again", thread=f"T{n % 7}") for n in range(40)]
    first, second = placed(some), placed(some)
    assert (first.sides, first.dropped, first.members) == (second.sides, second.dropped, second.members)
