"""A night over a tiny model: rows become an adapter, and the adapter is tried for real."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router import tables as router_tables
from router.know_how import KNOW_HOW, read_know_how
from router.model import ModelClient
from router.prompts import ChatMessage
from router.releases import Releases
from router.settings import RouterSettings
from tests.training.lineages import lineage
from tests.training.tiny_recipe import TAUGHT, tiny_recipe
from tests.training.tiny_server import TinyServer
from training import tables
from training.canaries import Canary, write_canaries
from training.errors import AdapterRefused
from training.finetune import train
from training.gate.cases import Cases, Judged, Known
from training.gate.checks import Limits
from training.lineage import learnt_rows, read_lineage, write_lineage
from training.nightly.report import Summary, headline, report_page, summary_of
from training.nightly.rows import gather_taught
from training.nightly.work import ALWAYS, NOTHING_NEW, NOTHING_TO_LEARN, SWITCHED_OFF, NightWork, Tools
from training.rows import Message, Row, data_digest, write_rows

_DAY = date(2026, 11, 28)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(router_tables.metadata.create_all)
        await connection.run_sync(tables.metadata.create_all)
    yield engine
    await engine.dispose()


class Given:
    """A home with a recipe; what is taught, the switch and the posts are the test's."""

    def __init__(self, home: Path, engine: AsyncEngine, model: ModelClient, models: Path) -> None:
        self.home, self.engine, self.model, self.models = home, engine, model, models
        self.taught = dict(TAUGHT)
        self.rehearsed: dict[str, str] = {}
        self.is_enabled = True
        self.called_taught: list[str] = []
        self.trainings = 0
        self.posts: list[tuple[str, Summary]] = []
        (home / "team.yaml").write_text(tiny_recipe())

    def night(self, run: str = "nightly:2026-11-28") -> NightWork:
        return NightWork(
            Tools(
                home=self.home,
                engine=self.engine,
                model=self.model,
                is_enabled=self.is_enabled,
                export=self._export,
                write_rows=self._write_rows,
                train=self._train,
                cases=self._cases,
                refit=self._refit,
                post=self._post,
                limits=Limits(slower=100),  # the machine's own doings are not what is tried here
            ),
            day=_DAY,
            run_id=run,
        )

    async def whole(self, run: str = "nightly:2026-11-28") -> dict[str, dict]:
        """All stages, as the workflow does them, each of them twice: the first time it was killed."""
        outcomes: dict[str, dict] = {}
        for stage in ("export", "curate", "train", "gate", "promote", "refit", "report"):
            if stage in ALWAYS or not any("ended" in outcome for outcome in outcomes.values()):
                outcomes[stage], again = [await self.night(run).do(stage, outcomes) for _ in range(2)]
                assert again == outcomes[stage] or stage == "gate"  # which tells how long answers took
        return json.loads(json.dumps(outcomes))

    async def _export(self, until: datetime) -> dict:
        assert until == datetime(2026, 11, 28, tzinfo=UTC)
        return {"rows": {"sft.jsonl": len(self.taught)}, "withheld": {"not_public": 2}}

    async def _write_rows(self, out: Path) -> int:
        taught, rehearsed = (
            [
                Row(
                    prompt=[Message(role="user", content=asked)], completion=[Message(role="assistant", content=answer)]
                )
                for asked, answer in answers.items()
            ]
            for answers in (self.taught, self.rehearsed)
        )
        rows = [*taught, *rehearsed] if taught else []
        write_rows(out, rows)
        out.with_name(KNOW_HOW).write_text(json.dumps(self.called_taught))
        told = lineage(data_sha256=data_digest(out), rows=learnt_rows(rows, corrected=(), general=taught))
        write_lineage(out.parent, told)
        return len(rows)

    async def _train(self, rows: Path, out: Path) -> None:
        if not (out / "canaries.json").is_file():
            self.trainings += 1
            await asyncio.to_thread(train, self.home / "team.yaml", rows, out, models=self.models)
            # Of prompts that it never saw, so small a model says one thing alone and another thing in a batch.
            learnt = [
                Canary(prompt=[Message(role="user", content=asked)], expected=answer)
                for asked, answer in self.taught.items()
            ]
            write_canaries(out / "canaries.json", learnt)

    async def _cases(self, rows: Path, champion: str) -> Cases:
        assert rows.is_file()
        judged = [
            Judged(prompt=(ChatMessage(role="user", content=asked),), wanted=answer, is_correction=True)
            for asked, answer in TAUGHT.items()
        ]
        general = [Known(prompt=each.prompt, golds=(each.wanted,)) for each in judged]
        # Neither can read passages, so that neither is behind.
        general.append(Known(prompt=judged[0].prompt, golds=("nobody knows",), right=1))
        return Cases(judged=judged, general=general)

    async def _refit(self) -> dict:
        return {"reason": "It is in service.", "loss_before": 0.7, "loss_after": 0.6, "by_arm": {"direct": 4}}

    async def _post(self, summary: Summary, work_id: str) -> str:
        if (work_id, summary) not in self.posts:  # as in Slack, where its id is looked for first
            self.posts.append((work_id, summary))
        return "It was posted."


