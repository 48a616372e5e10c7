"""The conversations of a run as chat messages: JSON lines, `{"messages": [{"role", "content"}, ...]}`, one a node.

It is the format that chat completions take and that fine-tuning files have. The root comes first, then the child nodes
in the order in which they began. The last message is the model's last reply, where it had one.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

from rlm.trace.tree import Node, RunTree
from rlm.types import JSON


def export(run: RunTree) -> Iterator[str]:
    """The lines, each with its end."""
    for node in nodes(run):
        yield json.dumps({"messages": messages(node)}) + "\n"


def messages(node: Node) -> list[JSON]:
    """A node's whole conversation: what its last request had, and the reply."""
    conversation: list[JSON] = []
    last: str | None = None
    for turn in node.turns:
        for request in turn.requests:
            if request.messages:  # a second request of a turn asks the same again, with more room
                conversation += request.messages
                last = None
        for reply in turn.replies:
            last = reply.text
    return [*conversation, {"role": "assistant", "content": last}] if last else conversation


def nodes(run: RunTree) -> Iterator[Node]:
    """The nodes of a run: the root, then those below it in the order in which they began."""
    below = deque([run.root] if run.root is not None else [])
    while below:
        node = below.popleft()
        yield node
        below += [call.child for turn in node.turns for call in turn.calls if call.child is not None]
