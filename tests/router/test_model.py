import asyncio
from contextlib import aclosing

import pytest
from pydantic import SecretStr

from router.errors import ModelGarbled, ModelNotFound, ModelRefused, ModelTimeout, ModelUnavailable
from router.model import Chunk, ModelClient
from router.prompts import ChatMessage
from router.settings import RouterSettings
from tests.router.fakes import ScriptedModel

HELLO: list[ChatMessage] = [{"role": "user", "content": "Hello"}]


async def ask(model: ModelClient, name: str = "base") -> list[Chunk]:
    return [chunk async for chunk in model.stream(HELLO, model=name, max_tokens=32)]


async def test_answer_arrives_in_pieces_with_usage_and_times(server: ScriptedModel, model: ModelClient):
    server.reply, server.pause_s = "Sixteen weeks of leave.", 0.01
    chunks = await ask(model)
    assert "".join(chunk.text for chunk in chunks) == "Sixteen weeks of leave."
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 4)
    assert chunks[-1].finish == "stop"
    assert 10 <= chunks[0].elapsed_ms < chunks[-1].elapsed_ms


async def test_decoding_is_greedy_and_capped_unless_told_otherwise(server: ScriptedModel, model: ModelClient):
    await ask(model)
    assert server.requests[0]["temperature"] == 0
    assert server.requests[0]["max_tokens"] == 32


async def test_key_is_sent_and_a_v1_url_is_understood(server: ScriptedModel):
    settings = RouterSettings(model_api_key=SecretStr("s3cret"))
    client = ModelClient(url=f"{server.url}/v1/", settings=settings)
    assert await client.complete(HELLO, model="base", max_tokens=8) == "All good."
    assert server.headers[0]["Authorization"] == "Bearer s3cret"
    await client.aclose()


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("error", ModelUnavailable),
        ("cut", ModelUnavailable),
        ("broken", ModelUnavailable),
        pytest.param("hanging", ModelTimeout, marks=pytest.mark.hurried),
        pytest.param("stalled", ModelTimeout, marks=pytest.mark.hurried),
        ("garbage", ModelGarbled),
        ("not_events", ModelGarbled),
        ("deaf_line", ModelGarbled),
        ("refused", ModelRefused),
    ],
)
async def test_each_fault_becomes_its_own_error_in_time(
    server: ScriptedModel, model: ModelClient, mode: str, error: type[Exception]
):
    server.mode, server.reply = mode, "One two three four five six."
    async with asyncio.timeout(10):
        with pytest.raises(error) as raised:
            await ask(model)
    assert raised.type is error
    assert str(raised.value).endswith(".")


async def test_slow_stream_ends_at_the_deadline_in_all(server: ScriptedModel):
    server.reply, server.pause_s = "word " * 100, 0.05
    client = ModelClient(url=server.url, settings=RouterSettings(model_total_s=0.3))
    with pytest.raises(ModelTimeout):
        await ask(client)
    await client.aclose()


async def test_server_that_is_not_there_is_unavailable(settings: RouterSettings, free_port: int):
    client = ModelClient(url=f"http://127.0.0.1:{free_port}", settings=settings)
    with pytest.raises(ModelUnavailable):
        await ask(client)
    assert not await client.ready()
    await client.aclose()


async def test_endless_repetition_is_cut(server: ScriptedModel, model: ModelClient):
    server.mode = "endless"
    chunks = await ask(model)
    assert chunks[-1].finish == "repetition"
    assert sum(len(chunk.text) for chunk in chunks) < 400


async def test_length_limit_is_told(server: ScriptedModel, model: ModelClient):
    server.mode = "length"
    assert (await ask(model))[-1].finish == "length"


async def test_breaker_opens_after_failures_and_closes_after_a_good_probe(server: ScriptedModel, model: ModelClient):
    server.mode = "error"
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            await ask(model)
    with pytest.raises(ModelUnavailable):
        await ask(model)
    assert len(server.requests) == 3
    server.mode = "good"
    await asyncio.sleep(0.65)
    assert await ask(model)
    assert await ask(model)


async def test_refused_request_does_not_open_the_breaker(server: ScriptedModel, model: ModelClient):
    server.mode = "refused"
    for _ in range(4):
        with pytest.raises(ModelRefused):
            await ask(model)
    assert len(server.requests) == 4


async def test_closing_the_stream_early_frees_the_server(server: ScriptedModel, model: ModelClient):
    server.reply, server.pause_s = "word " * 200, 0.01
    async with aclosing(model.stream(HELLO, model="base", max_tokens=32)) as chunks:
        async for _ in chunks:
            break
    for _ in range(100):
        if server.closed_early:
            break
        await asyncio.sleep(0.01)
    assert server.closed_early == 1


async def test_unknown_adapter_is_not_found(model: ModelClient):
    with pytest.raises(ModelNotFound):
        await ask(model, "grounding@0000")


async def test_adapter_is_loaded_once_and_then_listed(server: ScriptedModel, model: ModelClient):
    await model.load_adapter("grounding@1a2b", "adapters/1a2b")
    await model.load_adapter("grounding@1a2b", "adapters/1a2b")
    assert server.loads == [{"lora_name": "grounding@1a2b", "lora_path": "adapters/1a2b"}]
    assert await model.models() == ["base", "grounding@1a2b"]
    assert await model.ready()


async def test_adapter_is_unloaded_and_one_that_is_not_there_needs_no_unloading(
    server: ScriptedModel, model: ModelClient
):
    await model.load_adapter("grounding@1a2b", "adapters/1a2b")
    for _ in range(2):
        await model.unload_adapter("grounding@1a2b")
        assert await model.models() == ["base"]


async def test_adapter_that_cannot_be_loaded_is_refused(server: ScriptedModel, model: ModelClient):
    server.mode = "refused"
    with pytest.raises(ModelRefused):
        await model.load_adapter("grounding@1a2b", "nowhere")
