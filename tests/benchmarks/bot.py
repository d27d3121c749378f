"""The bot as a person starts it, over the real model server and the local workspace: overhead, a burst, memory."""

import asyncio
import json
import re
import statistics
import time
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tests.acceptance.tandem_process import TandemProcess, environment, running_tandem
from tests.bot.workspace.driver import Workspace, running_workspace
from tests.conftest import _free_port

DIRECT = [f"Write one short sentence about {thing}." for thing in (
    "rain", "bread", "winter", "a river", "trains", "the moon", "tea", "a bicycle", "music", "chess",
    "snow", "coffee", "the sea", "a garden", "maps", "clouds", "stones", "a lamp", "paper", "birds",
)]  # fmt: skip
BURST = 200
# The model server's processes spin on for a second after an answer, on the same cores.
SETTLE_S = 3.0


async def measure(folder: Path) -> dict:
    async with running_workspace(folder / "workspace", "--no-rate-limits") as workspace:
        given = environment(
            folder / "home",
            ports=(_free_port(), _free_port(), _free_port()),
            SLACK_BOT_TOKEN=workspace.bot_token,
            SLACK_APP_TOKEN=workspace.app_token,
            SLACK_API_URL=workspace.api_url,
            TANDEM_QUESTIONS_PER_MINUTE="1000",
        )
        began = time.perf_counter()
        async with running_tandem(given, folder / "tandem.log") as tandem:
            first_start_s = time.perf_counter() - began
            figures: dict[str, Any] = {"first_start_s": round(first_start_s, 1)}
            figures["overhead"] = await overhead(workspace, folder / "home" / "tandem.db")
            await asyncio.sleep(SETTLE_S)
            figures["burst"] = await burst(workspace)
            figures["memory_mb"] = memory_mb(tandem)
        began = time.perf_counter()
        async with running_tandem(given, folder / "tandem.log"):
            figures["second_start_s"] = round(time.perf_counter() - began, 1)
    return figures


async def overhead(workspace: Workspace, database: Path) -> dict:
    """From the event's sending to the first text at the workspace, less the model's own time to its first sentence."""
    frames = await workspace.frames("ada")
    await workspace.tell("ada", "Write one short sentence about warm-up.")
    await frames.wait_for("stream_stopped", timeout_s=60)
    beyond, first_text = [], []
    for question in DIRECT:
        sent = time.time()
        asked = await workspace.tell("ada", question)
        await frames.wait_for("stream_stopped", lambda f, ts=asked: f["message"]["thread_ts"] == ts, timeout_s=60)
        shown = min(
            at
            for frame, at in zip(frames.seen, frames.at, strict=True)
            if frame["type"] in {"stream_started", "stream_appended"}
            and frame["message"].get("thread_ts") == asked
            and frame["message"]["text"].strip()
        )
        first_text.append((shown - sent) * 1000)
        timings = timings_of(database, question)
        beyond.append(first_text[-1] - timings["model_first_sentence"])
    return {
        "questions": len(DIRECT),
        "p50_ms": round(statistics.median(beyond), 1),
        "p95_ms": round(sorted(beyond)[int(0.95 * len(beyond))], 1),
        "first_text_p50_ms": round(statistics.median(first_text), 1),
    }


def timings_of(database: Path, question: str) -> dict:
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT route, timings_ms FROM exchanges WHERE question = :question"), {"question": question}
        ).one()
    engine.dispose()
    assert found.route == "direct", f"{question!r} took the route {found.route}"
    return json.loads(found.timings_ms)


async def burst(workspace: Workspace) -> dict:
    """Many events at once: how long until each is acknowledged. A mention in a channel is two events."""
    before = len(await workspace.deliveries())
    people = list(workspace.people)
    mentions = range(BURST // 2)
    await asyncio.gather(*(workspace.mention(people[n % len(people)], "general", f"hello {n}") for n in mentions))
    arrived = (await workspace.settled_deliveries(timeout_s=60))[before:]
    # What the bot's own answers cause comes later, and is not the burst.
    deliveries = [each for each in arrived if "bot_id" not in json.loads(each["payload"])["event"]]
    waits = sorted((delivery["settled"] - delivery["sent"]) * 1000 for delivery in deliveries)
    return {
        "events": len(deliveries),
        "acknowledged": sum(delivery["state"] == "acknowledged" for delivery in deliveries),
        "attempts": sum(delivery["attempt"] for delivery in deliveries),
        "p50_ms": round(statistics.median(waits), 1),
        "max_ms": round(waits[-1], 1),
    }


def memory_mb(tandem: TandemProcess) -> int:
    """Peak resident memory of the bot's process, its model server and workspace not counted."""
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{tandem.process.pid}/status").read_text())
    assert peak is not None
    return int(peak[1]) // 1024
