"""The compose files: valid by Compose's own schema, and what they promise about the host."""

import ast
import importlib.resources
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploy.compose_files import DEPLOY, FILES, read_compose
from tests.settings_reference import sections

BASE: dict[str, Any] = read_compose("compose.yaml")
SERVICES: dict[str, Any] = BASE["services"]
SECRETS = ("SLACK_BOT_TOKEN", "POSTGRES_PASSWORD", "QDRANT_API_KEY", "MODEL_API_KEY")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_valid_by_the_compose_specification(path: Path):
    bundled = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(read_compose(path.name), json.loads(bundled.read_text(encoding="utf-8")))


def test_one_host_runs_the_bot_a_model_server_and_two_stores():
    assert set(SERVICES) == {"bot", "model", "qdrant", "postgres"}


def test_nothing_is_published_in_socket_mode():
    assert not any("ports" in service for service in SERVICES.values())


def test_http_mode_publishes_the_bots_port_alone_and_on_loopback_unless_told_otherwise():
    services = read_compose("compose.http.yaml")["services"]
    assert set(services) == {"bot"}
    (port,) = services["bot"]["ports"]
    assert port == "${PUBLISH:-127.0.0.1:3000}:" + services["bot"]["environment"]["TANDEM_SLACK_PORT"]


def test_the_stores_have_no_way_out_of_the_host():
    assert BASE["networks"]["stores"]["internal"] is True
    assert SERVICES["qdrant"]["networks"] == SERVICES["postgres"]["networks"] == ["stores"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_start_without_a_secret_says_which_one_to_set(secret: str):
    uses = [value for value in every_value(SERVICES) if f"${{{secret}" in value]
    assert uses
    assert all(f"${{{secret}:?set it in deploy/.env}}" in value for value in uses)


def test_every_variable_given_to_bot_and_nights_is_a_setting():
    known = {setting.variable for _, settings in sections() for setting in settings}
    given = {
        name
        for path in FILES
        for service, told in read_compose(path.name)["services"].items()
        if service in {"bot", "nightly"}
        for name in told.get("environment", {})
    }
    assert {"SLACK_BOT_TOKEN", "TANDEM_DATABASE_URL", "TANDEM_SLACK_HOST"} <= given <= known


def test_no_secret_has_a_value_in_the_repository():
    lines = (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
    for secret in (*SECRETS, "SLACK_APP_TOKEN", "#SLACK_SIGNING_SECRET", "#HF_TOKEN"):
        assert f"{secret}=" in lines


def test_every_service_is_watched_and_comes_back():
    watched = {name for name, service in SERVICES.items() if "healthcheck" in service}
    assert watched | {"bot"} == set(SERVICES)  # the bot's check stands in its image
    assert {service["restart"] for service in SERVICES.values()} == {"unless-stopped"}


def test_every_image_names_its_version():
    images = [
        service["image"]
        for path in FILES
        for service in read_compose(path.name)["services"].values()
        if "image" in service
    ]
    assert len(images) == 6
    assert all(":" in image.rpartition("/")[2] and ":latest" not in image for image in images)


def test_bot_and_model_see_adapters_under_the_same_path_and_only_the_bot_writes():
    place = "adapters:" + SERVICES["bot"]["environment"]["TANDEM_HOME"] + "/adapters"
    assert place in SERVICES["bot"]["volumes"]
    assert f"{place}:ro" in SERVICES["model"]["volumes"]


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cpu.yaml"])
def test_the_model_server_takes_adapters_as_the_embedded_one_does(name: str):
    lora = {flag for flag in embedded_flags() if "lora" in flag}
    given = {flag.partition("=")[0] for flag in read_compose(name)["services"]["model"]["command"]}
    assert {"--enable-lora", "--max-loras"} <= lora <= given
    assert SERVICES["model"]["environment"]["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"


def test_no_gpu_is_asked_for_on_the_cpu():
    assert SERVICES["model"]["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    text = (DEPLOY / "compose.cpu.yaml").read_text(encoding="utf-8")
    assert "deploy: !reset {}" in text
    assert "command: !override" in text


def test_the_bot_may_write_only_its_state():
    bot = SERVICES["bot"]
    assert bot["read_only"] is True
    assert bot["cap_drop"] == ["ALL"]
    assert [volume.partition(":")[2] for volume in bot["volumes"]] == ["/var/lib/tandem", "/var/lib/tandem/adapters"]


def every_value(tree: Any) -> list[str]:
    match tree:
        case dict():
            return [value for part in tree.values() for value in every_value(part)]
        case list():
            return [value for part in tree for value in every_value(part)]
        case _:
            return [str(tree)]


def embedded_flags() -> set[str]:
    """The flags that `tandem run` starts vLLM with, read from its source."""
    source = (DEPLOY.parent / "bot" / "model_server.py").read_text(encoding="utf-8")
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and value.startswith("--")}
