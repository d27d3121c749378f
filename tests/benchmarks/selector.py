"""LlamaIndex's `LLMSingleSelector` on the embedded model beside a fitted policy: which arm, how right, and how long it takes.

Both choose among the same arms for the same questions about Wikipedia, which neither has learnt from. An answer that the
selector's own parser refuses counts as one search, as most who use it would have it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseGen, LLMMetadata
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.output_parsers.base import OutputParserException
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import ToolMetadata

from bot.assembly import Parts
from knowledge.embedding import open_embedding
from knowledge.settings import KnowledgeSettings
from router.datasets.examples import Arm, Example, read_examples
from router.learned.arms import STEPS
from router.learned.encoding import read
from router.learned.experiment import gather
from router.learned.fitting_arms import Aims, fit_arms
from tests.benchmarks.documents import DATA
from tests.benchmarks.measuring import spread
from tests.benchmarks.router import told
from tests.benchmarks.swap import served

ASKED = 200
_SET = DATA / "routing-wiki" / "routing.jsonl"
_ANSWER_TOKENS = 96
_CHOICES = {
    Arm.NONE: "answer from memory, without a search: for what is widely known",
    Arm.SINGLE: "search the documents once: for a question about one fact",
    Arm.MULTI: "search the documents several times: for a question that joins several facts",
}


async def measure(folder: Path, *, small: bool) -> dict[str, Any]:
    examples = read_examples(_SET)
    order = np.random.default_rng(0).permutation(len(examples))
    asked = [examples[number] for number in order[: ASKED // 10 if small else ASKED]]
    learnt = [examples[number] for number in order[ASKED:]]
    ours = await asyncio.to_thread(_by_policy, learnt, asked)
    async with served(folder, Path(".venv-model")) as parts:
        theirs = await asyncio.to_thread(_by_selector, parts, asked)
    return {
        "questions": len(asked),
        "tandem": ours.figures(),
        "llm_single_selector": theirs.figures(),
        "tandem_is_more_right_by": told(ours.outcomes() - theirs.outcomes()),
        "times_as_fast": round(float(np.median(theirs.seconds) / np.median(ours.seconds)), 1),
    }


@dataclass(kw_only=True)
class _Choices:
    asked: Sequence[Example]
    chosen: list[Arm] = field(default_factory=list[Arm])
    seconds: list[float] = field(default_factory=list[float])
    not_understood: int = 0

    def outcomes(self) -> Any:
        return np.array([float(example.right[arm]) for example, arm in zip(self.asked, self.chosen, strict=True)])

    def figures(self) -> dict[str, Any]:
        return {
            "accuracy": told(self.outcomes()),
            "mean_steps": round(float(np.mean([STEPS[arm] for arm in self.chosen])), 3),
            "chosen": dict(Counter(arm.value for arm in self.chosen)),
            "not_understood": self.not_understood,
            "latency": spread(self.seconds),
        }


def _by_policy(learnt: Sequence[Example], asked: Sequence[Example]) -> _Choices:
    """A decision's time is with the embedding of its question."""
    embedding = open_embedding(KnowledgeSettings())
    facts = gather(learnt, lambda texts: embedding.get_text_embedding_batch(list(texts)))
    policy = fit_arms(learnt, [read(each) for each in facts], Aims())
    made = _Choices(asked=asked)
    for example in asked:
        began = time.perf_counter()
        [of_question] = gather([example], lambda texts: [embedding.get_query_embedding(text) for text in texts])
        made.chosen.append(policy.arms[policy.choose(policy.probabilities(of_question)[np.newaxis])[0]])
        made.seconds.append(time.perf_counter() - began)
    return made


def _by_selector(parts: Parts, asked: Sequence[Example]) -> _Choices:
    model = _ServedModel(url=parts.configuration.model_url, name=parts.configuration.router.model_name)
    selector = LLMSingleSelector.from_defaults(llm=model)
    choices = [ToolMetadata(description=said, name=arm.value) for arm, said in _CHOICES.items()]
    made = _Choices(asked=asked)
    for example in asked:
        began = time.perf_counter()
        try:
            made.chosen.append(list(_CHOICES)[selector.select(choices, example.question.text).ind])
        except (OutputParserException, ValueError, IndexError, KeyError, TypeError):
            made.not_understood += 1
            made.chosen.append(Arm.SINGLE)
        made.seconds.append(time.perf_counter() - began)
    return made


class _ServedModel(CustomLLM):
    """A chat model behind OpenAI's protocol, as LlamaIndex calls one."""

    url: str
    name: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.name, context_window=4096, num_output=_ANSWER_TOKENS)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        body = {
            "model": self.name,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": _ANSWER_TOKENS,
            "temperature": 0,
        }
        answer = httpx.post(f"{self.url}/v1/chat/completions", json=body, timeout=120)
        answer.raise_for_status()
        return CompletionResponse(text=answer.json()["choices"][0]["message"]["content"])

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponseGen:
        raise NotImplementedError
