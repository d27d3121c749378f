"""What the command line may choose."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    home: Path
    host: str
    port: int
    manifest: Path | None = None
    request_url: str | None = None  # HTTP mode: where events, commands and clicks are sent; None is Socket Mode
    streaming: bool = True  # False: a server that knows no chat.startStream
    rate_limits: bool = True
    retry_scale: float = 1.0  # what the minute and the five minutes of the retry schedule are multiplied by
    ack_s: float = 3.0
    trigger_s: float = 3.0
    stream_s: float = 300.0  # a stream ends by itself after about five minutes, whatever is appended
    faults: bool = False  # opens /page/faults and what else only tests need