@pytest.fixture
async def given(tmp_path: Path, engine: AsyncEngine, models_folder: Path) -> AsyncIterator[Given]:
    async with TinyServer(models=models_folder).running() as server:
        model = ModelClient(url=server.url, settings=RouterSettings())
        yield Given(tmp_path, engine, model, models_folder)
        await model.aclose()


async def _in_service(given: Given) -> str:
    release = await Releases(given.engine).in_service()
    return release.adapter if release else ""


async def test_corrections_become_an_adapter_in_service_and_worse_ones_do_not(given: Given):
    first = await given.whole()
    good = await _in_service(given)
    assert first["gate"]["is_better"], first["gate"]["says"]
    assert first["promote"] == {"in_service": good, "is_promoted": True}
    assert good.startswith("team@")
    assert given.trainings == 1

    given.taught = dict.fromkeys(TAUGHT, "buy now")
    second = await given.whole("nightly:2026-11-29")
    assert second["promote"] == {"in_service": good, "is_promoted": False}
    assert await _in_service(given) == good
    assert await given.model.models() == ["tiny", good]
    assert (given.home / "adapters" / second["gate"]["adapter"]).is_dir()

    _, summary = given.posts[-1]
    assert summary.headline.startswith("The champion stays: the challenger failed")
    assert (summary.adapter, summary.says) == (second["gate"]["adapter"], "Promote it all the same")


@pytest.mark.parametrize("called_taught", [[], ["Who orders laptops?"]])
async def test_what_the_night_calls_taught_is_told_and_not_each_wording_in_its_rows(
    called_taught: list[str], given: Given
):
    given.called_taught = called_taught

    for stage in ("curate", "train"):
        await given.night().do(stage, {})

    assert read_know_how(given.night().folder / "adapter") == called_taught


async def test_what_an_adapter_learnt_from_goes_into_service_with_its_weights(given: Given):
    await given.whole()
    lineage = read_lineage(given.home / "adapters" / await _in_service(given))
    assert lineage is not None
    assert len(lineage.rows) == len(TAUGHT)


async def test_night_leaves_its_report_and_neither_rows_nor_weights(given: Given):
    outcomes = await given.whole()

    folder = given.home / "nights" / "2026-11-28"
    assert sorted(path.name for path in folder.iterdir()) == ["night.json", "report.html"]
    assert json.loads((folder / "night.json").read_text())["gate"] == outcomes["gate"]
    assert [work_id for work_id, _ in given.posts] == ["nightly:2026-11-28"]


async def test_same_rows_are_not_trained_on_in_another_night(given: Given):
    await given.whole()
    outcomes = await given.whole("nightly:2026-11-29")

    assert outcomes["curate"]["ended"] == NOTHING_NEW
    assert given.trainings == 1


