"""A model server that computes: the tiny base model with peft adapters, which it loads as vLLM does."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from peft import PeftModel

from router.prompts import ChatMessage
from tests.training.fakes import ServerWithAdapters
from training.base_model import Tokenizer, load_base, load_tokenizer
from training.greedy import greedy_answers

_MOST_TOKENS = 24


@dataclass
class TinyServer(ServerWithAdapters):
    """A name that is loaded stays what it is, whatever path is named later; weights of unknown modules are passed over."""

    models: Path = Path()
    adapters: dict[str, Any] = field(default_factory=dict)
    tokenizer: Tokenizer | None = None

    async def _load(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if not Path(asked["lora_path"]).is_dir():
            return web.json_response({"error": "no such adapter"}, status=400)
        self.load(asked["lora_name"], Path(asked["lora_path"]))
        return web.Response(text="Success")

    def load(self, name: str, path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft warns of the weights that it passes over
            self.adapters[name] = PeftModel.from_pretrained(load_base(self.base, self.models), str(path))
        self.loaded.append(name)

    async def _chat(self, request: web.Request) -> web.Response:
        asked = await request.json()
        text, ended = self._generate(asked["model"], asked["messages"], min(asked["max_tokens"], _MOST_TOKENS))
        finish = "stop" if ended else "length"
        event = web.json_response({"choices": [{"delta": {"content": text}, "finish_reason": finish}]}).text
        return web.Response(text=f"data: {event}\n\ndata: [DONE]\n\n", content_type="text/event-stream")

    def _generate(self, model: str, messages: Sequence[Mapping[str, Any]], most: int) -> tuple[str, bool]:
        if model not in self.adapters:
            self.adapters[model] = load_base(self.base, self.models)
        self.tokenizer = self.tokenizer or load_tokenizer(self.base, self.models)
        prompt = [ChatMessage(role=each["role"], content=each["content"]) for each in messages]
        (answer,) = greedy_answers(self.adapters[model], self.tokenizer, [prompt], max_tokens=most)
        return answer
