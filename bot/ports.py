"""Ports are checked before anything is started, so that a person reads one line and not a traceback."""

import asyncio
import socket

from bot.errors import PortTaken


async def refuse_taken(port: int, variable: str) -> None:
    """Raise PortTaken, naming the variable to change, when something on loopback already listens on `port`."""
    if await asyncio.to_thread(_taken, port):
        raise PortTaken(port, variable)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
