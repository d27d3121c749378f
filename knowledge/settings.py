"""What a team may set about its documents."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# What the embedding model on this machine reads of a text; of a longer chunk the end would be found by nobody.
WINDOW_TOKENS = 256
_PACKAGED_EMBEDDING = "all-MiniLM-L6-v2"
_LANGUAGES = re.compile(r"[A-Za-z_]{3,20}(\+[A-Za-z_]{3,20}){0,9}")
# As the host of an address is written: a name, an IPv4 address, or an IPv6 address without brackets, and a port.
_HOST = re.compile(r"(?:[a-z0-9_][a-z0-9_.-]*|[0-9a-f:]*:[0-9a-f:.]*)(?::[0-9]{1,5})?")


def address(value: str) -> str:
    """The address of a service as it was given. Raises ValueError for what is none."""
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("It is no address of a service; write one like http://host:8000")
    return value


class KnowledgeSettings(BaseSettings):
    """Settings of the documents side; only the composition root reads them from the environment."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Field(default=Path(".tandem"), description="The folder that holds all of Tandem's state.")

    qdrant_url: str = Field(default="", description="A Qdrant server to keep the index in; empty: an embedded index.")
    qdrant_api_key: SecretStr = Field(default=SecretStr(""), description="The key of the Qdrant server.")
    qdrant_timeout_s: int = Field(default=10, ge=1, description="How long a call to the Qdrant server may take.")
    qdrant_shards: int | None = Field(
        default=None,
        ge=1,
        description="Shards that a cluster cuts the index into, when it is made; empty: the server's own.",
    )
    qdrant_replicas: int | None = Field(
        default=None,
        ge=1,
        description="Copies that a cluster keeps of each shard; empty: the server's own, which is one.",
    )
    qdrant_write_consistency: int | None = Field(
        default=None, ge=1, description="Copies that must have taken in what is written; empty: the server's own."
    )
    qdrant_payload_on_disk: bool | None = Field(
        default=None, description="Whether the server keeps the passages' text on disk alone; empty: the server's own."
    )
    qdrant_quantization: Literal["none", "int8"] = Field(
        default="none",
        description="How a server keeps vectors in memory: `none`, or `int8`, a quarter as large, with the whole ones on disk.",
    )

    embedding_model: str = Field(
        default="",
        description="A Hugging Face model, by name or folder, or the model's name at TANDEM_EMBEDDING_URL; "
        "empty: the packaged all-MiniLM-L6-v2.",
    )
    embedding_url: str = Field(
        default="", description="An OpenAI-compatible service that embeds, up to and without /embeddings; empty: none."
    )
    embedding_api_key: SecretStr = Field(default=SecretStr(""), description="The key of the embedding service.")
    # Measured on two cores with the model server busy: one thread 26 chunks/s and 9 ms a question, two threads
    # 1 chunk/s and 680 ms, since each waits, spinning, for a core that something else has.
    embedding_threads: int = Field(
        default=1, ge=1, description="CPU threads for one pass of the embedding model; more only where cores are idle."
    )
    embedding_workers: int = Field(
        default=0,
        ge=0,
        description="Passes over documents at once, all of which wait for whatever else needs the cores; 0: one a core.",
    )

    chunk_tokens: int = Field(
        default=220,
        ge=64,
        le=8000,
        description="Length of a chunk with its title and section, in the model's tokens; at most 256 without an "
        "embedding service. A known document is cut anew when it is ingested again.",
    )

    rerank_model: str = Field(
        default="",
        description="A Hugging Face cross-encoder, by name or folder, or the model's name at TANDEM_RERANK_URL, that scores the "
        "first hits again; empty: none.",
    )
    rerank_url: str = Field(
        default="",
        description="An endpoint that reranks in the form of Jina and Cohere, like http://gpu-1:8001/v1/rerank; empty: none.",
    )
    rerank_api_key: SecretStr = Field(default=SecretStr(""), description="The key of the reranking service.")
    rerank_hits: int = Field(default=20, ge=2, le=200, description="How many hits are scored again.")
    rerank_timeout_s: float = Field(
        default=1.5, gt=0, description="How long that may take; afterwards the hits stay in the order that they had."
    )

    freshness_weight: float = Field(
        default=0,
        ge=0,
        le=1,
        description="How much a new document goes before an old one, as a share of its score; 0: not at all. With 0.05 only "
        "near-ties change places. Documents whose source gives no date are left where they are.",
    )
    freshness_half_life_days: float = Field(
        default=180, gt=0, description="The age at which half of TANDEM_FRESHNESS_WEIGHT is left."
    )

    max_document_bytes: int = Field(default=20_000_000, ge=1, description="The largest file or page that is read.")
    max_document_chars: int = Field(default=2_000_000, ge=1, description="The longest text taken from one document.")
    place_max_documents: int = Field(
        default=2000, ge=1, description="The most documents taken from one archive, site or repository."
    )
    place_max_bytes: int = Field(
        default=500_000_000, ge=1, description="The largest archive or repository, packed and unpacked."
    )
    parse_timeout_s: float = Field(default=30, gt=0, description="How long reading one document may take.")
    parse_memory_mb: int = Field(default=1536, ge=256, description="Memory that reading one document may use.")
    ocr_languages: str = Field(
        default="eng",
        description="Languages of the text in pictures, by Tesseract's codes, such as `eng+deu`; their data must be installed.",
    )
    ocr_data: str = Field(
        default="", description="The folder of Tesseract's language data; empty: where the system keeps them."
    )

    fetch_timeout_s: float = Field(default=20, gt=0, description="How long fetching one page may take.")
    fetch_allow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Internal hosts that pages may be fetched from, as host or host:port, separated by commas.",
    )

    site_max_depth: int = Field(
        default=5, ge=0, description="How many links from its first page a site without a sitemap is followed."
    )
    site_delay_s: float = Field(
        default=0.5, ge=0, description="Pause between two requests to a site; its robots.txt may ask for a longer one."
    )

    repository_timeout_s: float = Field(
        default=300, gt=0, description="How long copying a git repository may take, and each step of reading it."
    )

    @property
    def embedding_name(self) -> str:
        """What tells this embedding's vectors from another's; an index holds those of one."""
        return Path(self.embedding_model).name or ("default" if self.embedding_url else _PACKAGED_EMBEDDING)

    @field_validator("qdrant_url", "embedding_url", "rerank_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return address(value)

    @field_validator("chunk_tokens")
    @classmethod
    def _within_window(cls, value: int, info: ValidationInfo) -> int:
        if value > WINDOW_TOKENS and not info.data.get("embedding_url"):
            raise ValueError(
                f"The embedding model reads {WINDOW_TOKENS} tokens of a chunk; write {WINDOW_TOKENS} or less"
            )
        return value

    @field_validator("qdrant_write_consistency")
    @classmethod
    def _not_above_replicas(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value > (info.data.get("qdrant_replicas") or 1):
            raise ValueError(
                f"No more copies can take it in than there are: set TANDEM_QDRANT_REPLICAS={value} or more"
            )
        return value

    @field_validator("fetch_allow_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            # Whatever else is written would be no page's host, and be allowed to nobody's use.
            if not _HOST.fullmatch(host):
                raise ValueError(f"“{host}” is no host; write host or host:port, like wiki.internal,127.0.0.1:8000")
        return value

    @field_validator("ocr_languages")
    @classmethod
    def _are_languages(cls, value: str) -> str:
        if not _LANGUAGES.fullmatch(value):
            raise ValueError("Write Tesseract's codes, like eng or eng+deu")
        return value

    @field_validator("fetch_allow_hosts", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return (
            tuple(part.strip().lower() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )
