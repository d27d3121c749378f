"""A Qdrant server's requests answered over HTTP by qdrant-client's local mode, for several processes to share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter
from qdrant_client import AsyncQdrantClient, models

from tests.knowledge.fakes import application_served


class QdrantStandIn:
    """The requests that Tandem makes, and no others; `points` are those of a collection by their ids."""

    def __init__(self) -> None:
        self._client = AsyncQdrantClient(":memory:")

    async def points(self, collection: str) -> dict[str, Any]:
        found, _ = await self._client.scroll(collection, limit=100_000, with_vectors=True)
        return {str(each.id): (each.payload, each.vector) for each in found}

    async def collections(self) -> list[str]:
        return [each.name for each in (await self._client.get_collections()).collections]

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else {}
        parts = request.path.split("/")[2:]
        if not parts:
            return web.json_response({"title": "qdrant", "version": "1.20.0"})
        try:
            result = await self._result(request.method, parts[0], parts[1:], body)
        except ValueError as error:
            status = 409 if "already exists" in str(error) else 404
            return web.json_response({"status": {"error": str(error)}}, status=status)
        return web.json_response({"result": result, "status": "ok", "time": 0.0})

    async def _result(self, method: str, name: str, path: list[str], body: dict[str, Any]) -> Any:
        done = {"operation_id": 1, "status": "completed"}
        match method, path:
            case "GET", ["exists"]:
                return {"exists": await self._client.collection_exists(name)}
            case "GET", []:
                return (await self._client.get_collection(name)).model_dump(mode="json")
            case "PUT", []:
                made = models.CreateCollection.model_validate(body)
                await self._client.create_collection(
                    name, vectors_config=made.vectors or {}, sparse_vectors_config=made.sparse_vectors
                )
                return True
            case "PUT", ["points"]:
                await self._client.upsert(name, models.PointsList.model_validate(body).points)
            case "POST", ["points", "delete"]:
                selector: Any = TypeAdapter(models.PointsSelector).validate_python(body)
                await self._client.delete(name, selector)
            case "POST", ["facet"]:
                asked = models.FacetRequest.model_validate(body)
                found = await self._client.facet(name, asked.key, facet_filter=asked.filter, limit=asked.limit or 10)
                return found.model_dump(mode="json")
            case "POST", ["points", "count"]:
                counted = models.CountRequest.model_validate(body)
                return (await self._client.count(name, counted.filter)).model_dump(mode="json")
            case "PUT", ["index"]:
                pass
            case _:
                raise ValueError(f"{method} {path} is not stood in for")
        return done


@asynccontextmanager
async def qdrant_standing_in() -> AsyncIterator[tuple[QdrantStandIn, str]]:
    """The stand-in, and the address at which it answers."""
    stand_in = QdrantStandIn()
    async with application_served(web.route("*", "/{any:.*}", stand_in.answer)) as url:
        yield stand_in, url
