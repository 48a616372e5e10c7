"""Bills worked by hand against what is reckoned: each row says which tokens cost what, in US dollars a million."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from rlm.lms.base import Price
from rlm.lms.prices import listing
from rlm.types import Usage

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

URLS = {
    "anthropic": "https://api.anthropic.com",
    "azure": "https://mine.openai.azure.com/openai",
    "bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "deepseek": "https://api.deepseek.com",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "together": "https://api.together.xyz/v1",
    "vertex": "https://us-central1-aiplatform.googleapis.com",
    "xai": "https://api.x.ai/v1",
}


@dataclass(frozen=True)
class Bill:
    """One call: `worked` is the arithmetic in tokens times dollars a million, `usd` what it comes to."""

    model: str
    usage: Usage
    worked: float
    usd: float
    at: datetime = NOON
    tier: str = ""
    hour_writes: int = 0


def used(
    input_tokens: int, output_tokens: int, cached: int = 0, written: int = 0, reasoning: int = 0, calls: int = 1
) -> Usage:
    return Usage(calls, input_tokens, output_tokens, cached, reasoning, written)


BILLS = {
    "nothing cached": Bill("openai/gpt-4o", used(10_000, 1_000), 10_000 * 2.50 + 1_000 * 10, 0.035),
    "cached at half": Bill(
        "openai/gpt-4o", used(1_000_000, 100_000, cached=400_000), 600_000 * 2.50 + 400_000 * 1.25 + 100_000 * 10, 3.0
    ),
    "cached at a tenth": Bill(
        "openai/gpt-5", used(20_000, 1_000, cached=16_000), 4_000 * 1.25 + 16_000 * 0.125 + 1_000 * 10, 0.017
    ),
    # 1,400 of the 1,500 output tokens are thoughts: all of them are output, and billed once.
    "reasoning is output": Bill(
        "openai/gpt-5-mini", used(2_000, 1_500, reasoning=1_400), 2_000 * 0.25 + 1_500 * 2, 0.0035
    ),
    "all of it is reasoning": Bill("openai/o3", used(500, 25_000, reasoning=25_000), 500 * 2 + 25_000 * 8, 0.201),
    "flex": Bill(
        "openai/gpt-5", used(20_000, 1_000, cached=16_000), 4_000 * 0.625 + 16_000 * 0.0625 + 1_000 * 5, 0.0085,
        tier="flex",
    ),
    "priority": Bill("openai/gpt-4o", used(10_000, 1_000), 10_000 * 4.25 + 1_000 * 17, 0.0595, tier="priority"),
    "the tier `default`": Bill("openai/gpt-4o", used(10_000, 1_000), 10_000 * 2.50 + 1_000 * 10, 0.035, tier="default"),
    "batch": Bill("openai/gpt-4o", used(10_000, 1_000), 10_000 * 1.25 + 1_000 * 5, 0.0175, tier="batch"),
    "at 272,000": Bill("openai/gpt-5.4", used(272_000, 1_000), 272_000 * 2.50 + 1_000 * 15, 0.695),
    "above 272,000": Bill(
        "openai/gpt-5.4", used(300_000, 1_000, cached=100_000),
        200_000 * 5 + 100_000 * 0.50 + 1_000 * 22.50, 1.0725,
    ),
    "no output to pay": Bill("openai/text-embedding-3-small", used(8_000, 0), 8_000 * 0.02, 0.00016),
    "azure": Bill(
        "azure/gpt-4.1", used(30_000, 500, cached=20_000), 10_000 * 2 + 20_000 * 0.50 + 500 * 8, 0.034
    ),
    "gemini at 200,000": Bill("gemini/gemini-2.5-pro", used(200_000, 2_000), 200_000 * 1.25 + 2_000 * 10, 0.27),
    # One token more, and all of the call is in the dearer tier, its output too.
    "gemini above 200,000": Bill("gemini/gemini-2.5-pro", used(200_001, 2_000), 200_001 * 2.50 + 2_000 * 15, 0.5300025),
    "gemini's cache above 200,000": Bill(
        "gemini/gemini-2.5-pro", used(500_000, 2_000, cached=400_000, reasoning=1_500),
        100_000 * 2.50 + 400_000 * 0.25 + 2_000 * 15, 0.38,
    ),
    "gemini above 128,000": Bill("gemini/gemini-1.5-pro", used(150_000, 100), 150_000 * 2.50 + 100 * 10, 0.376),
    "gemini's batch": Bill(
        "gemini/gemini-2.5-flash", used(100_000, 4_000), 100_000 * 0.15 + 4_000 * 1.25, 0.02, tier="batch"
    ),
    "vertex": Bill(
        "vertex/gemini-2.5-flash", used(100_000, 4_000, cached=50_000),
        50_000 * 0.30 + 50_000 * 0.03 + 4_000 * 2.50, 0.0265,
    ),
    "before a price goes up": Bill(
        "gemini/gemini-4-argon", used(10_000, 1_000), 10_000 * 2 + 1_000 * 10, 0.03,
        at=datetime(2026, 11, 30, 23, 59, tzinfo=UTC),
    ),
    "after a price went up": Bill(
        "gemini/gemini-4-argon", used(10_000, 1_000), 10_000 * 4 + 1_000 * 20, 0.06,
        at=datetime(2026, 12, 1, 0, 0, tzinfo=UTC),
    ),
    "claude without a cache": Bill("anthropic/claude-haiku-4-5", used(10_000, 1_000), 10_000 * 1 + 1_000 * 5, 0.015),
    "claude writes for five minutes (1.25)": Bill(
        "anthropic/claude-haiku-4-5", used(10_000, 1_000, written=8_000), 2_000 * 1 + 8_000 * 1.25 + 1_000 * 5, 0.017
    ),
    "claude writes for an hour (2)": Bill(
        "anthropic/claude-haiku-4-5", used(10_000, 1_000, written=8_000), 2_000 * 1 + 8_000 * 2 + 1_000 * 5, 0.023,
        hour_writes=8_000,
    ),
    "claude writes for both, and reads": Bill(
        "anthropic/claude-opus-4-5", used(50_000, 2_000, cached=30_000, written=15_000),
        5_000 * 5 + 30_000 * 0.50 + 5_000 * 6.25 + 10_000 * 10 + 2_000 * 25, 0.22125, hour_writes=10_000,
    ),
    "claude above 200,000": Bill(
        "anthropic/claude-sonnet-4-5", used(250_000, 2_000, cached=100_000, written=100_000),
        50_000 * 6 + 100_000 * 0.60 + 100_000 * 7.50 + 2_000 * 22.50, 1.155,
    ),
    "claude with no long context surcharge": Bill(
        "anthropic/claude-opus-4-6", used(250_000, 2_000), 250_000 * 5 + 2_000 * 25, 1.3
    ),
    "the same when it had one": Bill(
        "anthropic/claude-opus-4-6", used(250_000, 2_000), 250_000 * 10 + 2_000 * 37.50, 2.575,
        at=datetime(2026, 3, 12, 12, 0, tzinfo=UTC),
    ),
    "claude's batch": Bill(
        "anthropic/claude-haiku-4-5", used(10_000, 1_000, written=8_000),
        2_000 * 0.50 + 8_000 * 0.625 + 1_000 * 2.50, 0.0085, tier="batch",
    ),
    "claude at bedrock, a tenth dearer in a region": Bill(
        "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", used(10_000, 1_000, cached=5_000),
        5_000 * 1.10 + 5_000 * 0.11 + 1_000 * 5.50, 0.01155,
    ),
    "deepseek's cache by night, at peak": Bill(
        "deepseek/deepseek-v4-flash", used(100_000, 5_000, cached=90_000),
        10_000 * 0.30 + 90_000 * 0.006 + 5_000 * 1.20, 0.00954, at=NIGHT,
    ),
    "deepseek's cache by day": Bill(
        "deepseek/deepseek-v4-flash", used(100_000, 5_000, cached=90_000),
        10_000 * 0.15 + 90_000 * 0.003 + 5_000 * 0.60, 0.00477,
    ),
    "deepseek off peak": Bill(
        "deepseek/deepseek-reasoner", used(100_000, 5_000, reasoning=4_000), 100_000 * 0.135 + 5_000 * 0.55, 0.01625,
        at=datetime(2026, 11, 21, 20, 0, tzinfo=UTC),
    ),
    "groq": Bill("groq/llama-3.3-70b-versatile", used(8_000, 1_000), 8_000 * 0.59 + 1_000 * 0.79, 0.00551),
    "groq's cache": Bill(
        "groq/openai/gpt-oss-120b", used(8_000, 1_000, cached=6_000, reasoning=800),
        2_000 * 0.15 + 6_000 * 0.075 + 1_000 * 0.60, 0.00135,
    ),
    "mistral": Bill(
        "mistral/mistral-small-latest", used(30_000, 2_000, cached=20_000),
        10_000 * 0.15 + 20_000 * 0.015 + 2_000 * 0.60, 0.003,
    ),
    "mistral lists no cache": Bill(
        "mistral/mistral-large-latest", used(30_000, 2_000, cached=20_000), 30_000 * 2 + 2_000 * 6, 0.072
    ),
    "xai's cache": Bill(
        "xai/grok-4", used(40_000, 3_000, cached=30_000, reasoning=2_500),
        10_000 * 3 + 30_000 * 0.75 + 3_000 * 15, 0.0975,
    ),
    "xai from 200,000": Bill("xai/grok-4.3", used(200_000, 1_000), 200_000 * 2.50 + 1_000 * 5, 0.505),
    "together": Bill(
        "together/meta-llama/Llama-3.3-70B-Instruct-Turbo", used(10_000, 1_000), 11_000 * 0.88, 0.00968
    ),
    "fireworks": Bill(
        "fireworks/accounts/fireworks/models/gpt-oss-120b", used(10_000, 1_000, cached=4_000),
        6_000 * 0.15 + 4_000 * 0.015 + 1_000 * 0.60, 0.00156,
    ),
    "openrouter's own list": Bill(
        "openrouter/openai/gpt-5-mini", used(10_000, 1_000, cached=4_000),
        6_000 * 0.25 + 4_000 * 0.025 + 1_000 * 2, 0.0036,
    ),
    "free by its name": Bill("openrouter/deepseek/deepseek-chat:free", used(10_000, 1_000), 0, 0.0),
    # $14 for a thousand requests, whatever their size: 14,000 a million.
    "a fee a call": Bill("perplexity/sonar-pro", used(1_000, 500), 1_000 * 3 + 500 * 15 + 1 * 14_000, 0.0245),
    "reasoning at its own rate": Bill(
        "perplexity/sonar-deep-research", used(1_000, 5_000, reasoning=4_000), 1_000 * 2 + 1_000 * 8 + 4_000 * 3, 0.022
    ),
}  # fmt: skip


def tariff_of(bill: Bill) -> Price:
    provider, _, model = bill.model.partition("/")
    listed = listing(model, URLS[provider])
    assert listed is not None
    tariff = listed.tariff(bill.at, bill.tier)
    assert tariff is not None
    return tariff


@pytest.mark.parametrize("bill", BILLS.values(), ids=BILLS.keys())
def test_a_bill_is_what_it_comes_to_by_hand(bill: Bill) -> None:
    assert bill.worked / 1e6 == pytest.approx(bill.usd, rel=1e-12), "the table itself is wrong"
    assert tariff_of(bill).cost(bill.usage, hour_writes=bill.hour_writes) == pytest.approx(bill.usd, rel=1e-12)


@pytest.mark.parametrize("bill", BILLS.values(), ids=BILLS.keys())
def test_no_bill_is_more_than_what_is_held_for_it(bill: Bill) -> None:
    asked = bill.usage.input_tokens
    for tokens in (asked, 2 * asked, None):
        held = tariff_of(bill).worst(tokens).cost(Usage(1, asked, bill.usage.output_tokens))
        assert held >= bill.usd - 1e-12


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("no-such-model", URLS["openai"]),
        ("gpt-4o", "https://models.example/v1"),
        ("accounts/me/models/my-own", URLS["fireworks"]),
    ],
)
def test_who_is_not_listed_has_no_price(model: str, url: str) -> None:
    assert listing(model, url) is None


@pytest.mark.parametrize(("model", "provider"), [("whisper-1", "openai"), ("gemma-3", "gemini")])
def test_who_is_listed_without_a_price_for_tokens_has_none_and_not_zero(model: str, provider: str) -> None:
    listed = listing(model, URLS[provider])
    assert listed is not None
    assert listed.price is None
    assert listed.cost(Usage(1, 1_000, 1_000)) is None
