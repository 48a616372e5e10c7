"""`rlm coverage`: what of its input a run looked at, who did, what nobody did, and whether its quotes are there."""

from __future__ import annotations

import json as json_text
import sys
from collections import Counter
from collections.abc import Iterable, Iterator

from rlm.cli import exit_codes
from rlm.cli.show import events
from rlm.coverage import Citation, Coverage, citations, coverage
from rlm.coverage.source import Span
from rlm.terminal import one_line
from rlm.trace.tree import RunTree

_WIDTH = 72  # columns of the strip
_SHADES = " ░▒▓█"
_LISTED = 12  # parts that nobody read, the largest ones
_QUOTE = 70  # characters of a quote that are shown


def run(name: str | None, *, json: bool) -> int:
    """Prints what the models of the run `name` (the last one if None) read of its input.

    Raises:
        ConfigError: There is no such run.
        TraceError: Its trace can't be read.
        ContextError: Its input can't be read any more, or is not what it was.
    """
    tree = RunTree(events(name))
    covered, quotes = coverage(tree), citations(tree)
    if json:
        told = {**covered.to_json(), "citations": [quote.to_json() for quote in quotes]}
        print(json_text.dumps(told, ensure_ascii=sys.stdout.isatty()))
        return exit_codes.DONE
    for line in lines(covered, quotes):
        print(line)
    return exit_codes.DONE


def lines(covered: Coverage, quotes: Iterable[Citation]) -> Iterator[str]:
    """What is printed for a person, line by line."""
    total = covered.input.characters
    read, maybe = _size(covered.read()), _size(covered.maybe())
    more = f", and at most {maybe:,} more ({_share(maybe, total)}) that the input has more than once" if maybe else ""
    yield f"run {covered.run_id}: {_share(read, total)} of the input was read: {read:,} of {total:,} characters{more}"
    yield f"[{strip(covered)}]"
    for model, size in covered.models():
        kinds = Counter(reader.kind for reader in covered.readers if reader.model == model)
        texts = ", ".join(f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.items())
        yield f"  {one_line(model, 60)}: {_share(size, total)}, {size:,} characters, in {texts}"
    if covered.readers:
        yield (
            f"  {100 * covered.untraced:.1f} % of what they read is traced to no place: instructions, or text that was "
            "rewritten"
        )
    yield from _unread(covered)
    yield from quote_lines(quotes)


def quote_lines(quotes: Iterable[Citation]) -> Iterator[str]:
    """The passages that the answer quotes, and where each stands."""
    quotes = list(quotes)
    if not quotes:
        return
    yield f"{sum(quote.supported for quote in quotes)} of {len(quotes)} quotes of the answer stand in the input:"
    for quote in quotes:
        where = "not in the input" if quote.how == "unsupported" else "not looked for"
        if quote.places:
            first = quote.places[0]
            where = (
                f"{one_line(first.name, 60) + ', ' if first.name else ''}line {first.line}, character {first.character}"
            )
            where += f" and {len(quote.places) - 1} more" if len(quote.places) > 1 else ""
            where += ", spaced or marked otherwise" if quote.how == "loose" else ""
        yield f'  {"+" if quote.supported else "!"} "{one_line(quote.text, _QUOTE)}": {where}'


def strip(covered: Coverage, width: int = _WIDTH) -> str:
    """The input from its beginning to its end, each column the darker the more of it was read for certain."""
    total = covered.input.characters
    if not total:
        return ""
    width = min(width, total)
    taken = [0] * width
    base, bases = 0, []
    for size in covered.input.sizes:
        bases.append(base)
        base += size
    for span in covered.read():
        start, end = bases[span.text] + span.start, bases[span.text] + span.end
        while start < end:
            column = start * width // total
            until = min(end, -(-(column + 1) * total // width))
            taken[column] += until - start
            start = until
    columns = []
    for column, size in enumerate(taken):
        room = -(-(column + 1) * total // width) - -(-column * total // width)
        shade = 0 if not size else min(1 + int(size / room * (len(_SHADES) - 2)), len(_SHADES) - 1)
        columns.append(_SHADES[shade])
    return "".join(columns)


def _unread(covered: Coverage) -> Iterator[str]:
    gaps = [(first, last, _between(covered, first, last)) for first, last in covered.unread()]
    if not gaps:
        yield "no part was left out"
        return
    total = covered.input.characters
    size = sum(gap[2] for gap in gaps)
    yield f"never read: {_share(size, total)}, {size:,} characters in {len(gaps):,} part{'' if len(gaps) == 1 else 's'}"
    shown = sorted(sorted(gaps, key=lambda gap: -gap[2])[:_LISTED], key=lambda gap: gap[0])
    for first, last, size in shown:
        yield f"  {size:>12,}  {_part(covered, first, last)}"
    if len(gaps) > _LISTED:
        yield f"  and {len(gaps) - _LISTED:,} smaller ones"


def _part(covered: Coverage, first: Span, last: Span) -> str:
    """A part of the input, in words."""
    source = covered.input
    if first.text == last.text:
        name = source.name(first.text)
        if first.start == 0 and last.end == source.sizes[first.text]:
            return f"{one_line(name, 60)}, whole" if name else "all of it"
        top, bottom = source.line(first.text, first.start)[0], source.line(first.text, last.end - 1)[0]
        lines = f"line {top}" if top == bottom else f"lines {top:,}-{bottom:,}"
        return f"{one_line(name, 60)}, {lines}" if name else lines
    ends = [
        f"{one_line(source.name(span.text), 40)}:{source.line(span.text, offset)[0]}"
        for span, offset in ((first, first.start), (last, last.end - 1))
    ]
    return f"{ends[0]} to {ends[1]}"


def _between(covered: Coverage, first: Span, last: Span) -> int:
    if first.text == last.text:
        return last.end - first.start
    sizes = covered.input.sizes
    return sizes[first.text] - first.start + sum(sizes[first.text + 1 : last.text]) + last.end


def _share(size: int, total: int) -> str:
    share = 100 * size / total if total else 0.0
    return f"{share:.1f} %" if share >= 0.1 or not size else "less than 0.1 %"


def _size(spans: Iterable[Span]) -> int:
    return sum(span.end - span.start for span in spans)
