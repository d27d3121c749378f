"""The one door to the model server: an OpenAI-compatible vLLM, spoken to over HTTP."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus

import httpx

from router.breaker import Breaker
from router.completions import Chunk, Finish, Usage, WeighedAnswer, weighed_answer
from router.errors import (
    ModelError,
    ModelGarbled,
    ModelNotFound,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    first_of,
)
from router.prompts import ChatMessage
from router.repetition import RepetitionGuard
from router.settings import RouterSettings
from router.wire import Event, Models, Weighed, read

_LOG = logging.getLogger(__name__)
_LONGEST_LINE_BYTES = 1_000_000
_SERVER_ERROR = 500
# vLLM's server closes an idle connection after 5 s; a shorter life here never meets a closed one.
_KEEPALIVE_S = 4.0


class ModelClient:
    """`url` is the server's root, with or without `/v1`. Close it with `aclose`."""

    def __init__(self, *, url: str, settings: RouterSettings) -> None:
        key = settings.model_api_key
        self._settings = settings
        self._breaker = Breaker(failures=settings.breaker_failures, pause_s=settings.breaker_pause_s)
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/").removesuffix("/v1"),
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx.Timeout(None, connect=settings.model_connect_s),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=_KEEPALIVE_S),
            trust_env=False,
        )

    async def stream(
        self, messages: Sequence[ChatMessage], *, model: str, max_tokens: int, temperature: float = 0.0
    ) -> AsyncGenerator[Chunk, None]:
        """Stream an answer, greedily unless told otherwise.

        Raises ModelUnavailable, ModelTimeout, ModelGarbled, ModelRefused or ModelNotFound. Closing the iterator
        early closes the connection, which makes vLLM stop generating.
        """
        if not self._breaker.allow():
            raise ModelUnavailable
        body = {
            "model": model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        try:
            async with aclosing(self._guarded(body)) as chunks:
                async for chunk in chunks:
                    self._breaker.succeeded()
                    yield chunk
        except ModelRefused:
            self._breaker.succeeded()
            raise
        except ModelError:
            self._breaker.failed()
            raise
        finally:
            self._breaker.left()

    async def complete(
        self, messages: Sequence[ChatMessage], *, model: str, max_tokens: int, temperature: float = 0.0
    ) -> str:
        """The whole answer at once; raises as `stream` does."""
        stream = self.stream(messages, model=model, max_tokens=max_tokens, temperature=temperature)
        return "".join([chunk.text async for chunk in stream])

    async def weighed(self, messages: Sequence[ChatMessage], *, model: str, max_tokens: int) -> WeighedAnswer:
        """The beginning of a greedy answer with its log-probabilities; raises as `stream` does."""
        if not self._breaker.allow():
            raise ModelUnavailable
        try:
            return await self._weigh(messages, model=model, max_tokens=max_tokens, nearest=2)
        finally:
            # Whether the server is well, the answers that people wait for tell.
            self._breaker.left()

    async def weighed_each(
        self,
        prompts: Sequence[Sequence[ChatMessage]],
        *,
        model: str,
        max_tokens: int,
        nearest: int,
        without: Sequence[str] = (),
    ) -> list[WeighedAnswer]:
        """The same for several prompts at once, with the log-probabilities of `nearest` tokens at each place.

        The answers hold none of the words `without`, where the server knows vLLM's `bad_words`.
        """
        if not self._breaker.allow():
            raise ModelUnavailable
        try:
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(
                        self._weigh(prompt, model=model, max_tokens=max_tokens, nearest=nearest, without=without)
                    )
                    for prompt in prompts
                ]
        except* ModelError as errors:
            first = first_of(errors)
            if isinstance(first, ModelRefused):
                self._breaker.succeeded()
            else:
                self._breaker.failed()
            raise first from errors
        else:
            self._breaker.succeeded()
        finally:
            self._breaker.left()
        return [each.result() for each in asked]

    async def models(self) -> list[str]:
        """Names that can be asked: the base model and each loaded adapter."""
        answer = await self._request("GET", "/v1/models")
        return [card.id for card in read(Models, answer).data]

    async def load_adapter(self, name: str, path: str) -> None:
        """Load the adapter at `path` as `name`; one that is loaded already stays as it is.

        Names and paths are immutable (`name@digest`): vLLM caches by them.
        """
        if name in await self.models():
            return
        try:
            await self._request("POST", "/v1/load_lora_adapter", {"lora_name": name, "lora_path": path})
        except ModelRefused:
            # Another process may have loaded it in between.
            if name not in await self.models():
                raise

    async def unload_adapter(self, name: str) -> None:
        """Have the server forget an adapter. One that it does not know is forgotten already."""
        if name in await self.models():
            await self._request("POST", "/v1/unload_lora_adapter", {"lora_name": name})

    async def ready(self) -> bool:
        try:
            await self._request("GET", "/health")
        except ModelError:
            return False
        return True

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _weigh(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str,
        max_tokens: int,
        nearest: int,
        without: Sequence[str] = (),
    ) -> WeighedAnswer:
        body = {
            "model": model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "logprobs": True,
            "top_logprobs": nearest,
            **({"bad_words": list(without)} if without else {}),
        }
        sent = time.perf_counter()
        answer = read(Weighed, await self._request("POST", "/v1/chat/completions", body))
        return weighed_answer(answer, elapsed_ms=(time.perf_counter() - sent) * 1000)

    async def _guarded(self, body: Mapping[str, object]) -> AsyncGenerator[Chunk, None]:
        """Cut an answer that repeats itself, and one whose server ignores the cap on tokens."""
        guard = RepetitionGuard()
        most_chars = 16 * self._settings.model_window_tokens
        async with aclosing(self._chunks(body)) as chunks:
            async for chunk in chunks:
                most_chars -= len(chunk.text)
                if chunk.text and (guard.is_looping(chunk.text) or most_chars < 0):
                    yield Chunk(text="", elapsed_ms=chunk.elapsed_ms, finish="repetition")
                    return
                yield chunk

    async def _chunks(self, body: Mapping[str, object]) -> AsyncGenerator[Chunk, None]:
        sent = time.perf_counter()
        finish: Finish | None = None
        async with aclosing(self._events(body)) as events:
            async for event in events:
                elapsed_ms = (time.perf_counter() - sent) * 1000
                if event.error is not None:
                    _LOG.warning("the model server broke off: %s", str(event.error)[:300])
                    raise ModelUnavailable
                if event.usage is not None and not event.choices:
                    usage = Usage(
                        prompt_tokens=event.usage.prompt_tokens, completion_tokens=event.usage.completion_tokens
                    )
                    yield Chunk(text="", elapsed_ms=elapsed_ms, finish=finish, usage=usage)
                for choice in event.choices[:1]:
                    if choice.finish_reason is not None:
                        finish = "length" if choice.finish_reason == "length" else "stop"
                    if choice.delta.content or choice.finish_reason:
                        yield Chunk(text=choice.delta.content or "", elapsed_ms=elapsed_ms, finish=finish)
        if finish is None:
            raise ModelUnavailable

    async def _events(self, body: Mapping[str, object]) -> AsyncGenerator[Event, None]:
        """Each server-sent event, within the deadlines; ends at `[DONE]` or with the body."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._settings.model_total_s
        due = min(end, clock() + self._settings.model_first_token_s)
        async with aclosing(self._lines(body)) as lines:
            while True:
                try:
                    async with asyncio.timeout_at(due):
                        line = await anext(lines, None)
                except TimeoutError as error:
                    raise ModelTimeout from error
                if line is None or line == "data: [DONE]":
                    return
                if not line.startswith("data:"):
                    continue
                event = read(Event, line.removeprefix("data:"))
                if event.choices and event.choices[0].delta.content:
                    due = min(end, clock() + self._settings.model_between_tokens_s)
                yield event

    async def _lines(self, body: Mapping[str, object]) -> AsyncGenerator[str, None]:
        try:
            async with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
                if response.is_error:
                    raise _status_error(response.status_code, await response.aread())
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise ModelGarbled
                rest = b""
                async for data in response.aiter_bytes():
                    *lines, rest = (rest + data).split(b"\n")
                    if len(rest) > _LONGEST_LINE_BYTES:
                        raise ModelGarbled
                    for line in lines:
                        yield line.decode("utf-8", "replace").rstrip("\r")
        except httpx.TimeoutException as error:
            raise ModelTimeout from error
        except httpx.HTTPError as error:
            raise ModelUnavailable from error

    async def _request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> bytes:
        try:
            async with asyncio.timeout(self._settings.model_first_token_s):
                response = await self._http.request(method, path, json=body)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ModelTimeout from error
        except httpx.HTTPError as error:
            raise ModelUnavailable from error
        if response.is_error:
            raise _status_error(response.status_code, response.content)
        return response.content


def _status_error(status: int, body: bytes) -> ModelError:
    _LOG.warning("the model server answered %d: %s", status, body[:300].decode("utf-8", "replace"))
    if status >= _SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelUnavailable()
    return ModelNotFound() if status == HTTPStatus.NOT_FOUND else ModelRefused()
