import signal
import subprocess
import sys

import pytest

from bot.errors import SettingsError
from bot.failpoints import FAILPOINTS, Failpoints


def test_nothing_dies_without_the_setting() -> None:
    for name in FAILPOINTS:
        Failpoints().reached(name)


def test_named_step_kills_the_process_and_no_other_does() -> None:
    code = "from bot.failpoints import Failpoints; f = Failpoints(name='mid_stream'); f.reached('after_store'); print('on', flush=True); f.reached('mid_stream')"
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, b"on\n")


def test_unknown_step_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="TANDEM_FAILPOINT"):
        Failpoints(name="anywhere")
