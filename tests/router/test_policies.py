from pathlib import Path

import pytest

from router.calibration import ArmCalibration, Calibration
from router.decisions import Route
from router.errors import PolicyRefused
from router.policies import Policies

POLICY = Calibration(base="rules", arms={Route.DIRECT: ArmCalibration(bias=-0.5, slope=0.9)})
DATA = POLICY.model_dump_json().encode()


def test_kept_policy_comes_back_by_its_name(policies: Policies):
    name = policies.keep(DATA, name="rules-2026-11-20")
    assert name.startswith("rules-2026-11-20@")
    assert policies.read(name) == POLICY
    assert policies.keep(DATA, name="rules-2026-11-20") == name


def test_policy_that_was_changed_since_is_refused(policies: Policies, tmp_path: Path):
    name = policies.keep(DATA, name="rules")
    place = tmp_path / "policies" / f"{name}.json"
    place.write_bytes(DATA.replace(b"-0.5", b"-0.6"))
    with pytest.raises(PolicyRefused, match="was changed since it was kept"):
        policies.read(name)


def test_policy_behind_a_link_is_refused(policies: Policies, tmp_path: Path):
    name = policies.keep(DATA, name="rules")
    place = tmp_path / "policies" / f"{name}.json"
    (tmp_path / "elsewhere.json").write_bytes(DATA)
    place.unlink()
    place.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(PolicyRefused, match="There is no policy"):
        policies.read(name)


@pytest.mark.parametrize("name", ["../../etc/passwd@0123456789ab", "rules", "rules@0123", "", "a/b@0123456789ab"])
def test_what_is_no_name_of_a_policy_is_never_looked_for(policies: Policies, name: str):
    with pytest.raises(PolicyRefused, match="no name of a policy"):
        policies.read(name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04pickle",
        b"[]",
        b'{"base": "rules", "code": "import os"}',
        b'{"base": "rules", "arms": {"direct": {"bias": "NaN"}}}',
        b'{"base": "rules", "arms": {"direct": {"bias": NaN}}}',
        b'{"base": "rules", "arms": {"nowhere": {}}}',
        b'{"base": "rules", "arms": {"direct": {"bias": 1e308}}}',
        b'{"base": "of another policy"}',
    ],
)
def test_what_is_no_policy_is_refused_and_not_kept(policies: Policies, tmp_path: Path, data: bytes):
    with pytest.raises(PolicyRefused, match="is no policy"):
        policies.keep(data, name="rules")
    assert not (tmp_path / "policies").exists()
