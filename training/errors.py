"""What can go wrong in training.

TrainingError
├── EmbeddedModelMissing   the package that carries the embedded model is not installed
├── RecipeInvalid          a recipe that cannot be read or asks for what is not there
├── RowInvalid             a line of training data that is not a row; names file and line
├── DataUnusable           no rows, or rows that do not fit the recipe
├── OutputUnusable         the adapter cannot be written where it is to go
├── UnknownCorrection      a review of a correction that is not there
├── ExportBusy             another process is exporting into the same folder
├── NoEarlierAdapter       there is no such adapter to go back to
└── AdapterRefused         an adapter that must not be put into service, with the reason
    └── CanaryFailed           the model server does not say what the adapter says
"""


class TrainingError(Exception):
    """Root of this package's errors. `str(error)` is one sentence that may be shown to a person."""


class EmbeddedModelMissing(TrainingError):
    """The package that carries the embedded model is not installed, or carries no model."""


class RecipeInvalid(TrainingError):
    """The recipe cannot be read, or asks for what is not there."""


class RowInvalid(TrainingError):
    """A line of the data is not a row of prompt and completion."""


class DataUnusable(TrainingError):
    """There are no rows, or none that fits the recipe."""


class OutputUnusable(TrainingError):
    """The adapter cannot be written where it is to go."""


class UnknownCorrection(TrainingError):
    """There is no correction of this id."""


class ExportBusy(TrainingError):
    """Another process is exporting into the same folder."""


class NoEarlierAdapter(TrainingError):
    """The adapter to go back to was never in service, or there is none before."""


class AdapterRefused(TrainingError):
    """The adapter must not be put into service."""


class CanaryFailed(AdapterRefused):
    """The adapter was loaded, but the model server does not answer as the adapter does."""
