"""The pages: plain files beside this module, read once, served from memory. No path of a caller touches the disk."""

from __future__ import annotations

from pathlib import Path

from aiohttp import hdrs, web

from gateway.api.views import Views
from gateway.model.errors import NotFound

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


def read_files() -> dict[str, tuple[str, bytes]]:
    """Path under static/ → content type and bytes, of all files of a known kind."""
    found: dict[str, tuple[str, bytes]] = {}
    static = Path(__file__).parent / "static"
    for file in static.rglob("*"):
        if (kind := CONTENT_TYPES.get(file.suffix)) is not None:
            found[file.relative_to(static).as_posix()] = (kind, file.read_bytes())
    return found


class Pages:
    """`/`, `/station/{id}`, `/staff/{id}`, `/day/{id}` and their assets."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._files: dict[str, tuple[str, bytes]] = {}

    def add_to(self, app: web.Application) -> None:
        self._files = read_files()
        app.router.add_get("/", self.overview)
        app.router.add_get("/station/{id}", self.station)
        app.router.add_get("/staff/{id}", self.staff)
        app.router.add_get("/day/{id}", self.day)
        app.router.add_get("/static/{path:.+}", self.asset)

    async def overview(self, _request: web.Request) -> web.Response:
        return self._file("overview.html")

    async def station(self, request: web.Request) -> web.Response:
        self._views.station(request.match_info["id"])
        return self._file("station.html")

    async def staff(self, request: web.Request) -> web.Response:
        """Holds nothing by itself: what it asks needs the token of the desk's staff."""
        self._views.station(request.match_info["id"])
        return self._file("staff.html")

    async def day(self, request: web.Request) -> web.Response:
        """A till's day, for its cashier: not on the screen that customers see."""
        self._views.station(request.match_info["id"])
        return self._file("day.html")

    async def asset(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["path"])

    def _file(self, path: str) -> web.Response:
        if path not in self._files:
            raise NotFound("there is no such page", "Begin at /", code="no_such_address")
        kind, content = self._files[path]
        return web.Response(body=content, headers={hdrs.CONTENT_TYPE: kind})
