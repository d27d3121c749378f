import pytest

from bot.errors import SettingsError
from bot.settings import BotSettings, load_settings, misspelt, variable_name
from knowledge.settings import KnowledgeSettings
from router.settings import RouterSettings
from training.settings import TrainingSettings

ALL = (BotSettings, RouterSettings, KnowledgeSettings, TrainingSettings)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path):
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "TANDEM_SLACK_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_wrong_value_is_named_with_its_variable(monkeypatch):
    monkeypatch.setenv("TANDEM_WORKSPACE_PORT", "eighty")
    with pytest.raises(SettingsError, match="TANDEM_WORKSPACE_PORT: .*valid integer"):
        load_settings(BotSettings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TANDEM_LOG_LEVEL", "information"),
        ("TANDEM_REPLICA", "ü b"),
        ("TANDEM_REPLICA", "bot-1\n"),
        ("TANDEM_MODEL_THREADS", "cores 0-3"),
        ("TANDEM_MODEL_THREADS", "auto!"),
        ("SLACK_BOT_TOKEN", "xoxb-…"),
        ("SLACK_APP_TOKEN", "xapp-1 xapp-2"),
    ],
)
def test_value_that_only_contains_a_right_one_is_refused(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}: "):
        load_settings(BotSettings)


@pytest.mark.parametrize("value", ["auto", "0", "0-3", "0,2", "0-1,4-5"])
def test_cores_are_taken_as_people_write_them(monkeypatch, value):
    monkeypatch.setenv("TANDEM_MODEL_THREADS", value)
    assert load_settings(BotSettings).model_threads == value


def test_slack_variables_carry_slacks_own_names(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    settings = load_settings(BotSettings)
    assert not settings.local_workspace


def test_bot_token_alone_is_refused_with_what_to_add(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN"):
        load_settings(BotSettings)


def test_http_mode_without_signing_secret_is_refused(monkeypatch):
    monkeypatch.setenv("TANDEM_SLACK_PORT", "3000")
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET"):
        load_settings(BotSettings)


def test_http_mode_without_bot_token_is_refused(monkeypatch):
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "8f742231")
    monkeypatch.setenv("TANDEM_SLACK_PORT", "3000")
    with pytest.raises(SettingsError, match="TANDEM_SLACK_PORT.*SLACK_BOT_TOKEN"):
        load_settings(BotSettings)


def test_http_mode_with_bot_token_and_signing_secret_is_whole(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "8f742231")
    monkeypatch.setenv("TANDEM_SLACK_PORT", "3000")
    assert load_settings(BotSettings).slack_port == 3000


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-canary")
    assert "canary" not in repr(load_settings(BotSettings))


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        (RouterSettings, "TANDEM_MODEL_URL"),
        (KnowledgeSettings, "TANDEM_QDRANT_URL"),
        (KnowledgeSettings, "TANDEM_EMBEDDING_URL"),
        (KnowledgeSettings, "TANDEM_RERANK_URL"),
    ],
)
@pytest.mark.parametrize("value", ["nonsense", "gpu-1:8000", "ftp://gpu-1", "http://"])
def test_address_that_is_none_stops_the_start_and_is_not_repeated(monkeypatch, settings, variable: str, value: str):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}: it is no address of a service; write one like http://host"):
        load_settings(settings)


def test_dotenv_file_that_is_not_text_is_refused_in_a_sentence(tmp_path):
    (tmp_path / ".env").write_bytes(b"TANDEM_LOG_LEVEL=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"^\.env is not UTF-8 text"):
        load_settings(BotSettings)


def test_dotenv_file_is_read(tmp_path):
    (tmp_path / ".env").write_text("TANDEM_HEALTH_PORT=4110\n")
    assert load_settings(BotSettings).health_port == 4110


def test_variable_left_empty_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "")
    monkeypatch.setenv("TANDEM_HEALTH_PORT", "")
    settings = load_settings(BotSettings)
    assert settings.local_workspace
    assert settings.health_port == 3110


def test_two_values_that_do_not_fit_together_are_said_in_one_line(monkeypatch):
    monkeypatch.setenv("TANDEM_MODEL_WINDOW_TOKENS", "1024")
    monkeypatch.setenv("TANDEM_ANSWER_MAX_TOKENS", "1024")
    with pytest.raises(SettingsError, match=r"^TANDEM_ANSWER_MAX_TOKENS=1024 .* write 512 or less.*$"):
        load_settings(RouterSettings)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("TANDEM_HEALTH_PROT", "TANDEM_HEALTH_PORT"),
        ("TANDEM_MODEL_ULR", "TANDEM_MODEL_URL"),
        ("SLACK_BOT_TOKENS", "SLACK_BOT_TOKEN"),
        ("TANDEM_TRAINING_ENABLE", "TANDEM_TRAINING_ENABLED"),
    ],
)
@pytest.mark.parametrize("is_in_file", [True, False])
def test_misspelt_variable_is_told_with_the_one_that_was_meant(monkeypatch, tmp_path, variable, meant, is_in_file):
    if is_in_file:
        (tmp_path / ".env").write_text(f"{variable}=s3cret\n")
    else:
        monkeypatch.setenv(variable, "s3cret")
    assert misspelt(ALL) == [f"{variable} is no setting of Tandem: {meant}, perhaps?"]


def test_no_variable_that_is_right_or_of_tests_and_builds_is_called_misspelt(monkeypatch):
    for kind in ALL:
        for field in kind.model_fields:
            monkeypatch.setenv(variable_name(kind, field), "x")
    for name in ("DATA", "REQUIRE", "CASES", "CHROMIUM", "OCR_DATA", "TORCH_INDEX", "FAILPOINT"):
        monkeypatch.setenv(f"TANDEM_{name}", "x")
    assert misspelt(ALL) == []