async def test_documents_that_changed_are_no_reason_to_train_and_another_lesson_is(given: Given):
    await given.whole()
    given.rehearsed = {"what does the new page say?": "nothing"}
    assert (await given.night("nightly:2026-11-29").do("curate", {}))["ended"] == NOTHING_NEW

    given.taught = {**given.taught, "what is new?": "this"}
    assert "ended" not in await given.night("nightly:2026-11-29").do("curate", {})


async def test_nothing_is_trained_while_the_switch_is_off_or_nothing_was_said(given: Given):
    given.is_enabled = False
    assert (await given.whole())["curate"] == {"ended": SWITCHED_OFF}
    given.is_enabled, given.taught = True, {}
    assert (await given.whole())["curate"] == {"ended": NOTHING_TO_LEARN}
    assert given.trainings == 0
    assert await given.model.models() == ["tiny"]


async def test_adapter_that_may_not_be_served_ends_the_gate(given: Given):
    outcomes = {"curate": await given.night().do("curate", {})}
    await given.night().do("train", outcomes)
    (given.home / "nights" / "2026-11-28" / "adapter" / "weights.pickle").write_bytes(b"")

    with pytest.raises(AdapterRefused, match="pickle"):
        await given.night().do("gate", outcomes)


def test_rows_of_all_days_are_gathered_each_exchange_once_and_never_the_holdout(tmp_path: Path):
    for day, side, text in (
        ("2026-11-01", "train", "old"),
        ("2026-11-02", "train", "new"),
        ("2026-11-02", "holdout", "held"),
    ):
        folder = tmp_path / day / side
        folder.mkdir(parents=True)
        row = {
            "exchange_id": "x" if side == "train" else "y",
            "prompt": [{"role": "user", "content": "q"}],
            "completion": [{"role": "assistant", "content": text}],
        }
        (folder / "sft.jsonl").write_text(json.dumps(row) + "\n")

    (learnt,) = gather_taught(tmp_path).accepted
    assert learnt.completion[0].content == "new"


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_report_shows_what_people_and_models_wrote_as_text():
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    check = {"name": hostile, "passed": False, "says": hostile, "difference": [0.1, -0.1, 0.2, 5]}
    outcomes = {
        "export": {"rows": {hostile: 3}, "withheld": {hostile: 2}},
        "train": {"first_loss": 2.0, "last_loss": 1.0, "steps": 3, "seconds": 60, "losses": [2.0, 1.5, 1.0]},
        "gate": {"adapter": hostile, "champion": hostile, "is_better": False, "says": hostile, "checks": [check]},
        "refit": {"reason": hostile, "by_arm": {hostile: 4}},
    }
    page = Tags(report_page(_DAY, outcomes))

    assert page.tags.count("svg") == 4
    assert not {"script", "img", "iframe", "a", "link"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on") or name in {"href", "src"}]


def test_failed_stage_is_the_headline_and_offers_nothing():
    outcomes = {"export": {}, "train": {"failed": "The training ended early: out of memory"}}

    assert headline(outcomes).startswith("The night ended at its stage “train”, and nothing changed in service.")
    assert summary_of(_DAY, outcomes, page="p").adapter == ""


def test_challenger_that_gave_a_secret_away_is_not_offered():
    check = {"name": "leaks", "passed": False, "says": "It gives away 1 of 4.", "difference": None}
    gate = {"adapter": "team@1", "champion": "c@1", "is_better": False, "says": "", "checks": [check]}

    assert summary_of(_DAY, {"gate": gate, "promote": {"is_promoted": False}}, page="p").adapter == ""


def test_after_a_promotion_the_way_back_is_offered():
    gate = {"adapter": "team@1", "champion": "grounding@2", "is_better": True, "says": "", "checks": []}
    promoted = {"is_promoted": True, "in_service": "team@1"}

    assert summary_of(_DAY, {"gate": gate, "promote": promoted}, page="p").adapter == "grounding@2"
    base = {**gate, "champion": "SmolLM2"}
    assert summary_of(_DAY, {"gate": base, "promote": promoted}, page="p").adapter == ""
