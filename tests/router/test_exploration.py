import pytest

from router.decisions import Route
from router.exploration import choose, is_doubtful

CLOSE = {Route.DIRECT: 0.46, Route.RETRIEVE: 0.5, Route.CLARIFY: 0.04}


@pytest.mark.parametrize(
    ("chances", "doubtful"),
    [
        (CLOSE, True),
        ({Route.DIRECT: 0.3, Route.RETRIEVE: 0.7}, False),
        ({Route.CLARIFY: 0.4, Route.DIRECT: 0.39, Route.RETRIEVE: 0.21}, False),
        ({Route.RETRIEVE: 0.51, Route.ABSTAIN: 0.49, Route.DIRECT: 0.0}, False),
        ({Route.RETRIEVE: 0.1, Route.ABSTAIN: 0.47, Route.DIRECT: 0.43}, True),
    ],
)
def test_doubt_is_whether_memory_would_do_as_well(chances: dict[Route, float], doubtful: bool):
    assert is_doubtful(chances, band=0.1) is doubtful


def test_second_best_is_tried_as_often_as_it_is_set_and_its_propensity_says_so():
    choices = [choose(Route.RETRIEVE, CLOSE, band=0.1, share=0.2, seed=f"x{n}") for n in range(2_000)]
    tried = [choice for choice in choices if choice.explored]
    assert 0.17 < len(tried) / len(choices) < 0.23
    assert {(choice.route, choice.propensity) for choice in tried} == {(Route.DIRECT, 0.2)}
    assert {(choice.route, choice.propensity) for choice in choices if not choice.explored} == {(Route.RETRIEVE, 0.8)}


def test_same_exchange_is_given_the_same_route_again():
    seeds = [f"slack:T1:C1:{n}.1" for n in range(50)]
    first, again = ([choose(Route.RETRIEVE, CLOSE, band=0.1, share=0.5, seed=seed) for seed in seeds] for _ in range(2))
    assert first == again


@pytest.mark.parametrize(("band", "share"), [(0.01, 0.5), (0.1, 0.0), (0.0, 0.5)])
def test_nothing_is_tried_outside_the_band_or_where_it_is_switched_off(band: float, share: float):
    choices = {choose(Route.RETRIEVE, CLOSE, band=band, share=share, seed=f"x{n}") for n in range(100)}
    assert [(choice.route, choice.propensity, choice.explored) for choice in choices] == [(Route.RETRIEVE, 1.0, False)]
