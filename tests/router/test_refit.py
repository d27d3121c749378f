"""From clicks to later decisions, over the real router, journal, policies and releases."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE
from router.calibration import good
from router.decisions import Route
from router.feedback import Feedback
from router.journal import Journal
from router.model import ModelClient
from router.outcomes import Outcome
from router.policies import Policies
from router.questions import Question
from router.refit import Refitted, fit, is_held_out, refit
from router.releases import Releases
from router.router import Router
from router.settings import RouterSettings
from tests.router.fakes import FakeSearch, ScriptedModel, passage

# What came near, and not near enough to be sure: answered directly, documents a close second.
NEAR = passage("The garden on the roof is watered on Mondays.", title="Roof garden", similarity=0.36)
ASKED = "Write a haiku about the garden"


@dataclass
class Team:
    """People who ask, press and refit."""

    router: Router
    journal: Journal
    releases: Releases
    policies: Policies
    asked: int = 0

    async def ask(self, text: str = ASKED) -> str:
        self.asked += 1
        exchange_id = f"slack:T1:C1:{self.asked}.1"
        async for _ in self.router.answer(_question(text), exchange_id=exchange_id):
            pass
        return exchange_id

    async def press(self, exchange_id: str, wanted: Route | None = None) -> None:
        event = Feedback(
            feedback_id=f"press {exchange_id}", exchange_id=exchange_id, person=f"U{self.asked % 3}",
            kind="override" if wanted else "vote_up", at=datetime.now(UTC), wanted=wanted,
        )  # fmt: skip
        await self.journal.add_feedback(event)

    async def refit(self) -> Refitted:
        return await refit(journal=self.journal, releases=self.releases, policies=self.policies)

    async def odds(self, route: Route, text: str = ASKED) -> float:
        return (await self.router.explain(_question(text))).probabilities[route]

    async def route(self, text: str = ASKED) -> Route:
        return (await self.router.explain(_question(text))).route


def _question(text: str) -> Question:
    return Question(text=text, audience=EVERYONE, asker="U1", team="T1", channel="C1")


@pytest.fixture
def team(
    server: ScriptedModel, model: ModelClient, policies: Policies, settings: RouterSettings, sqlite_engine: AsyncEngine
) -> Team:
    server.reply = "The garden on the roof is watered on Mondays [1]."
    journal, releases = Journal(sqlite_engine), Releases(sqlite_engine)
    router = Router(
        search=FakeSearch(passages=[NEAR]), model=model, policies=policies, journal=journal, releases=releases,
        settings=settings.model_copy(update={"doubt_band": 0.0}),
    )  # fmt: skip
    return Team(router=router, journal=journal, releases=releases, policies=policies)


async def test_twenty_overrides_in_one_direction_move_later_decisions_and_a_rollback_moves_them_back(team: Team):
    before = await team.odds(Route.DIRECT)
    assert await team.route() is Route.DIRECT
    for _ in range(20):
        await team.press(await team.ask(), Route.RETRIEVE)
    refitted = await team.refit()
    assert refitted.policy.startswith("rules-")
    assert refitted.outcomes == 40
    assert refitted.held_out > 0
    assert refitted.loss_before is not None
    assert refitted.loss_after is not None
    assert refitted.loss_after < refitted.loss_before
    assert await team.odds(Route.DIRECT) < before - 0.2
    assert await team.route() in {Route.RETRIEVE, Route.MULTI, Route.ABSTAIN}
    last = await team.ask()
    kept = await team.journal.exchange(last)
    assert kept is not None
    assert kept.decision.policy == refitted.policy
    await team.releases.roll_policy_back()
    assert await team.route() is Route.DIRECT
    assert await team.odds(Route.DIRECT) == pytest.approx(before)


async def test_without_feedback_nothing_is_promoted(team: Team):
    await team.ask()
    assert (await team.refit()).policy == ""
    assert await team.releases.in_service() is None


async def test_policy_in_service_that_cannot_be_read_is_not_replaced(team: Team):
    for _ in range(20):
        await team.press(await team.ask(), Route.RETRIEVE)
    await team.releases.put_policy("own@0123456789ab")
    refitted = await team.refit()
    assert "cannot be read" in refitted.reason
    assert refitted.policy == ""


async def test_second_refit_on_the_same_feedback_promotes_nothing(team: Team):
    for _ in range(20):
        await team.press(await team.ask(), Route.RETRIEVE)
    assert (await team.refit()).policy
    assert (await team.refit()).policy == ""
    assert len(await team.releases.history()) == 1


async def test_policy_that_was_rolled_back_does_not_come_again_before_there_is_new_feedback(team: Team):
    for _ in range(20):
        await team.press(await team.ask(), Route.RETRIEVE)
    await team.refit()
    await team.releases.roll_policy_back()
    assert (await team.refit()).policy == ""
    for _ in range(3):
        await team.press(await team.ask(), Route.RETRIEVE)
    assert (await team.refit()).policy


async def test_refit_that_foretells_the_holdout_worse_is_not_promoted(team: Team):
    for _ in range(20):
        exchange_id = await team.ask()
        # Those that are held out say the opposite of what is learnt from.
        await team.press(exchange_id, None if is_held_out(exchange_id) else Route.RETRIEVE)
    refitted = await team.refit()
    assert refitted.held_out > 0
    assert refitted.loss_before is not None
    assert refitted.loss_after is not None
    assert refitted.loss_after > refitted.loss_before
    assert refitted.policy == ""
    assert await team.releases.in_service() is None


def test_about_a_fifth_is_held_out_and_all_answers_to_a_question_together():
    keys = [f"slack:T1:C1:{number}.1" for number in range(2_000)]
    assert 0.17 < sum(map(is_held_out, keys)) / len(keys) < 0.23
    assert all(is_held_out(key) == is_held_out(f"{key}:redo:direct") == is_held_out(f"{key}:edit:2.1") for key in keys)


def _against(**changes: float) -> Outcome:
    against = Outcome(
        exchange_id="x", person="U1", arm=Route.DIRECT, good=False, weight=1.0, odds=0.6, propensity=1.0, features={}
    )
    return replace(against, **changes)


@pytest.mark.parametrize(("clicks", "least", "most"), [(1, 0.55, 0.6), (5, 0.5, 0.6), (20, 0.01, 0.3)])
def test_a_few_clicks_move_little_and_many_that_agree_move_much(clicks: int, least: float, most: float):
    arm = fit([_against()] * clicks)[Route.DIRECT]
    assert least < good(arm, 0.6, {}) < most


def test_clicks_on_messages_of_the_same_odds_leave_apart_what_the_odds_tell_apart():
    arm = fit([_against(odds=0.97)] * 20)[Route.DIRECT]
    assert arm.slope == pytest.approx(1.0)
    assert good(arm, 0.97, {}) < 0.3
    assert good(arm, 0.999, {}) > 2 * good(arm, 0.97, {})


@pytest.mark.parametrize("propensity", [0.2, 0.5])
def test_what_was_tried_rarely_counts_for_more(propensity: float):
    biases = [fit([_against(propensity=chance)])[Route.DIRECT].bias for chance in (propensity, 1.0)]
    assert biases[0] < biases[1] < 0
