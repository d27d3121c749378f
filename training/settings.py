"""Settings of training; only the composition root reads them from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrainingSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TANDEM_", extra="ignore", env_ignore_empty=True)

    training_enabled: bool = Field(
        default=False,
        description="The training switch: while it is off, no exchange becomes training data and exports are empty",
    )
    training_documents: bool = Field(
        default=False,
        exclude=True,  # no export depends on it: what is dumped stands in manifests, and days are written anew where it changes
        description="Nights also rehearse among passages of the team's own documents, of those that everybody may read",
    )
    training_holdout_share: float = Field(
        default=0.1,
        ge=0,
        le=0.5,
        description="Share of training data that is held out to measure adapters on; what is held out stays so",
    )
    training_examples_per_person: int = Field(
        default=50,
        ge=1,
        description="The most examples of a day that rest on the word of one person alone",
    )
