"""The replay of the benchmark: one arm a message, its chance noted, and trials only where the choice is close."""

import numpy as np
import pytest

from tests.benchmarks import replay
from tests.benchmarks.replay import Start

STEPS = np.array([0.0, 1.0, 3.8])
MANY = 1500


def _start(odds: list[float]) -> Start:
    random = np.random.default_rng(0)
    return Start(
        odds=np.tile(odds, (MANY, 1)), right=random.random((MANY, 3)) < [0.2, 0.7, 0.7], steps=STEPS, price=0.02
    )


async def test_a_tenth_of_doubtful_messages_is_a_trial_and_none_of_the_others():
    doubtful = await replay.replay(_start([0.5, 0.5, 0.3]), seed=0, nights=1)
    clear = await replay.replay(_start([0.9, 0.3, 0.3]), seed=0, nights=1)
    assert 60 < doubtful.explored < 140
    assert clear.explored == 0


async def test_a_fifth_of_the_messages_is_voted_on():
    assert 150 < (await replay.replay(_start([0.5, 0.5, 0.3]), seed=0)).votes < 250


async def test_votes_move_a_start_that_believes_in_the_wrong_arm_towards_the_right_one():
    run = await replay.replay(_start([0.52, 0.5, 0.3]), seed=0)
    assert run.promoted
    assert run.bandit.mean() > run.start.mean() + 0.2
    assert run.bandit.mean() == pytest.approx(run.full.mean(), abs=0.05)


async def test_what_a_night_learns_decides_how_the_next_messages_are_served():
    once, nightly = [await replay.replay(_start([0.52, 0.5, 0.3]), seed=0, nights=nights) for nights in (1, 5)]
    assert nightly.explored < once.explored


async def test_what_is_served_is_never_measured():
    assert len((await replay.replay(_start([0.5, 0.5, 0.3]), seed=0)).start) == MANY - replay.MESSAGES
