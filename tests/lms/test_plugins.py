"""Clients that other packages bring: by an installed package's entry point, and as objects."""

import sys
import textwrap
from pathlib import Path

import pytest

from rlm import RLM, ConfigError, Price, Reply, Request, Usage
from rlm.lms import providers, resolve


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, with the installed package `echo-models`."""
    info = tmp_path / "echo_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-models\nVersion: 1.0\n")
    (info / "RECORD").write_text("")
    (info / "entry_points.txt").write_text(
        "[rlm.lms]\n"
        "echo = echo_models:Echo\n"
        "gone = echo_models.gone:Echo\n"
        "lacking = echo_models:Missing\n"
        "number = echo_models:NUMBER\n"
        "mute = echo_models:Mute\n"
        "openai = echo_models:Mute\n"
    )
    source = """
        from rlm import Price, Reply, Usage

        NUMBER = 7


        class Mute:
            def __init__(self, model):
                pass


        class Echo:
            def __init__(self, model, *, window=None, loud=False):
                self.name, self.window, self.price, self.loud = f"echo/{model}", window, Price(0.0, 0.0), loud

            async def complete(self, request):
                text = request.messages[-1].content
                return Reply(text.upper() if self.loud else text, Usage(calls=1), 0.0)
        """
    (tmp_path / "echo_models.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "echo_models", raising=False)
    return tmp_path


def test_a_client_by_entry_point(site: Path) -> None:
    lm = resolve("echo/some/model", window=500)
    assert (lm.name, lm.window) == ("echo/some/model", 500)
    rlm = RLM(model="echo/m", model_options={"loud": True}, route="always")
    assert rlm.completion("hello").response == "HELLO"


def test_it_is_loaded_only_when_it_is_named(site: Path) -> None:
    assert providers.known()["echo"].what == "of echo-models"
    with pytest.raises(ConfigError, match="no model 'eccho/m', meant 'echo/m'\\?"):
        resolve("eccho/m")
    assert "echo_models" not in sys.modules
    resolve("echo/m")
    assert "echo_models" in sys.modules


def test_a_name_of_ours_stays_ours(site: Path) -> None:
    assert providers.known()["openai"].by == ""
    assert resolve("openai/m", api_key="k").name == "openai/m"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("gone/m", r"the models gone/\.\.\. of echo_models.gone:Echo can't be loaded: No module named"),
        ("lacking/m", r"the models lacking/\.\.\. of echo_models:Missing can't be loaded: .*no attribute 'Missing'"),
        ("number/m", "the entry point number = echo_models:NUMBER is not callable: it makes no models"),
        ("mute/m", "mute: what it makes has no `complete`: Mute"),
        ("echo/", "'echo/' names no model: echo/MODEL"),
    ],
)
def test_entry_points_that_make_no_models(site: Path, spec: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        resolve(spec)


def test_an_option_that_it_does_not_take(site: Path) -> None:
    with pytest.raises(ConfigError, match="echo: got an unexpected keyword argument 'quiet'"):
        resolve("echo/m", quiet=True)


def test_a_client_as_an_object() -> None:
    class Upper:
        name, window, price = "my/upper", None, Price(0.0, 0.0)

        async def complete(self, request: Request) -> Reply:
            return Reply(request.messages[-1].content.upper(), Usage(calls=1), 0.0)

    assert RLM(model=Upper(), route="always").completion("hello").response == "HELLO"
