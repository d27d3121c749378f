"""Bytes of files: uploaded by ticket, downloaded by token, and the page's own."""

from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from bot.workspace.errors import SlackError
from bot.workspace.guard import add_page_headers
from bot.workspace.uploads import may_see, read_bytes, read_file_body, receive_bytes
from bot.workspace.workspace import Workspace

PAGE = Path(__file__).parent / "page"

# Slack answers a download without the right token with its sign-in page and status 200: a client has to notice.
SIGN_IN = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to see this file.</body></html>"


class FileRoutes:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def upload(self, request: web.Request) -> web.Response:
        data = await _uploaded(request)
        with self._workspace.change():
            known = receive_bytes(self._workspace, request.match_info["ticket"], data)
        if not known:
            return web.Response(status=404, text="This upload is unknown or done.")
        return web.Response(text=f"OK - {len(data)}")

    async def download(self, request: web.Request) -> web.Response:
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._workspace.grant(token)
        file_id = request.match_info["id"]
        if grant is None or not grant.scopes & {"*", "files:read"} or not may_see(self._workspace, file_id, grant.user):
            return web.Response(text=SIGN_IN, content_type="text/html")
        try:
            file = read_file_body(self._workspace, file_id)
        except SlackError:
            return web.Response(status=404, text="This file is gone.")
        # Never shown in place: an uploaded page must not run as this origin.
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file['name'], safe='')}"}
        headers |= {"X-Content-Type-Options": "nosniff", "Content-Type": file["mimetype"]}
        return web.Response(body=read_bytes(self._workspace, file_id), headers=headers)

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Serve the page's own files, and nothing outside their folder."""
        path = (PAGE / (request.match_info.get("path") or "index.html")).resolve()
        if not path.is_relative_to(PAGE) or not path.is_file():
            return web.Response(status=404, text="There is no such file.")
        response = web.FileResponse(path)
        add_page_headers(response, request.host)
        return response


async def _uploaded(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
