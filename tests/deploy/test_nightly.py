"""The nights on Kubernetes and by compose: what the manifest and the compose file say is true of the code."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from croniter import croniter
from pydantic import ValidationError

from bot.cli import app
from bot.settings import BotSettings
from tests.deploy.compose_files import DEPLOY, FILES, read_compose
from tests.deploy.test_dockerfile import TRAINER, stages, whole
from tests.settings_reference import sections

MANIFEST = DEPLOY / "kubernetes" / "nightly.yaml"
CRON_JOB: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
JOB: dict[str, Any] = CRON_JOB["spec"]["jobTemplate"]["spec"]
POD: dict[str, Any] = JOB["template"]["spec"]
(CONTAINER,) = POD["containers"]
VARIABLES: dict[str, dict[str, Any]] = {each["name"]: each for each in CONTAINER["env"]}
MOUNTS = {each["mountPath"]: each["name"] for each in CONTAINER["volumeMounts"]}
SERVICES: dict[str, Any] = read_compose("compose.yaml")["services"]
OVERLAY: dict[str, Any] = read_compose("compose.nightly.yaml")["services"]
SETTINGS = {setting.variable for _, settings in sections() for setting in settings}


def test_manifest_is_a_cron_job():
    assert (CRON_JOB["apiVersion"], CRON_JOB["kind"]) == ("batch/v1", "CronJob")


@pytest.mark.parametrize("arguments", [CONTAINER["args"], OVERLAY["nightly"]["command"]], ids=["kubernetes", "compose"])
def test_command_is_one_of_tandem(arguments: list[str]):
    name, *options = arguments
    command = typer.main.get_command(app).commands[name]  # pyright: ignore[reportAttributeAccessIssue]
    with command.make_context(name, list(options)) as context:
        assert context.params["once"] is ("--once" in options)


def test_cron_job_ends_after_its_night():
    assert CONTAINER["args"] == ["nightly", "--once"]


def test_night_begins_at_the_hour_that_the_bot_would_begin_it():
    spec = CRON_JOB["spec"]
    assert spec["timeZone"] == "Etc/UTC"
    assert croniter.is_valid(spec["schedule"])
    evening = datetime(2026, 11, 27, 20, tzinfo=UTC)
    times = [each for each, _ in zip(croniter(spec["schedule"], evening).all_next(datetime), range(3), strict=False)]
    hour = BotSettings.model_fields["nightly_hour_utc"].default
    assert times == [datetime(2026, 11, day, hour, tzinfo=UTC) for day in (28, 29, 30)]


def test_late_night_still_begins_on_its_own_date():
    due = croniter(CRON_JOB["spec"]["schedule"], datetime(2026, 11, 27, 20, tzinfo=UTC)).get_next(datetime)
    latest = due + timedelta(seconds=CRON_JOB["spec"]["startingDeadlineSeconds"])
    assert latest.date() == due.date()
    assert latest - due >= timedelta(hours=12)


def test_nights_never_run_beside_each_other_and_none_keeps_the_next_away():
    assert CRON_JOB["spec"]["concurrencyPolicy"] == "Forbid"
    assert JOB["activeDeadlineSeconds"] < timedelta(days=1).total_seconds()


def test_killed_night_is_begun_again_in_a_pod_of_its_own():
    assert POD["restartPolicy"] == "Never"
    assert JOB["backoffLimit"] >= 1


def test_every_variable_of_tandem_in_the_manifest_is_a_setting():
    assert VARIABLES.keys() - {"OMP_NUM_THREADS"} <= SETTINGS


@pytest.mark.parametrize("path", [*FILES, MANIFEST, DEPLOY / "README.md"], ids=lambda path: path.name)
def test_every_variable_that_the_deployment_speaks_of_is_a_setting(path: Path):
    spoken_of = set(re.findall(r"\b(?:TANDEM|SLACK)_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    assert spoken_of <= SETTINGS


def test_night_without_the_teams_database_and_model_server_does_not_begin():
    for name in ("TANDEM_DATABASE_URL", "TANDEM_MODEL_URL", "TANDEM_MODEL_API_KEY"):
        reference = VARIABLES[name]["valueFrom"]["secretKeyRef"]
        assert reference == {"name": "tandem", "key": name}  # without `optional` a pod waits for the key


def test_night_opens_the_index_that_the_bot_has():
    for name in ("QDRANT_URL", "QDRANT_API_KEY", "EMBEDDING_MODEL", "EMBEDDING_URL", "EMBEDDING_API_KEY"):
        reference = VARIABLES[f"TANDEM_{name}"]["valueFrom"]["secretKeyRef"]
        assert reference == {"name": "tandem", "key": f"TANDEM_{name}", "optional": True}


def test_no_secret_stands_in_the_manifest():
    given = {name for name, each in VARIABLES.items() if "value" in each}
    assert given == {"TANDEM_REPORT_CHANNEL", "TANDEM_TRAINING_ENABLED", "TANDEM_HOME"}


def test_nothing_is_trained_until_the_team_has_agreed():
    assert VARIABLES["TANDEM_TRAINING_ENABLED"]["value"] == "false"


def test_names_of_services_do_not_become_settings():
    with pytest.raises(ValidationError, match="TANDEM_MODEL_PORT|model_port"):
        BotSettings.model_validate({"model_port": "tcp://10.96.0.12:8000"})
    assert POD["enableServiceLinks"] is False


def test_process_is_the_images_nobody_and_writes_only_to_its_volumes():
    (user,) = re.findall(r"^USER (\d+):(\d+)$", whole(TRAINER), flags=re.MULTILINE)
    context = POD["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == tuple(map(int, user))
    assert context["fsGroup"] == context["runAsGroup"]
    assert context["runAsNonRoot"] is True
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {each["name"] for each in POD["volumes"]} == set(MOUNTS.values())


def test_state_and_adapters_lie_where_bot_and_model_server_have_them():
    assert MOUNTS["/var/lib/tandem"] == "state"
    assert VARIABLES["TANDEM_HOME"]["value"] == SERVICES["bot"]["environment"]["TANDEM_HOME"] == "/var/lib/tandem"
    (adapters,) = [place for place, name in MOUNTS.items() if name == "adapters"]
    assert f"adapters:{adapters}:ro" in SERVICES["model"]["volumes"]
    assert f"adapters:{adapters}" in SERVICES["bot"]["volumes"]


def test_training_takes_no_more_threads_than_it_may_have_cores():
    assert VARIABLES["OMP_NUM_THREADS"]["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"
    assert CONTAINER["resources"]["limits"].keys() == {"cpu", "memory"}


def test_both_ways_run_the_trainers_image_of_this_version():
    assert CONTAINER["image"] == OVERLAY["nightly"]["image"]
    assert CONTAINER["image"].rpartition(":")[2] == SERVICES["bot"]["image"].rpartition(":")[2]
    assert OVERLAY["nightly"]["build"] == {"target": TRAINER}
    assert TRAINER in stages()


def test_with_nights_in_a_container_of_their_own_the_bot_has_none():
    variable = "TANDEM_NIGHTLY_HERE"
    assert variable in SETTINGS
    told = OVERLAY["bot"]["environment"][variable]
    assert BotSettings.model_validate({"nightly_here": told}).nightly_here is False
    assert f"{variable}=false" in MANIFEST.read_text(encoding="utf-8")


def test_night_by_compose_has_the_bots_settings_and_volumes():
    nightly = OVERLAY["nightly"]
    assert nightly["extends"] == {"file": "compose.yaml", "service": "bot"}
    assert not {"volumes", "networks", "read_only", "cap_drop", "env_file"} & nightly.keys()


def test_night_by_compose_trains_the_model_that_the_cpu_serves():
    cpu = read_compose("compose.cpu.yaml")["services"]["bot"]["environment"]
    assert OVERLAY["nightly"]["environment"] == cpu
    recipe = yaml.safe_load((DEPLOY.parent / "training" / "recipes" / "nightly.yaml").read_text(encoding="utf-8"))
    assert recipe["base_model"].rpartition("/")[2] == cpu["TANDEM_MODEL_NAME"]
