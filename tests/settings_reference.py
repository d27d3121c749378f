"""The README's table of settings and `.env.example`, made from the settings classes.

`python -m tests.settings_reference` writes both; a test holds that they are up to date.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from bot.settings import BotSettings, variable_name
from knowledge.settings import KnowledgeSettings
from router.settings import RouterSettings
from training.settings import TrainingSettings

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
EXAMPLE = ROOT / ".env.example"
SECTIONS: dict[str, type[BaseSettings]] = {
    "Slack and processes": BotSettings,
    "Model and answers": RouterSettings,
    "Documents": KnowledgeSettings,
    "Training": TrainingSettings,
}
_BEGIN, _END = "<!-- settings: made by python -m tests.settings_reference -->\n", "<!-- end of settings -->\n"
_FOR_TESTS_ONLY = {"TANDEM_FAILPOINT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    variable: str
    default: str  # as it is written into the environment; empty: unset
    description: str


def main() -> None:
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")


def with_table(readme: str) -> str:
    """The README with its table made anew, between its two marks."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{_table()}\n{_END}{after}"


def example() -> str:
    lines = [
        "# Copy to .env and set what you need: everything has a default, and nothing is needed to try Tandem.",
        "# Made from the settings classes by python -m tests.settings_reference.",
    ]
    for title, settings in sections():
        lines += ["", f"# {title}"]
        for setting in settings:
            lines += ["", f"# {setting.description}", f"#{setting.variable}={setting.default}"]
    return "\n".join(lines) + "\n"


def _table() -> str:
    lines = ["| variable | default | what it is |", "|---|---|---|"]
    for title, settings in sections():
        lines.append(f"| **{title}** | | |")
        for setting in settings:
            default = f"`{setting.default}`" if setting.default else ""
            lines.append(f"| `{setting.variable}` | {default} | {setting.description.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def sections() -> Iterator[tuple[str, list[Setting]]]:
    """Every variable once: where two packages read the same one, it stands with the first."""
    seen = set(_FOR_TESTS_ONLY)
    for title, kind in SECTIONS.items():
        settings = [_setting(kind, name, field) for name, field in kind.model_fields.items()]
        yield title, [setting for setting in settings if setting.variable not in seen]
        seen |= {setting.variable for setting in settings}


def _setting(kind: type[BaseSettings], name: str, field: FieldInfo) -> Setting:
    description = (field.description or "").strip()
    sentence = description[:1].upper() + description[1:].rstrip(".") + "."
    return Setting(variable=variable_name(kind, name), default=_written(field.default), description=sentence)


def _written(default: Any) -> str:
    match default:
        case bool():
            return str(default).lower()
        case SecretStr() | None:
            return ""
        case _ if default is PydanticUndefined:
            return ""
        case tuple() | list():
            return ",".join(map(str, default))
        case _:
            return str(default)


if __name__ == "__main__":
    main()
