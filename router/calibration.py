"""What a refit learns: how far each arm's odds are to be believed, as plain numbers with their names."""

import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from router.decisions import Route

# The policy that comes with Tandem, whose odds are corrected.
RULES = "rules"
# A policy's file is kept as `name@digest`.
KEPT_NAME = "[a-z0-9][a-z0-9._+-]{0,79}@[0-9a-f]{12}"
# Odds of 0 and 1 have no logit; beyond these, nothing is told apart.
_SURE = 1e-4
GUESS_FEATURES = ("guess_mean", "guess_margin")


class ArmCalibration(BaseModel):
    """The chance of a good answer is the logistic of `bias + slope * logit(odds)`, plus what a guess from memory adds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bias: float = Field(default=0.0, ge=-20, le=20)
    slope: float = Field(default=1.0, ge=0, le=10)
    guess_mean: float = Field(default=0.0, ge=-20, le=20)
    guess_margin: float = Field(default=0.0, ge=-20, le=20)


class Calibration(BaseModel):
    """`base` names the policy whose odds these numbers correct; an arm that is not named is left as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    base: str = Field(default=RULES, pattern=rf"^(?:{RULES}|{KEPT_NAME})$")
    arms: dict[Route, ArmCalibration] = {}

    def chances(self, odds: Mapping[Route, float], features: Mapping[str, float]) -> dict[Route, float]:
        """The chance of a good answer by each arm; without numbers for an arm, its odds."""
        return {
            route: good(self.arms[route], chance, features) if route in self.arms else chance
            for route, chance in odds.items()
        }


def good(arm: ArmCalibration, odds: float, features: Mapping[str, float]) -> float:
    score = arm.bias + arm.slope * logit(odds)
    score += arm.guess_mean * features.get("guess_mean", 0.0) + arm.guess_margin * features.get("guess_margin", 0.0)
    return logistic(score)


def logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score)) if score > -700 else 0.0  # noqa: PLR2004 — beyond, exp overflows


def logit(chance: float) -> float:
    kept = min(max(chance, _SURE), 1 - _SURE)
    return math.log(kept / (1 - kept))
