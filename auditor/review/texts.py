"""The sentences of `auditor.review.words` in the language that is spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.review import words as words
else:
    from auditor.language.speaking import Texts
    from auditor.review import words as _words

    words = Texts(_words)
