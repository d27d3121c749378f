"""A short guess from memory, with how sure the model was of its words: asked for only where the route is doubtful."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from router.completions import Token
from router.errors import ModelError
from router.model import ModelClient
from router.prompts import direct_prompt
from router.questions import Question
from router.settings import RouterSettings

_LOG = logging.getLogger(__name__)
_QUESTION_CHARS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """`mean` is the mean log-probability of its tokens, `margin` by how much each beat its runner-up, on average."""

    text: str
    mean: float
    margin: float

    def features(self) -> dict[str, float]:
        return {"guess_mean": self.mean, "guess_margin": self.margin}


class Guesser:
    def __init__(self, *, model: ModelClient, settings: RouterSettings) -> None:
        self._model = model
        self._settings = settings

    async def guess(self, question: Question, *, model: str) -> Guess | None:
        """None where there is none in time: the route is then chosen without it."""
        prompt = direct_prompt(question.text[:_QUESTION_CHARS])
        try:
            async with asyncio.timeout(self._settings.guess_s):
                answer = await self._model.weighed(prompt, model=model, max_tokens=self._settings.guess_tokens)
        except (ModelError, TimeoutError) as error:
            _LOG.info("a route is chosen without a guess from memory: %s", type(error).__name__)
            return None
        return _weighed(answer.tokens) if answer.tokens else None


def _weighed(tokens: Sequence[Token]) -> Guess:
    return Guess(
        text="".join(token.text for token in tokens),
        mean=round(sum(token.logprob for token in tokens) / len(tokens), 4),
        margin=round(sum(token.logprob - token.runner_up for token in tokens) / len(tokens), 4),
    )
