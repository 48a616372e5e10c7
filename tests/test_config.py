"""The user's config file: where it is, what it says, and whom it may be read and written by."""

import sys
from pathlib import Path

import pytest

from rlm import config
from rlm.errors import ConfigError, MissingKeyError
from rlm.lms import default_model, default_sub_model, resolve
from rlm.lms.base import Price
from rlm.lms.http import Policy
from rlm.lms.openai import OpenAI
from rlm.reference import RLM

CANARY = "sk-canary-0451"


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RLM_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path


def test_no_file_is_an_empty_one() -> None:
    assert config.read() == config.Config()


def test_the_platform_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert config.default_path() == tmp_path / "xdg" / "rlm" / "config.toml"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", ignored)
        assert config.default_path() == tmp_path / ".config" / "rlm" / "config.toml"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert config.default_path() == tmp_path / "Library" / "Application Support" / "rlm" / "config.toml"


def test_it_is_never_read_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("config.toml", "rlm.toml", ".rlm.toml", "rlm/config.toml", ".config/rlm/config.toml", ".env"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text('model = "openai/hostile"\n')
    monkeypatch.chdir(tmp_path)
    assert default_model() == "nano"
    monkeypatch.setenv("RLM_CONFIG", "config.toml")
    with pytest.raises(ConfigError, match=r"RLM_CONFIG must be an absolute path, not 'config\.toml'"):
        config.read()


def test_a_file_that_is_named_and_not_there(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"RLM_CONFIG names .*, which does not exist"):
        config.read()


def test_default_models(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, 'model = "openai/a"\nsub_model = "openai/b"', 0o644)
    assert (default_model(), default_sub_model()) == ("openai/a", "openai/b")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    rlm = RLM()
    assert (rlm.setup.model.name, rlm.setup.sub_model.name) == ("openai/a", "openai/b")
    rlm = RLM(model="openai/c")
    assert (rlm.setup.model.name, rlm.setup.sub_model.name) == ("openai/c", "openai/c")
    rlm = RLM(sub_model="openai/c")
    assert (rlm.setup.model.name, rlm.setup.sub_model.name) == ("openai/a", "openai/c")
    monkeypatch.setenv("RLM_MODEL", "openai/d")
    monkeypatch.setenv("RLM_SUB_MODEL", "openai/e")
    rlm = RLM()
    assert (rlm.setup.model.name, rlm.setup.sub_model.name) == ("openai/d", "openai/e")


def test_keys(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, f'[keys]\nOPENAI_API_KEY = "{CANARY}"')
    assert default_model() == "openai/gpt-5-mini"
    lm = resolve("openai/m")
    assert isinstance(lm, OpenAI)
    assert lm._headers["Authorization"] == f"Bearer {CANARY}"
    with pytest.raises(MissingKeyError, match=r"OPENAI_API_KEY is for api\.openai\.com"):
        resolve("openai/m", base_url="https://elsewhere.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    lm = resolve("openai/m")
    assert isinstance(lm, OpenAI)
    assert lm._headers["Authorization"] == "Bearer of-the-environment"


def test_options_of_a_model_go_before_its_provider_s_and_the_caller_s_before_both(path: Path) -> None:
    text = """
    [options.openai]
    base_url = "http://127.0.0.1:9/v1"
    window = 1000
    [options."openai/m"]
    window = 2000
    policy = {attempts = 2, attempt = 30.5}
    [prices."openai/m"]
    input_mtok = 1
    output_mtok = 2.5
    """
    write(path, text)
    assert [resolve(name).window for name in ("openai/other", "openai/m")] == [1000, 2000]
    assert resolve("openai/m", window=3000).window == 3000
    assert resolve("openai/m").price == Price(1.0, 2.5)
    assert resolve("openai/m")._policy == Policy(attempts=2, attempt=30.5)  # type: ignore[attr-defined]
    assert resolve("openai/other").price is None
    assert RLM(model="openai/m", prices={"openai/m": Price(3, 4)}).setup.model.price == Price(3, 4)


@pytest.mark.parametrize("table", ["options", "prices"])
@pytest.mark.parametrize("name", ["opnai", "opnai/m"])
def test_options_and_prices_of_a_provider_that_there_is_not(path: Path, table: str, name: str) -> None:
    write(path, f'[{table}."{name}"]\n{"window" if table == "options" else "input_mtok"} = 1')
    said = (
        rf'\[{table}\."{name}"\] of the config file: no model \'{name}\', meant \'{name.replace("opnai", "openai")}\'\?'
    )
    with pytest.raises(ConfigError, match=said):
        resolve("scripted-server/m", base_url="http://127.0.0.1:9/v1")


def test_a_preset_of_one_s_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, '[presets.my-box]\nbase_url = "https://llm.example/v1"\nkey_header = "api-key"')
    monkeypatch.setenv("OPENAI_API_KEY", "of-another")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://hostile.example/v1")
    with pytest.raises(MissingKeyError, match=r"my-box/m at llm\.example needs a key: set MY_BOX_API_KEY"):
        resolve("my-box/m")
    monkeypatch.setenv("MY_BOX_API_KEY", "its-own")
    lm = resolve("my-box/m")
    assert isinstance(lm, OpenAI)
    assert (lm.name, lm._headers["api-key"]) == ("my-box/m", "its-own")


def test_a_preset_on_this_machine_needs_no_key(path: Path) -> None:
    write(path, '[presets.box]\nbase_url = "http://localhost:9/v1"')
    assert resolve("box/m").name == "box/m"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('modle = "x"', r"has 'modle' that means nothing there; there is: model, sub_model, \[keys\], \[prices\]"),
        ("model = 3", "model must be a string"),
        ("keys = 3", "keys must be a table"),
        ("[keys]\nA_KEY = 3", r"A_KEY in \[keys\] must be a string"),
        ("[options]\nopenai = 3", r'openai in \[options\] must be a table: \[options."provider/model"\]'),
        ("model = ", r"is not TOML in UTF-8, end of document$"),
        ("[keys\n", r"is not TOML in UTF-8, line 1, column 6$"),
    ],
)
def test_what_the_file_can_not_say(path: Path, text: str, said: str) -> None:
    write(path, text)
    with pytest.raises(ConfigError, match=said):
        config.read()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[prices."openai/m"]\ninput_mtok = "x"',
            r'\[prices."openai/m"\] of the config file has US dollars per million',
        ),
        ('[prices."openai/m"]\ninput = 1', r'\[prices."openai/m"\] of the config file has US dollars per million'),
        ('[options."openai/m"]\nwindow = "32k"', "window must be a number of tokens"),
        ("[options.openai]\nmax_tokens = 1.5", r'\[options."openai"\] of the config file: max_tokens must be a number'),
        ('[options."openai/m"]\nprice = 1', r'has no price: that is \[prices."openai/m"\]'),
        ('[options."openai/m"]\npolicy = {attempts = "x"}', "policy is a table of numbers above 0: attempts, connect"),
        ('[options."openai/m"]\npolicy = {tries = 3}', "policy is a table of numbers above 0: attempts, connect"),
        ("[options.openai]\nwindow = 0", "window and max_tokens are at least 1"),
        ("[options.openai]\nheaders = 3", "headers must be a table"),
        ("[options.openai]\nheaders = {X = 3}", "each of the headers must be a string"),
        ("[options.openai]\napi_key = 3", "api_key must be a string"),
        ("[options.openai]\nbase_url = 3", "base_url must be a string"),
        ('[options.openai]\nextra = "x"', "extra must be a table"),
        ('[options.openai]\ntemperature = "hot"', "temperature must be a number"),
        ("[options.openai]\nstream = 1", "stream must be true or false"),
        ('[options."openai/m"]\npolicy = {total = -1}', "policy is a table of numbers above 0: attempts, connect"),
        ('[prices."openai/m"]\ninput_mtok = -1\noutput_mtok = 1', "has US dollars per million tokens"),
        ('[prices."openai/m"]\ninput_mtok = nan\noutput_mtok = 1', "has US dollars per million tokens"),
        ('[options."openai/m"]\npolicy = 3', "policy is a table of numbers above 0: attempts, connect"),
        ('[options."openai/m"]\nwindw = 1', "openai: .*unexpected keyword argument 'windw'"),
    ],
)
def test_what_a_model_can_not_have(path: Path, text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    write(path, text)
    with pytest.raises(ConfigError, match=said):
        resolve("openai/m")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[presets.openai]\nbase_url = 'http://localhost/v1'", "and not one that there is"),
        ("[presets.Box]\nbase_url = 'http://localhost/v1'", "a preset's name is small letters"),
        ("[presets.box]", "needs base_url"),
        ("[presets.box]\nbase_url = 3", "base_url must be a str"),
        ("[presets.box]\nbase_url = 'localhost'", "must look like https://host/v1"),
        ("[presets.box]\nbase = 'x'", "has no 'base'; there is: base_url, key_variable"),
    ],
)
def test_what_a_preset_can_not_be(path: Path, text: str, said: str) -> None:
    write(path, text)
    with pytest.raises(ConfigError, match=said):
        resolve("box/m")


