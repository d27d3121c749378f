"""`tandem run` as a person starts it: a process of its own, asked over loopback whether it is ready."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

TANDEM = str(Path(sys.executable).parent / "tandem")
# Two of them may start at once, on two cores.
_READY_S = 480.0
_END_S = 60.0


@dataclass(slots=True, kw_only=True)
class TandemProcess:
    process: asyncio.subprocess.Process
    environment: Mapping[str, str]
    log: Path

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['TANDEM_HEALTH_PORT']}"

    async def until_ready(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(_READY_S):
            while True:
                if self.process.returncode is not None:
                    raise AssertionError(f"tandem run ended:\n{self.log.read_text()}")
                try:
                    if (await client.get(f"{self.health_url}/readyz")).is_success:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)

    async def end(self, sign: signal.Signals = signal.SIGINT) -> int:
        if self.process.returncode is None:
            self.process.send_signal(sign)
        return await asyncio.wait_for(self.process.wait(), _END_S)

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Another `tandem` command in the same environment: exit code, output, errors."""
        process = await asyncio.create_subprocess_exec(
            TANDEM, *arguments, env=dict(self.environment),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()


def environment(home: Path, *, ports: tuple[int, int, int], **more: str) -> dict[str, str]:
    """The settings of a trial: nothing of the developer's own Tandem or Slack. `ports`: workspace, health, model."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "TANDEM_"))}
    workspace, health, model = map(str, ports)
    own = {"TANDEM_WORKSPACE_PORT": workspace, "TANDEM_HEALTH_PORT": health, "TANDEM_MODEL_PORT": model}
    return kept | own | {"TANDEM_HOME": str(home)} | more


@asynccontextmanager
async def running_tandem(given: Mapping[str, str], log: Path) -> AsyncGenerator[TandemProcess]:
    """Start it, wait until it is ready, and end it with what it started."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(TANDEM, "run", env=dict(given), stdout=output, stderr=output)
    tandem = TandemProcess(process=process, environment=given, log=log)
    try:
        await tandem.until_ready()
        yield tandem
    finally:
        await tandem.end()
