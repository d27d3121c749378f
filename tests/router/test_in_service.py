"""Policies that were fitted on a team's own examples, in service: their say, their refit, and what becomes of broken ones."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from pydantic_core import from_json, to_json

from router.calibration import RULES, ArmCalibration, Calibration
from router.chooser import Chooser
from router.datasets.examples import Arm
from router.decisions import FROM_DOCUMENTS, Decision, Route
from router.errors import PolicyRefused
from router.evidence import Findings, SearchStep
from router.in_service import InService, base_of, in_service
from router.learned.fits import fit_policy
from router.learned.fitting_arms import Aims
from router.learned.policy_file import write_policy
from router.policies import Policies
from router.policy import Policy
from router.settings import RouterSettings
from tests.router.fakes import passage
from tests.router.learned.made_up import arms, asked, facts_of

CAPITAL = "What is the capital of Ada 7?"
LEAVE = "How long is parental leave for Ada 7?"
CHAIN = "Who is the mother of the founder of the firm of Ada 7?"
_FEW = [passage("The firm keeps a list of towns.", title="Towns", similarity=0.4)]


@cache
def _data(dimensions: int = 0) -> bytes:
    examples = arms(400)
    file = fit_policy(
        examples, facts_of(examples, dimensions=dimensions), embedding="words" * bool(dimensions), aims=Aims(risk=0.2)
    )
    with TemporaryDirectory() as folder:
        return write_policy(file, Path(folder)).read_bytes()


@pytest.fixture
def own(policies: Policies) -> InService:
    return in_service(policies, policies.keep(_data(), name="own"))


@pytest.fixture
def chooser(policies: Policies) -> Chooser:
    return Chooser(policy=Policy(), policies=policies, settings=RouterSettings())


_STEP = SearchStep(query="leave", found=1, similarity=0.4, coverage=0.5, is_enough=False, took_ms=1.0)


def _decided(chooser: Chooser, text: str, served: InService, *, vector: list[float] | None = None) -> Decision:
    step = SearchStep(query=text, found=1, similarity=0.4, coverage=0.5, is_enough=False, took_ms=1.0)
    return chooser.decide(asked(text), Findings(passages=tuple(_FEW), steps=(step,)), served, vector=vector)


def test_what_its_examples_say_is_known_by_heart_is_likelier_answered_directly(chooser: Chooser, own: InService):
    for text, more in ((CAPITAL, True), (LEAVE, False)):
        by_own, by_start = (
            _decided(chooser, text, served).probabilities[Route.DIRECT] for served in (own, InService())
        )
        assert (by_own > by_start) is more
    assert _decided(chooser, CAPITAL, own).policy == own.name


def test_its_examples_say_which_questions_take_several_searches(chooser: Chooser, own: InService):
    chain, leave = (_decided(chooser, text, own).probabilities for text in (CHAIN, LEAVE))
    assert chain[Route.MULTI] / chain[Route.RETRIEVE] > 2 * leave[Route.MULTI] / leave[Route.RETRIEVE]


@pytest.mark.parametrize("vector", [None, [0.5] * 5], ids=["none", "of another length"])
def test_without_a_fitting_vector_the_policy_that_comes_with_tandem_decides_and_is_named(
    chooser: Chooser, policies: Policies, vector: list[float] | None
):
    corrected = Calibration(base=policies.keep(_data(4), name="own"), arms={Route.DIRECT: ArmCalibration(bias=-9)})
    served = in_service(policies, policies.keep(corrected.model_dump_json().encode(), name="own-2026"))
    assert _decided(chooser, CAPITAL, served, vector=[0.5] * 4).policy == served.name
    decision = _decided(chooser, CAPITAL, served, vector=vector)
    assert decision.policy == RULES
    assert decision.probabilities == _decided(chooser, CAPITAL, InService()).probabilities


@pytest.mark.parametrize(("text", "forced"), [("hello!", None), ("Write a haiku about rain", Route.DIRECT)])
def test_policy_that_cannot_decide_changes_nothing_of_what_is_certain(
    chooser: Chooser, policies: Policies, text: str, forced: Route | None
):
    served = in_service(policies, policies.keep(_data(4), name="own"))
    question = replace(asked(text), forced_route=forced)
    decision = chooser.decide(question, Findings(), served, is_certain=True)
    assert decision.route is (forced or Route.SMALLTALK)


def test_policy_whose_figures_overflow_leaves_the_decision(chooser: Chooser, own: InService):
    model = replace(own.prior.policy.model, bias=np.full(len(Arm), np.nan))
    served = replace(own, prior=replace(own.prior, policy=replace(own.prior.policy, model=model)))
    assert _decided(chooser, CAPITAL, served).policy == RULES


@pytest.mark.parametrize(
    "part",
    [
        lambda file: file["words"]["rarity"].pop(),
        lambda file: file["outputs"]["none"].update(ngrams=[1.0]),
        lambda file: file["outputs"]["none"].update(embedding=[1.0]),
        lambda file: file.update(price=-1e9),
        lambda file: file["thresholds"].update(answer=77),
    ],
    ids=["rarity", "ngrams", "embedding without a name", "price", "threshold"],
)
def test_policy_whose_parts_do_not_fit_together_is_refused(policies: Policies, part: Callable[[Any], object]):
    file = from_json(_data())
    part(file)
    with pytest.raises(PolicyRefused, match="is not a policy as tandem route fit writes it"):
        policies.keep(to_json(file), name="own")


def test_policy_that_was_cut_off_is_told_apart_from_a_correction(policies: Policies):
    with pytest.raises(PolicyRefused, match="is not a policy as tandem route fit writes it"):
        policies.keep(_data()[:1000], name="own")


def test_correction_keeps_the_policy_that_it_corrects(policies: Policies, own: InService):
    corrected = Calibration(base=own.name, arms={Route.DIRECT: ArmCalibration(bias=-1)})
    name = policies.keep(corrected.model_dump_json().encode(), name="own-2026")
    served = in_service(policies, name)
    assert served.prior.is_own
    assert served.calibration == corrected
    assert base_of(policies, name) == base_of(policies, own.name) == own.name
    assert base_of(policies, "") == RULES


def test_correction_of_a_policy_that_is_gone_is_refused(policies: Policies, tmp_path: Path, own: InService):
    name = policies.keep(Calibration(base=own.name).model_dump_json().encode(), name="own-2026")
    (tmp_path / "policies" / f"{own.name}.json").unlink()
    with pytest.raises(PolicyRefused, match="There is no policy"):
        in_service(policies, name)


def test_figure_that_is_not_read_is_refused_before_it_comes_into_service(policies: Policies, tmp_path: Path):
    file = from_json(_data())
    file["near"] = None
    file["figures"]["moon"] = {"mean": 0.0, "spread": 1.0}
    for output in file["outputs"].values():
        output["figures"]["moon"] = 1.0
    with pytest.raises(PolicyRefused, match="weighs moon"):
        policies.keep(to_json(file), name="own")
    assert not (tmp_path / "policies").exists()


def test_policy_without_a_word_on_memory_is_refused(policies: Policies):
    file = from_json(_data())
    del file["outputs"]["none"]
    with pytest.raises(PolicyRefused, match="how likely an answer from memory is"):
        policies.keep(to_json(file), name="own")


def test_contributions_sum_to_the_odds_of_the_route_over_the_next_best(chooser: Chooser, own: InService):
    arm = ArmCalibration(bias=-0.7, slope=0.8)
    served = replace(own, calibration=Calibration(base=own.name, arms={Route.DIRECT: arm, Route.RETRIEVE: arm}))
    for text in (CAPITAL, LEAVE, CHAIN, "how do I do it?", "What is our parking policy?"):
        decision = _decided(chooser, text, served)
        documents = sum(decision.probabilities[route] for route in FROM_DOCUMENTS)
        as_one = {Route.RETRIEVE: documents} | {
            route: chance for route, chance in decision.probabilities.items() if route not in FROM_DOCUMENTS
        }
        first, second = sorted(as_one.values())[-1:-3:-1]
        assert sum(decision.contributions.values()) == pytest.approx(math.log(first / second), abs=0.01)
        assert list(map(abs, decision.contributions.values())) == sorted(
            map(abs, decision.contributions.values()), reverse=True
        )


def test_what_was_asked_for_or_ruled_has_no_contributions(chooser: Chooser):
    assert chooser.decide(asked("hello!"), Findings(), InService(), is_certain=True).contributions == {}


def test_several_searches_tell_what_weighed_in_what_they_found(chooser: Chooser):
    chosen = _decided(chooser, LEAVE, InService())
    near = passage("Parental leave is sixteen weeks long for Ada.", title="Parental leave", similarity=0.8)
    steps = (SearchStep(query=LEAVE, found=1, similarity=0.8, coverage=1.0, is_enough=True, took_ms=1.0),) * 2
    findings = Findings(passages=(near,), steps=steps)
    found = chooser.decide(asked(LEAVE), findings, InService())
    settled = chooser.settle(chosen, found, findings)
    assert settled.contributions == found.contributions != chosen.contributions
    assert settled.features["similarity"] == chosen.features["similarity"]


def test_answer_from_documents_that_memory_contradicts_claims_no_weights(chooser: Chooser):
    assert chooser.prefer_documents(_decided(chooser, CAPITAL, InService())).contributions == {}


def test_documents_that_are_kept_to_tell_what_weighed_for_them(chooser: Chooser):
    chosen = replace(_decided(chooser, LEAVE, InService()), route=Route.MULTI)
    found = _decided(chooser, "Translate good morning to French", InService())
    assert found.route is Route.DIRECT
    settled = chooser.settle(chosen, found, Findings(steps=(_STEP, _STEP)))
    assert (settled.route, settled.reason) == (Route.MULTI, chosen.reason)
    assert settled.contributions == chosen.contributions


def test_what_is_certain_needs_no_vector_and_complains_of_none(
    chooser: Chooser, policies: Policies, caplog: pytest.LogCaptureFixture
):
    served = in_service(policies, policies.keep(_data(4), name="own"))
    decision = chooser.decide(asked("hello!"), Findings(), served, is_certain=True)
    assert (decision.route, decision.policy) == (Route.SMALLTALK, served.name)
    assert caplog.messages == []
