"""Names that run from right to left, isolated from the text around them.

A browser, the PDF and terminals order a line by the Unicode bidirectional algorithm; without an
isolate a number beside an Arabic name lands on its other side, and lists of such names turn round.
"""

from __future__ import annotations

import re

FIRST_STRONG, POP = "\u2068", "\u2069"
_OPENING = "\u2066\u2067\u2068"
# Letters that run from right to left, and the marks that turn a direction.
_DIRECTED = re.compile(
    "[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


def isolated(text: str) -> str:
    """Return text that may turn a line's direction as a unit that cannot reach beyond itself.

    Its own direction is that of its first letter outside of isolates within it: a sentence keeps
    that of its words, a name that of its letters. Other text is returned as it is.
    """
    if not _DIRECTED.search(text):
        return text
    kept: list[str] = []
    depth = 0
    for sign in text:
        if sign == POP and depth == 0:
            continue  # it would end our isolate
        depth += (sign in _OPENING) - (sign == POP)
        kept.append(sign)
    return FIRST_STRONG + "".join(kept) + POP * (depth + 1)
