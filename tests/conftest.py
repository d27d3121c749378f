"""What a test may ask of the machine; what is absent is skipped by name, or a failure under TANDEM_REQUIRE."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from psycopg import sql

_REQUIRED = frozenset(filter(None, os.environ.get("TANDEM_REQUIRE", "").split(",")))
_ROOT = Path(__file__).resolve().parent.parent
_QDRANT_URL = os.environ.get("TANDEM_QDRANT_URL", "")
_QDRANT_API_KEY = os.environ.get("TANDEM_QDRANT_API_KEY", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` looks for what has to run alone in one place: elsewhere it would never run."""
    for item in items:
        if item.get_closest_marker("alone") and _ROOT / "tests" / "integration" not in item.path.parents:
            raise pytest.UsageError(f"{item.nodeid} is marked alone: move it to tests/integration")


def _absent(what: str, how_to_mend: str) -> NoReturn:
    """Skip for want of `what`, or fail when TANDEM_REQUIRE names it."""
    message = f"{what} is not here: {how_to_mend}"
    if what in _REQUIRED:
        pytest.fail(message)
    pytest.skip(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class QdrantServer:
    url: str
    api_key: str | None


@pytest.fixture(scope="session", autouse=True)
def _index_of_their_own() -> Iterator[None]:
    """The server is for the tests that ask for it: settings that read the environment must not find it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TANDEM_QDRANT_URL", raising=False)
        patch.delenv("TANDEM_QDRANT_API_KEY", raising=False)
        yield


@pytest.fixture(scope="session")
def qdrant_server() -> QdrantServer:
    if not _QDRANT_URL:
        _absent("qdrant", "set TANDEM_QDRANT_URL to a Qdrant server on which the tests may make collections")
    return QdrantServer(url=_QDRANT_URL, api_key=_QDRANT_API_KEY or None)


@pytest.fixture(scope="session")
def tessdata() -> str:
    """The folder that holds Tesseract's data for English."""
    folders = [Path(os.environ["TANDEM_OCR_DATA"])] if os.environ.get("TANDEM_OCR_DATA") else []
    folders += [*Path("/usr/share/tesseract-ocr").glob("*/tessdata"), Path("/usr/share/tessdata")]
    found = next((folder for folder in folders if (folder / "eng.traineddata").exists()), None)
    if found is None:
        _absent("tesseract", "install tesseract-ocr-eng, or set TANDEM_OCR_DATA to the folder of eng.traineddata")
    return str(found)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets; never copied into the project."""
    folder = Path(os.environ.get("TANDEM_DATA", _ROOT.parent / "shared" / "data"))
    if not (folder / "xquad-en").is_dir():
        _absent("data", "set TANDEM_DATA to the data folder")
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    found = os.environ.get("TANDEM_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return found or _absent("chromium", "install Debian's package chromium, or set TANDEM_CHROMIUM to the browser")


@pytest.fixture(scope="session")
def model_venv() -> Path:
    """The environment that holds vLLM."""
    folder = Path(os.environ.get("TANDEM_MODEL_VENV", _ROOT / ".venv-model"))
    if not (folder / "bin" / "python").exists():
        _absent("model", "run make install, which makes .venv-model with vLLM")
    return folder


def _postgres_tool(name: str) -> str | None:
    on_path = shutil.which(name)
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return on_path or (str(installed[-1]) if installed else None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of this test run's own, on loopback; gives `user@host:port`."""
    initdb, postgres = _postgres_tool("initdb"), _postgres_tool("postgres")
    if not initdb or not postgres:
        _absent("postgres", "install PostgreSQL's server (Debian's package postgresql)")
    # Not below pytest's own folder, which another run at the same time closes to the server's user.
    with tempfile.TemporaryDirectory(prefix="tandem-postgres-", ignore_cleanup_errors=True) as folder:
        port = _free_port()
        as_user = _unprivileged(Path(folder))
        data = Path(folder) / "data"
        subprocess.run(
            [*as_user, initdb, "-D", str(data), "-U", "tandem", "--auth=trust", "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
        )
        options = ["-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off", "-c", "max_connections=100"]
        server = subprocess.Popen(
            [*as_user, postgres, "-D", str(data), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _await_port(port)
            yield f"tandem@127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand it to the `postgres` user there."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _await_port(port: int) -> None:
    for _ in range(200):
        try:
            psycopg.connect(f"postgresql://tandem@127.0.0.1:{port}/postgres", connect_timeout=1).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("PostgreSQL did not start")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh, empty database, as an SQLAlchemy URL."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"postgresql://{postgres_server}/postgres", autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield f"postgresql+psycopg://{postgres_server}/{name}"
    with psycopg.connect(f"postgresql://{postgres_server}/postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same test on both databases."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}"
    return request.getfixturevalue("postgres_url")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    return _free_port()
