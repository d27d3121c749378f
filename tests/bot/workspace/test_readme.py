"""The README's table says what is enforced, and by which test; it cannot fall behind."""

import re

import pytest

from bot.workspace.methods import METHODS
from tests.bot.workspace.driver import ROOT
from tests.bot.workspace.refusals import REFUSALS

README = (ROOT / "bot" / "workspace" / "README.md").read_text()
ROWS = dict(re.findall(r"^\| `([a-z]+\.[A-Za-z.]+)` \| (.*) \|$", README, flags=re.MULTILINE))
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests" / "bot" / "workspace").glob("test_*.py"))


def test_every_method_has_its_row() -> None:
    assert set(ROWS) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_row_names_the_errors_that_are_tried_and_slacks_page(method: str) -> None:
    _, errors, page, _ = ROWS[method].split(" | ")
    assert set(re.findall(r"`(\w+)`", errors)) == {refusal.error for refusal in REFUSALS if refusal.method == method}
    assert page == f"[{method}](https://docs.slack.dev/reference/methods/{method})"


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", README))
    assert named
    assert {name for name in named if not re.search(rf"def {name}\b", TESTS)} == set()
