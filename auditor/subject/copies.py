"""Pictures that are in a data set more than once: the same content under several names."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.subject.collection import Collection


def copies_note(data: Collection, contents: Sequence[str]) -> tuple[str, ...]:
    """Say how many pictures repeat another's content, and how many of them with another label.

    ``contents`` identify what the rows hold; those that cannot be read are left out.
    """
    first: dict[str, int] = {}
    copies: list[tuple[int, int]] = []
    for row, content in enumerate(contents):
        if content.startswith("unreadable"):
            continue
        earlier = first.setdefault(content, row)
        if earlier != row:
            copies.append((earlier, row))
    if not copies:
        return ()
    split = [pair for pair in copies if data.labels[pair[0]] != data.labels[pair[1]]]
    one, other = (split or copies)[0]
    labels = f", {len(split):,} of them with another label" if split else ""
    return (
        f"{len(copies):,} of {len(data):,} pictures have the content of another and count again"
        f"{labels} (such as '{data.paths[one]}' and '{data.paths[other]}')",
    )