SECRETS = [
    f'[keys]\nOPENAI_API_KEY = "{CANARY}"',
    f'[options.openai]\napi_key = "{CANARY}"',
    f'[options.openai]\nheaders = {{Authorization = "Bearer {CANARY}"}}',
]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
@pytest.mark.parametrize("text", SECRETS)
def test_keys_that_others_can_read_are_refused(path: Path, text: str, mode: int) -> None:
    file = write(path, text, mode)
    with pytest.raises(ConfigError) as caught:
        resolve("openai/m")
    assert str(caught.value) == f"others can read the config file {file}, and there are keys in it: chmod 600 {file}"
    file.chmod(0o600)
    assert resolve("openai/m").name == "openai/m"


def test_a_file_that_others_can_write_is_refused_without_keys_too(path: Path) -> None:
    file = write(path, 'model = "nano"', 0o664)
    with pytest.raises(ConfigError, match=f"others can write the config file {file}, .*: chmod 600 {file}"):
        default_model()
    file.chmod(0o644)
    assert default_model() == "nano"


def test_a_file_that_can_not_be_read(path: Path) -> None:
    (path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        config.read()


@pytest.mark.parametrize(
    "text",
    [
        f"OPENAI_API_KEY = {CANARY}",
        f"[keys]\nOPENAI_API_KEY = {CANARY}",
        f'[keys]\n"{CANARY}" = "OPENAI_API_KEY"',
        f'{CANARY} = "x"',
        f'[keys]\n{CANARY} = "x"',
        f"[keys]\n{CANARY} = 3",
        f'[keys]\nOPENAI_API_KEY = "{CANARY}',
        f'[keys]\nA = "x"\nA = "{CANARY}"',
    ],
)
def test_no_error_has_a_key(path: Path, text: str) -> None:
    write(path, text)
    with pytest.raises(ConfigError) as caught:
        config.read()
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_no_key_is_shown(path: Path) -> None:
    write(path, "\n".join([SECRETS[0], SECRETS[1], f'[presets.box]\nnote = "{CANARY}"']))
    assert CANARY not in repr(config.read())
