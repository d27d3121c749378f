"""Tickets for Socket Mode: each opens one WebSocket, soon after it was given."""

import secrets
import time

from bot.workspace.workspace import Workspace

TICKET_S = 30.0


def give_ticket(workspace: Workspace) -> str:
    now = time.monotonic()
    tickets = workspace.tickets
    for old in [name for name, born in tickets.items() if now - born > TICKET_S]:
        del tickets[old]
    ticket = secrets.token_urlsafe(24)
    tickets[ticket] = now
    return ticket


def use_ticket(workspace: Workspace, ticket: str) -> bool:
    born = workspace.tickets.pop(ticket, None)
    return born is not None and time.monotonic() - born <= TICKET_S
