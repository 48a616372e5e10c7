"""What a page in one file holds of the input's text: all of a short one; of a long one, what was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rlm.coverage import Coverage
from rlm.coverage.source import Span
from rlm.errors import ConfigError
from rlm.types import JSON

WHOLE = 2_000_000  # characters of an input that is held whole
MOST = 5_000_000  # characters of what was read that are held
LARGEST = 100_000_000  # characters of an input that is held whole where that is asked for
_AROUND = 400  # characters on either side of what was read, as the page shows them
_PIECE = 50_000  # characters: what the page cuts at a time


def held(found: Coverage, with_input: bool | None) -> JSON:
    """The text, as `{"pieces": [[text, start, "..."], ...], "characters": 1200, "of": 3000, "left_out": 0}`.

    Pieces are in order and do not overlap. `left_out` is how many characters of what was read are not there.

    Args:
        found: What was read.
        with_input: Whether all of the input is to be held; None: as its length says.

    Raises:
        ConfigError: It is to be held, and longer than a page can be.
    """
    of = found.input.characters
    if with_input and of > LARGEST:
        raise ConfigError(
            f"the input has {of:,} characters, and a page holds {LARGEST:,} at most: leave --with-input out"
        )
    if with_input or (with_input is None and of <= WHOLE):
        spans = [Span(text, 0, size) for text, size in enumerate(found.input.sizes)]
    else:
        spans = list(_near(found)) if with_input is None else []
    pieces: list[JSON] = []
    left = MOST if with_input is None else LARGEST
    wanted = sum(span.end - span.start for span in spans)
    for piece in _cut(spans):
        if left <= 0:
            break
        text = found.input.read(piece._replace(end=min(piece.end, piece.start + left)))
        pieces.append([piece.text, piece.start, text])
        left -= len(text)
    characters = (MOST if with_input is None else LARGEST) - left
    return {"pieces": pieces, "characters": characters, "of": of, "left_out": wanted - characters}


def _near(found: Coverage) -> Iterator[Span]:
    """What was read, or may have been, with what is around it; in order, what touches joined."""
    spans = [span for stretch in found.stretches for span in (stretch.span, *stretch.others)]
    last: Span | None = None
    for span in sorted(spans):
        start, end = max(0, span.start - _AROUND), min(found.input.sizes[span.text], span.end + _AROUND)
        if last is not None and last.text == span.text and start <= last.end:
            last = last._replace(end=max(last.end, end))
        else:
            if last is not None:
                yield last
            last = Span(span.text, start, end)
    if last is not None:
        yield last


def _cut(spans: Sequence[Span]) -> Iterator[Span]:
    for span in spans:
        for start in range(span.start, span.end, _PIECE):
            yield Span(span.text, start, min(start + _PIECE, span.end))
