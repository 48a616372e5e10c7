"""An endpoint in a storm: a token bucket, and faults that hit a request before it comes to the bucket.

Whether an attempt is hit depends on the seed, the prompt and how often it was sent, and not on who comes first.
"""

import random
import time
from collections import Counter

from rlm.lms.scripted_server import Answer, Received

FAULTS = (
    Answer("slow down", status=429),
    Answer("something broke", status=500),
    Answer(fault="hang"),
    Answer(fault="reset"),
)


class Storm:
    """Answers `answer to PROMPT`, at most `rate` times a second and `burst` at once.

    Attributes:
        answered: How often each prompt was answered.
        tokens: Input and output tokens of those answers, as they were reported.
        refused: Requests that the bucket had nothing for.
        hit: Requests that a fault hit.
    """

    def __init__(self, rate: float, burst: int, *, share: float = 0.1, seed: int = 0) -> None:
        self.answered: Counter[str] = Counter()
        self.tokens = 0
        self.refused = 0
        self.hit = 0
        self._rate = rate
        self._burst = burst
        self._share = share
        self._seed = seed
        self._sent: Counter[str] = Counter()
        self._left = float(burst)
        self._at = time.monotonic()

    def __call__(self, request: Received) -> Answer:
        prompt = request.value["messages"][-1]["content"]
        self._sent[prompt] += 1
        draw = random.Random(f"{self._seed} {prompt} {self._sent[prompt]}")
        if draw.random() < self._share:
            self.hit += 1
            return draw.choice(FAULTS)
        now = time.monotonic()
        self._left = min(float(self._burst), self._left + (now - self._at) * self._rate)
        self._at = now
        headers = {
            "x-ratelimit-limit-requests": str(self._burst),
            "x-ratelimit-remaining-requests": str(int(max(0.0, self._left - 1.0))),
            "x-ratelimit-reset-requests": f"{(self._burst - self._left) / self._rate:.3f}s",
        }
        if self._left < 1.0:
            self.refused += 1
            wait = {"retry-after-ms": f"{(1.0 - self._left) / self._rate * 1000:.1f}"}
            return Answer("Rate limit reached for requests", status=429, headers=headers | wait)
        self._left -= 1.0
        self.answered[prompt] += 1
        said = f"answer to {prompt}"
        self.tokens += len(prompt) + len(said)
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(said)}
        return Answer(said, headers=headers, usage=usage)
