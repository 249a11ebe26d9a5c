"""Which preprocessing, order of channels and order of labels makes a model right on a few images.

A model that is given its pictures in another way than in training still answers, only worse: tried
here are the usual ways, and how many images are right with each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Bool, Int
from scipy.stats import binom

from auditor.records.several import decided

if TYPE_CHECKING:
    from auditor.config.audit import Config
    from auditor.subject import Subject
    from auditor.subject.preprocessing import Channels, Preprocessing
    from auditor.subject.scores import Scores

IMAGES = 64  # looked at: enough to tell 0.5 from 0.9, some seconds of a usual network
FEW = 24  # to tell whether what is stated is plainly wrong, ten times over
# What `decide_preprocessing` calls its own assumption, and the usual ways to normalise pixels:
# mean, std and scale.
ASSUMED = "assumed"
STATED = "as stated"
SIDES = (32, 64, 96, 128, 160, 224, 256)
USUAL: Mapping[str, tuple[Any, Any, float]] = {
    "0 to 1": (0.0, 1.0, 1.0),
    "-1 to 1": (0.5, 0.5, 1.0),
    "ImageNet's": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0),
    "0 to 255": (0.0, 1.0, 255.0),
}
ORDERS = ("rgb", "bgr")
# How often chance alone may raise an alarm, or choose another order of channels.
CHANCE = 0.01


@dataclass(frozen=True, eq=False)
class Seen:
    """Labels and predictions, both as outputs, of the images looked at.

    ``hits`` are those recognised; where it is a guess which label is which output, as the best
    assignment has it.
    """

    labels: Int[np.ndarray, "image"]
    predictions: Int[np.ndarray, "image"]
    hits: Bool[np.ndarray, "image"]

    @property
    def right(self) -> int:
        """Return how many are recognised."""
        return int(self.hits.sum())

    @property
    def share(self) -> float:
        """Return how many of all are recognised."""
        return self.right / max(len(self.hits), 1)


@dataclass(frozen=True, eq=False)
class Trials:
    """What was tried, by normalisation and order of channels, and by size; what fits best.

    ``best`` is the subject as the config is to have it. ``alarm`` is the way that recognises
    clearly more than what is stated, if one does.
    """

    best: Subject
    seen: Seen
    ways: Mapping[tuple[str, str], Seen]
    sizes: Mapping[str, Seen]
    alarm: tuple[str, str] | None

    def table(self) -> list[str]:
        """Return what was tried as lines of text: a table of accuracies, and sizes."""
        if len(self.ways) < 2:
            return []
        orders = list(dict.fromkeys(order for _name, order in self.ways))
        names = list(dict.fromkeys(name for name, _order in self.ways))
        n = len(next(iter(self.ways.values())).hits)
        width = max(map(len, names))
        lines = [f"accuracy on {n} images by preprocessing and order of channels:"]
        lines.append("  ".join([" " * width, *(f"{order:>4}" for order in orders)]))
        for name in names:
            cells = [
                f"{self.ways[name, order].share:.2f}" if (name, order) in self.ways else "   -"
                for order in orders
            ]
            lines.append("  ".join([f"{name:<{width}}", *cells]))
        if self.sizes:
            tried = ", ".join(f"{size}: {seen.share:.2f}" for size, seen in self.sizes.items())
            lines.append(f"and by size: {tried}")
        return lines


def try_inputs(config: Config, subject: Subject, scores: Scores) -> Trials:
    """Try the usual normalisations and orders of channels, and sizes where none is stated.

    What is stated, by the weights or the config, is never replaced; what is merely assumed gives
    way to what recognises more, and wins ties. Inputs that come ready are taken as they are.

    Raises:
        DataError: none of these images can be used.
    """
    start = subject.preprocessing
    seen = look(subject, scores)
    first = "0 to 1" if start.origin == ASSUMED else STATED
    own = (first, start.channels if start.channels in ORDERS else str(start.channels))
    ways = {own: seen}
    subjects = {own: subject}
    if subject.ready:
        return Trials(subject, seen, ways, {}, None)
    given = config.preprocess
    stated = start.origin != ASSUMED or given != type(given)()
    images = FEW if stated else IMAGES
    if stated:
        ways[own] = look(subject, scores, images)
    for way, preprocessing in _others(start, own):
        subjects[way] = replace(subject, preprocessing=preprocessing)
        ways[way] = look(subjects[way], scores, images)
    if stated:
        return Trials(subject, seen, ways, {}, _alarm(own, ways))
    same_order = [way for way in ways if way[1] == own[1]]
    chosen = max(same_order, key=lambda way: ways[way].right)  # the first of equals
    other = max(ways, key=lambda way: ways[way].right)
    if _clearly_more(ways[other], ways[chosen], CHANCE / len(ways)):
        chosen = other
    best, sizes = _sized(subjects[chosen], ways[chosen], scores)
    seen = sizes[_by(best.preprocessing.size)]
    return Trials(best, seen, ways, sizes, None)


def _others(
    start: Preprocessing, own: tuple[str, str]
) -> Iterator[tuple[tuple[str, str], Preprocessing]]:
    """Yield other ways to make inputs: every usual normalisation in every order of channels."""
    orders = ORDERS if own[1] in ORDERS else (own[1],)
    turned = start
    if own[0] == STATED and len(orders) > 1:
        (order,) = (each for each in ORDERS if each != own[1])
        turned = replace(
            start, channels=cast("Channels", order), mean=start.mean[::-1], std=start.std[::-1]
        )
        yield (STATED, order), turned
    for name, (mean, std, scale) in USUAL.items():
        if isinstance(mean, tuple) and start.count != len(mean):  # of colour alone
            continue
        for order in orders:
            if (name, order) == own:
                continue
            turn = -1 if order == "bgr" else 1
            values = {"mean": _all(mean, start)[::turn], "std": _all(std, start)[::turn]}
            channels = cast("Channels", order) if order in ORDERS else start.channels
            other = replace(start, scale=scale, channels=channels, **values)
            if other != start and other != turned:  # which is what is stated
                yield (name, order), replace(other, origin=name)


def _all(value: Any, start: Preprocessing) -> Any:
    return (value,) * start.count if isinstance(value, float) else value


def _sized(subject: Subject, seen: Seen, scores: Scores) -> tuple[Subject, dict[str, Seen]]:
    """Return the subject at the size that recognises most, and what each size recognised."""
    best, start = subject, subject.preprocessing
    sizes = {_by(start.size): seen}
    for side in SIDES:
        size = (side, side)
        if size == start.size:
            continue
        other = replace(start, size=size, resize=size, crop=None)
        tried = replace(subject, preprocessing=other)
        try:
            sizes[_by(size)] = look(tried, scores)
        except RuntimeError:  # a model whose last layers fit one size only
            continue
        if sizes[_by(size)].right > sizes[_by(best.preprocessing.size)].right:
            best = tried
    return best, sizes


def _alarm(own: tuple[str, str], ways: Mapping[tuple[str, str], Seen]) -> tuple[str, str] | None:
    best = max(ways, key=lambda way: ways[way].right)
    clear = _clearly_more(ways[best], ways[own], CHANCE / max(len(ways) - 1, 1))
    return best if clear else None


def _clearly_more(more: Seen, less: Seen, chance: float) -> bool:
    """Return whether one recognises more of the same images than chance explains.

    Of the images that only one of the two recognises, half would be either's by chance (McNemar).
    """
    if len(more.hits) != len(less.hits):
        return False
    gained, lost = int((more.hits & ~less.hits).sum()), int((less.hits & ~more.hits).sum())
    return bool(binom.sf(gained - 1, gained + lost, 0.5) < chance)


def _by(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]}"


def look(subject: Subject, scores: Scores, images: int = IMAGES) -> Seen:
    """Return what the model says of so many images, spread over the data.

    Raises:
        DataError: none of them can be used.
    """
    from auditor.subject.calling import ask_logits
    from auditor.subject.label_check import best_assignment
    from auditor.subject.usable import nothing_usable

    total = len(subject.manifest)
    rows = np.unique(np.linspace(0, total - 1, min(images, total)).astype(int))
    read: list[int] = []
    predictions: list[int] = []
    lost: dict[int, str] = {}
    for start in range(0, len(rows), 16):
        batch, quarantine = subject.sift([int(row) for row in rows[start : start + 16]])
        lost |= quarantine
        if not batch.rows:
            continue
        answer = ask_logits(subject.model, batch.inputs, subject.output, scores)
        read += batch.rows
        predictions += _decided(subject, batch.rows, answer.cpu().numpy())
    if not read:
        asked = f" looked at (of {total})"
        raise nothing_usable(subject.manifest.paths, lost, subject.reader, asked=asked)
    labels, answers = subject.manifest.labels[read], np.array(predictions)
    hits = labels == answers
    if subject.matching.guess and subject.manifest.several is None:
        best = best_assignment(labels, answers, len(subject.manifest.classes))
        hits = np.array([best[int(label)] for label in labels]) == answers
    return Seen(labels, answers, hits)


def _decided(subject: Subject, rows: Sequence[int], answers: np.ndarray) -> list[int]:
    """Return the outputs that rows are decided as; of several labels, for the label of each row."""
    several = subject.manifest.several
    if several is None:
        chosen: list[int] = answers.argmax(axis=1).tolist()
        return chosen
    logits = np.column_stack([answers - several.offsets, np.zeros(len(answers))])
    of_labels: list[int] = decided(logits, subject.manifest.labels[list(rows)]).tolist()
    return of_labels
