"""The same folder through LlamaIndex's own parts, each as it comes.

Its splitter's overlap is set to 0 as ours is: with the default of 200 tokens it would embed many times as many chunks.
"""

import json
import sys
import time
from pathlib import Path

from llama_index.core import SimpleDirectoryReader
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

from knowledge.embedding import open_embedding
from knowledge.settings import KnowledgeSettings
from tests.benchmarks.measuring import memory_mb


def main(pages: Path, folder: Path) -> None:
    settings = KnowledgeSettings()
    embedding = HuggingFaceEmbedding(model_name=open_embedding(settings).model_name, device="cpu")
    embedding.get_text_embedding("warm")
    store = QdrantVectorStore(collection_name="pages", client=QdrantClient(path=str(folder)))
    splitter = SentenceSplitter(chunk_size=settings.chunk_tokens, chunk_overlap=0)
    began = time.perf_counter()
    documents = SimpleDirectoryReader(str(pages), recursive=True).load_data()
    nodes = IngestionPipeline(transformations=[splitter, embedding], vector_store=store).run(documents=documents)
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "documents": len(documents),
                "chunks": len(nodes),
                "seconds": round(seconds, 2),
                "memory_peak_mb": memory_mb(),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
