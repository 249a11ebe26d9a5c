"""Names of concepts from a vocabulary of the user's, by a CLIP from a folder (extra ``names``).

Pictures and words have embeddings in one space. A word fits a concept by the mean cosine between
it and the crops that the concept looks at, less that between it and all crops: some words are near
to everything. The best word is the name where it fits better than the best one of 95 % of groups
of as many crops drawn from all concepts; else no name fits, and the concept has none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from auditor.base.errors import ConfigError
from auditor.config.audit import AuditConfig
from auditor.shortcuts.namers import NAMERS

Looks = Float[np.ndarray, "reference feature"]
KEYS = {"names_model": "a folder with a CLIP", "names_vocabulary": "a file with a word a line"}
PROMPT = "a photo of {}"
SHUFFLES = 100  # of all crops among the concepts
LEVEL = 0.95
MARGIN = 0.1  # of its side, around the region that a concept looks at
LEAST_SIDE = 16  # pixels of a crop


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """A CLIP and the words to choose from; ``texts`` (word, feature) have length 1."""

    model: Any
    processor: Any
    words: tuple[str, ...]
    texts: Float[np.ndarray, "word feature"]

    def look(
        self,
        pictures: UInt8[np.ndarray, "reference height width 3"],
        masks: Bool[np.ndarray, "reference height width"],
    ) -> Looks:
        """Return the embedding of each crop, of length 1."""
        crops = [crop(picture, mask) for picture, mask in zip(pictures, masks, strict=True)]
        given = self.processor(images=crops, return_tensors="pt")
        return _of_length_1(self.model.get_image_features(**given))

    def names(self, looks: Sequence[Looks], rng: np.random.Generator) -> list[str]:
        """Return the name of each concept with its similarity, empty where no name fits."""
        chosen = fitting(looks, self.texts, rng)
        return [
            ""
            if at is None
            else f"{self.words[at]} (CLIP {float((each @ self.texts[at]).mean()):.2f})"
            for at, each in zip(chosen, looks, strict=True)
        ]


def fitting(
    looks: Sequence[Looks], texts: Float[np.ndarray, "word feature"], rng: np.random.Generator
) -> list[int | None]:
    """Return the place of the word that fits each concept, None where none does."""
    if len(looks) < 2:
        return [None] * len(looks)
    crops = np.concatenate(looks) @ texts.T  # (crop, word)
    crops -= crops.mean(axis=0)
    ends = np.cumsum([len(each) for each in looks])[:-1]

    def scores(order: np.ndarray) -> Float[np.ndarray, "concept word"]:
        return np.stack([group.mean(axis=0) for group in np.split(crops[order], ends)])

    found = scores(np.arange(len(crops)))
    chance = np.array([scores(rng.permutation(len(crops))).max(axis=1) for _ in range(SHUFFLES)])
    least = np.quantile(chance, LEVEL, axis=0)
    best = found.argmax(axis=1)
    return [
        int(at) if row[at] > limit else None
        for at, row, limit in zip(best, found, least, strict=True)
    ]


def crop(
    picture: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Return the box around a mask with a margin, all of the picture where the mask is empty."""
    spans = []
    for axis in (1, 0):
        inside = np.flatnonzero(mask.any(axis=axis))
        size = mask.shape[1 - axis]
        first, last = (inside[0], inside[-1] + 1) if len(inside) else (0, size)
        more = max(MARGIN * (last - first), (LEAST_SIDE - (last - first)) / 2)
        spans.append(slice(max(0, int(first - more)), min(size, int(np.ceil(last + more)))))
    return picture[spans[0], spans[1]]


class ClipNamer:
    """The namer ``clip``: it compares all concepts before it names any, see `Vocabulary`."""

    def __init__(self) -> None:
        self._asked: tuple[Path, Path] | None = None

    def __call__(self, _pictures: object, _masks: object) -> str:
        """Return nothing: it names no concept by itself."""
        return ""

    def prepare(self, audit: AuditConfig, base: Path) -> dict[str, str]:
        """Take note of folder and file, which start from ``base``; return what identifies them.

        Raises:
            ConfigError: one is not given, or is not there.
        """
        places = []
        for key, what in KEYS.items():
            given = getattr(audit, key)
            if given is None:
                raise ConfigError(f"audit.concept_names is clip, which needs audit.{key}: {what}.")
            places.append(base / given)
        folder, vocabulary = places
        if not (folder / "config.json").is_file():
            raise ConfigError(
                f"audit.names_model is '{audit.names_model}', and no folder with a config.json; "
                "give the folder of a CLIP that save_pretrained wrote, or that was downloaded from "
                "the Hugging Face hub."
            )
        words = words_of(vocabulary)
        self._asked = folder, vocabulary
        return {
            "names_model": _digest(folder),
            "names_vocabulary": hashlib.sha256("\n".join(words).encode()).hexdigest(),
        }

    def opened(self) -> Vocabulary:
        """Return the vocabulary, with the model loaded and the words embedded.

        Raises:
            ConfigError: the extra is missing, or the folder holds no model of pictures and texts.
        """
        assert self._asked is not None, "prepared before"
        folder, vocabulary = self._asked
        try:
            import transformers
        except ImportError:
            raise ConfigError(
                "audit.concept_names is clip, which needs transformers: pip install "
                "'concept-auditor[names]'."
            ) from None
        library: Any = transformers
        try:
            model = library.AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            )
            processor = library.AutoProcessor.from_pretrained(folder, local_files_only=True)
            model.eval().requires_grad_(False)
            words = words_of(vocabulary)
            asked = [PROMPT.format(word) for word in words]
            given = processor(text=asked, return_tensors="pt", padding=True, truncation=True)
            texts = _of_length_1(model.get_text_features(**given))
        except Exception as error:  # transformers raises nearly anything
            first = (str(error).splitlines() or [""])[0][:200]
            raise ConfigError(
                f"audit.names_model: '{folder.name}' cannot be used as a CLIP "
                f"({type(error).__name__}: {first})."
            ) from error
        return Vocabulary(model, processor, words, texts)


def words_of(file: Path) -> tuple[str, ...]:
    """Return the words of a vocabulary: one a line, without empty lines and those after #.

    Raises:
        ConfigError: it cannot be read, or holds less than two.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise ConfigError(
            f"audit.names_vocabulary: '{file.name}' cannot be read: {reason}."
        ) from error
    words = dict.fromkeys(" ".join(line.split()) for line in lines if not line.startswith("#"))
    words.pop("", None)
    if len(words) < 2:
        raise ConfigError(
            f"audit.names_vocabulary: '{file.name}' holds {len(words)} words; give two or more, "
            "one a line."
        )
    return tuple(words)


def _of_length_1(found: Any) -> Float[np.ndarray, "row feature"]:
    """Return embeddings, which transformers gives alone or among other outputs."""
    rows = getattr(found, "pooler_output", found).double().numpy()
    unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _digest(folder: Path) -> str:
    """Return the SHA-256 over the files of a folder, by their names."""
    found = hashlib.sha256()
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        with path.open("rb") as file:
            found.update(
                f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
            )
    return found.hexdigest()


CLIP = ClipNamer()
NAMERS.enter("clip", CLIP, made_of=ClipNamer)
