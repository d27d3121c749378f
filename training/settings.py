"""Settings of training; only the composition root reads them from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrainingSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TANDEM_", extra="ignore", env_ignore_empty=True)

    training_enabled: bool = Field(
        default=False,
        description="The training switch: while it is off, no exchange becomes training data and exports are empty",
    )
