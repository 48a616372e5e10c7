"""The model in the box: its weights, and what a cell of theirs lacks."""

_FOUND = '"Quoted, not answered:\\n" + "\\n\\n".join(h.where + ": " + h for h in search(question, 3))'
_OR_NOT = (
    '"Quoted, not answered:\\n" + "\\n\\n".join(h.where + ": " + h for h in found) '
    'if (found := search(question, 3)) else "Not answered: nothing in the input bears on it."'
)


def completed(reply: str) -> str:
    """A reply of theirs, whose cell also says so where it finds nothing to quote.

    The weights have learnt that one cell word by word, and nothing for this case: it gave a heading with nothing below.
    """
    return reply.replace(_FOUND, _OR_NOT)
