"""python -m bot.workspace: start the local workspace."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bot.workspace.guard import LOOPBACK_HOSTS
from bot.workspace.options import Options
from bot.workspace.server import serve


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    options = _read_options()
    try:
        asyncio.run(serve(options))
    except OSError as error:
        sys.exit(f"The workspace cannot start on {options.host}:{options.port} in {options.home}: {error.strerror}")
    except ValueError as error:
        sys.exit(str(error))


def _read_options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m bot.workspace", description="A Slack-compatible workspace of your own, on loopback."
    )
    parser.add_argument("--home", type=Path, required=True, help="folder of its state, made where it is missing")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address; any other is refused")
    parser.add_argument("--port", type=int, default=3100, help="0 takes a free one")
    parser.add_argument("--manifest", type=Path, help="the app's manifest, YAML or JSON: scopes, events, commands")
    parser.add_argument("--request-url", help="HTTP mode: the app's own address on loopback; without it, Socket Mode")
    parser.add_argument("--no-streaming", action="store_true", help="know no chat.startStream")
    parser.add_argument("--no-rate-limits", action="store_true", help="answer any number of calls")
    parser.add_argument(
        "--retry-scale", type=float, default=1.0, help="multiplies the retry schedule of 1 and 5 minutes"
    )
    parser.add_argument("--ack-seconds", type=float, default=3.0, help="how long the app has to acknowledge")
    parser.add_argument("--trigger-seconds", type=float, default=3.0, help="how long a trigger_id lives")
    parser.add_argument("--stream-seconds", type=float, default=300.0, help="how long a stream may last")
    parser.add_argument("--faults", action="store_true", help="open the endpoints for tests")
    given = parser.parse_args()
    if given.host not in LOOPBACK_HOSTS:
        parser.error(f"--host {given.host} is not a loopback address: use 127.0.0.1")
    request_url: str | None = given.request_url
    if request_url and urlsplit(request_url).hostname not in LOOPBACK_HOSTS:
        parser.error(f"--request-url {request_url} is not on loopback")
    return Options(
        home=given.home.resolve(),
        host="127.0.0.1" if given.host == "localhost" else given.host,
        port=given.port,
        manifest=given.manifest,
        request_url=request_url,
        streaming=not given.no_streaming,
        rate_limits=not given.no_rate_limits,
        retry_scale=given.retry_scale,
        ack_s=given.ack_seconds,
        trigger_s=given.trigger_seconds,
        stream_s=given.stream_seconds,
        faults=given.faults,
    )


if __name__ == "__main__":
    main()
