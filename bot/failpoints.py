"""For trials of recovery: the process kills itself at a named step, as a power cut would."""

import os
import signal
from dataclasses import dataclass

from bot.errors import SettingsError

STAGES = ("export", "curate", "train", "gate", "promote", "refit", "report")
"""Of the nightly work, in their order."""

STEPS_OF_AN_ANSWER = ("after_store", "after_retrieval", "before_stream_recorded", "mid_stream", "after_stream_end")
STEPS_OF_A_NIGHT = tuple(f"night_{stage}" for stage in STAGES)
STEPS_OF_FORGETTING = (
    "forget_planned",
    "forget_marked",
    "forget_service_changed",
    "forget_unloaded",
    "forget_weights_deleted",
    "forget_journal",
    "forget_facts",
    "forget_exported",
    "forget_days",
    "forget_nights",
    "forget_documents",
    "forget_deliveries",
    "forget_work",
    "forget_counted",
)
FAILPOINTS = (*STEPS_OF_AN_ANSWER, *STEPS_OF_A_NIGHT, *STEPS_OF_FORGETTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failpoints:
    """`name` is the step to die at; empty in every ordinary run."""

    name: str = ""

    def __post_init__(self) -> None:
        if self.name and self.name not in FAILPOINTS:
            raise SettingsError(f"TANDEM_FAILPOINT: write one of {', '.join(FAILPOINTS)}, or leave it empty")

    def reached(self, name: str) -> None:
        if name == self.name:
            os.kill(os.getpid(), signal.SIGKILL)
