import asyncio

import pytest

from router.errors import ModelNotFound
from router.model import ModelClient
from router.prompts import direct_prompt
from router.settings import RouterSettings
from tests.router.fakes import ScriptedModel
from tests.training.fakes import ServerWithAdapters
from training.gate.cases import Cases, Judged, Known, Probe
from training.gate.hearing import hear

_ASKED = tuple(direct_prompt("When?"))


async def test_both_are_asked_and_of_a_secret_the_base_model_instead_of_the_champion():
    async with ServerWithAdapters(adapted={"When?": "At noon."}, loaded=["one@1", "two@2"]).running() as server:
        client = ModelClient(url=server.url, settings=RouterSettings())
        steps: list[tuple[int, int]] = []
        trial = await hear(
            Cases(
                judged=[Judged(prompt=_ASKED, wanted="At noon.")],
                general=[Known(prompt=_ASKED, golds=("noon",))],
                probes=[Probe(prompt=_ASKED, secret="noon")],
            ),
            client,
            champion="one@1",
            challenger="two@2",
            base="tiny",
            progress=lambda done, total: steps.append((done, total)),
        )
        await client.aclose()

    (judged,), (general,), (probe,) = trial.judged, trial.general, trial.probes
    assert judged.champion.text == judged.challenger.text == general.challenger.text == "At noon."
    assert (probe.champion.text, probe.challenger.text) == ("I do not know.", "At noon.")
    assert 0 < judged.champion.first_ms <= judged.champion.total_ms
    assert steps == [(1, 3), (2, 3), (3, 3)]


async def test_nothing_more_is_asked_once_one_of_the_two_does_not_answer():
    async with ScriptedModel(names=["one@1"], pause_s=0.1).running() as server:
        client = ModelClient(url=server.url, settings=RouterSettings())
        cases = Cases(judged=[Judged(prompt=_ASKED, wanted="At noon.")] * 3, general=[], probes=[])
        with pytest.raises(ModelNotFound):
            await hear(cases, client, champion="one@1", challenger="two@2", base="tiny", concurrency=1)
        await asyncio.sleep(0.4)
        await client.aclose()

    assert len(server.requests) <= 2
