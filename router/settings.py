"""Settings of the router; only the composition root reads them from the environment."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from knowledge.settings import address

# Instructions, a question and an excerpt; with less, a prompt holds no passage, or no question.
_LEAST_PROMPT_TOKENS = 512
_UNHURRIED = 10


class RouterSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TANDEM_", extra="ignore", env_ignore_empty=True)

    model_url: str | None = Field(
        default=None,
        description="An OpenAI-compatible vLLM, like http://gpu-1:8000; unset: the embedded one is started",
    )
    model_api_key: SecretStr | None = Field(default=None, description="Key that the model server asks for")
    model_name: str = Field(
        default="SmolLM2-135M-Instruct", min_length=1, description="Name of the base model at the model server"
    )
    model_window_tokens: int = Field(
        default=4096, ge=1024, description="The model's window: prompt and answer together stay below it"
    )
    answer_max_tokens: int = Field(default=320, ge=16, description="An answer is cut after this many tokens")
    model_connect_s: float = Field(default=5, gt=0, description="Seconds to wait for a connection to the model server")
    model_first_token_s: float = Field(default=60, gt=0, description="Seconds to wait for the first token")
    model_between_tokens_s: float = Field(default=20, gt=0, description="Seconds to wait between two tokens")
    model_total_s: float = Field(
        default=180, gt=0, description="Seconds that an answer may take in all; Slack ends a stream after about 300"
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="Failures in a row after which the model server is left alone for a while"
    )
    breaker_pause_s: float = Field(
        default=10, gt=0, description="Seconds before one request tries the model server again"
    )
    question_max_chars: int = Field(
        default=4000, ge=100, description="A longer message is read to here, and the answer says so"
    )
    prompt_passages: int = Field(
        default=3, ge=1, le=20, description="Passages shown to the model: 3 suit the embedded one, 5 a larger one"
    )
    read_apart: bool = Field(
        default=False,
        description=(
            "An adapter is shown each passage by itself, and the answer that it is surest of is taken, unless the "
            "question has several parts. For the embedded model: a larger one answers better from several at once"
        ),
    )
    least_surety: float = Field(
        default=-1.5,
        description=(
            "How likely the adapter must find an answer that is read so, as log-odds against a decline. The higher, the "
            "more often Tandem says that the documents do not tell"
        ),
    )
    passage_max_chars: int = Field(default=1600, ge=200, description="A longer passage is cut here in the prompt")
    passage_widen_chars: int = Field(
        default=0,
        ge=0,
        le=20_000,
        description=(
            "A passage found is widened by its neighbours in the document up to this many characters, and at most to "
            "TANDEM_PASSAGE_MAX_CHARS; 0: shown as it was found. Meant for models larger than the embedded one"
        ),
    )
    prompt_chars: int = Field(
        default=2000,
        ge=200,
        description=(
            "Characters of passages shown to the model: the best one whole, of the others what speaks to the question. "
            "2000 suit two cores, 8000 a GPU"
        ),
    )
    search_limit: int = Field(default=8, ge=1, le=50, description="Passages asked of one search")
    search_timeout_s: float = Field(default=5, gt=0, description="Seconds that one search may take")
    searches_max: int = Field(default=3, ge=1, le=5, description="Searches for one question, rewordings included")
    search_budget_s: float = Field(
        default=2, gt=0, description="Seconds after which no further rewording is searched for"
    )
    query_rewrite: bool = Field(
        default=False,
        description=(
            "The model makes a search query out of thread and question before the first search: it helps follow-ups, "
            "and costs the time of a short answer. Meant for models larger than the embedded one"
        ),
    )
    query_rewrite_s: float = Field(
        default=2, gt=0, description="Seconds that this may take; then the question is searched for as it was asked"
    )

    doubt_band: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description=(
            "A route is doubtful where documents and memory lie less than this apart; then the model is asked for a short "
            "guess from memory, and TANDEM_EXPLORE may apply. 0: never"
        ),
    )
    guess_tokens: int = Field(default=24, ge=4, le=200, description="Tokens of such a guess")
    guess_s: float = Field(
        default=1.5, gt=0, description="Seconds that a guess may take; then the route is chosen without it"
    )
    explore: float = Field(
        default=0,
        ge=0,
        le=0.5,
        description="How often, of doubtful routes, the second-best is taken, so that the router learns about it; 0: never",
    )

    @field_validator("model_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return value if value is None else address(value)

    @model_validator(mode="after")
    def _prompt_has_room(self) -> Self:
        most = self.model_window_tokens - _LEAST_PROMPT_TOKENS
        if self.answer_max_tokens > most:
            raise ValueError(
                f"TANDEM_ANSWER_MAX_TOKENS={self.answer_max_tokens} leaves too little of the model's window for a prompt: "
                f"write {most} or less, or TANDEM_MODEL_WINDOW_TOKENS of "
                f"{self.answer_max_tokens + _LEAST_PROMPT_TOKENS} or more"
            )
        return self

    def unhurried(self) -> Self:
        """For answers that nobody waits for, many at once: a slow or busy model server is given ten times as long."""
        waits = ("model_first_token_s", "model_between_tokens_s", "model_total_s")
        return self.model_copy(update={name: _UNHURRIED * getattr(self, name) for name in waits})
