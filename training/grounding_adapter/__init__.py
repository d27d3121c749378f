"""The grounding adapter of the embedded model, as it ships; README.md is its model card."""

from pathlib import Path

FOLDER = Path(__file__).parent
