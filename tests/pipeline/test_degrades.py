"""Audits with next to nothing to look at finish, and say in words what is missing and why."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from auditor.__main__ import run
from auditor.report.document.result import AuditResult
from auditor.report.sections.order import ORDER, sections_of
from tests.pipeline.small import picture

MODEL = """
from torch import nn

def build(channels=12):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4),
        nn.Conv2d(8, channels, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(channels, 3),
    )
"""
NAMES = ("cat", "dog", "horse")
SIDE = 32
QUICK = {"references": 3, "class_references": 2, "concepts": 2, "atlas_samples": 1,
         "flipping_images": 6, "component_samples": 6}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """How many pictures each class has, what they are taken for, and how wide the net is."""

    counts: tuple[int, ...]
    channels: int = 12
    wrong: bool = False


CASES = {
    "one class": Case((10,)),
    "a class of one": Case((8, 8, 1)),
    "no confusion": Case((8, 8, 8)),
    "3 channels": Case((8, 8, 8), channels=3),
    "4,096 channels": Case((4, 4, 4), channels=4096),
    "all wrong": Case((4, 4, 4), wrong=True),
    "two pictures": Case((1, 1)),
}


def lay_out(folder: Path, case: Case) -> Path:
    """Write model, checkpoint, pictures and config; return the config."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my_model.py").write_text(MODEL)
    scope: dict = {}
    exec(MODEL, scope)
    torch.manual_seed(0)
    model = scope["build"](case.channels)
    rng = np.random.default_rng(1)
    labels = torch.arange(48) % 3
    shown = np.stack([picture(int(label), rng)[:SIDE, :SIDE] for label in labels])
    inputs = (torch.tensor(shown).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    optimiser = torch.optim.Adam(model.parameters(), 0.02 if case.channels < 100 else 0.001)
    for _ in range(60 if case.channels < 100 else 12):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
    save_file(model.state_dict(), folder / "my_model.safetensors")
    for kind, count in enumerate(case.counts):
        name = NAMES[(kind + case.wrong) % 3]
        (folder / "photos" / name).mkdir(parents=True)
        for index in range(count):
            drawn = picture(kind, rng)[:SIDE, :SIDE]
            Image.fromarray(drawn).save(folder / "photos" / name / f"{index}.png")
    document = {
        "version": 1,
        "project": {"name": "small"},
        "model": {
            "source": "my_model.py:build",
            "weights": "my_model.safetensors",
            "options": {"channels": case.channels},
            "classes": list(NAMES),
        },
        "data": {"source": "photos"},
        "preprocess": {"resize": [SIDE, SIDE], "scale": 1, "mean": [0.5] * 3, "std": [0.5] * 3},
        "audit": {**QUICK, "layers": ["2", "4"]},
        "shortcuts": {"per_class": 1},
        "report": {"formats": ["html"]},
    }
    path = folder / "audit.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def audit(folder: Path, case: Case) -> tuple[AuditResult, str]:
    """Run an audit through the command line; return its result and its report."""
    command = ["run", str(lay_out(folder, case)), "--out", str(folder / "runs"), "--quiet"]
    assert run(command) == 0
    (made,) = (folder / "runs").glob("*/")
    result = AuditResult.model_validate_json((made / "audit.json").read_text())
    return result, (made / "report.html").read_text()


@dataclass(frozen=True)
class Heading:
    """A heading, and whether anything stands below it before the next of its level."""

    level: int
    title: str
    filled: bool


def shown(report: str) -> str:
    """Return the body without scripts, styles and what pictures hold."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", report[report.index("<body") :])
    return re.sub(r'="data:[^"]*"', '="data:"', body)


def headings(report: str) -> list[Heading]:
    """Return every heading of the report."""
    parts = re.split(r"<(h[2-5])\b[^>]*>(.*?)</\1>", shown(report), flags=re.DOTALL)
    levels = [int(tag[1]) for tag in parts[1::3]]
    found = []
    for place, level in enumerate(levels):
        after = place + 1
        while after < len(levels) and levels[after] > level:
            after += 1
        below = "".join(parts[3 + 3 * place : 3 * after + 1 : 3])
        filled = "<img" in below or "<svg" in below or bool(words_of(below))
        found.append(Heading(level, words_of(parts[2 + 3 * place]), filled))
    return found


def words_of(markup: str) -> str:
    """Return the text of some markup in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


# Words that are true of each case, and words that would not be.
SAYS = {
    "one class": (
        ["No two audited classes are confused", "there are 10.", "1 of the audited classes has"],
        ["Worst class"],
    ),
    "a class of one": (
        ["Only 1 image is recognised: read this table as anecdote.", "there are 1.",
         "One picture tells nothing about the spread", "in the other half of the positions"],
        ["± 0 %"],
    ),
    "no confusion": (["No sample of the audited classes was decided wrongly"], ["Worst class"]),
    "3 channels": (["3 concepts compared on each other's reference samples", "of 3 channels"], []),
    "4,096 channels": (["of 4096 channels", "4,096"], []),
    "all wrong": (
        ["The model's first answer is right for 0 %",
         "The model recognises none of this class's images",
         "no map, no atlas and no concept card", "No picture of the audited classes is recognised",
         "No concept was compared, so there are no subspaces.", "3 samples are needed",
         "No image is recognised as 'cat'", "'dog' has 0 right decisions to compare with",
         "No concepts were switched", "All classes fare alike"],
        ["No two of the compared", "Read a graph from the top", "Differences are in spreads",
         "Concepts were switched off, and on", "No concept leads here.",
         "Every point is a picture"],
    ),
    "two pictures": (
        ["2 of the audited classes have too few images", "3 samples are needed", "there are 2",
         "5 right decisions of each class are needed in each half", "100 % (34 to 100 %, n = 2)"],
        ["± 0 %", "Every point is a picture", "picture, of which 1 are"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_audit_with_little_to_look_at_says_so(name: str, tmp_path: Path) -> None:
    result, report = audit(tmp_path, CASES[name])
    text = words_of(shown(report))
    for broken in (
        r"\bnan\b",
        r"\bNone\b(?! of this class)",
        r"\binf\b",
        "Traceback",
        "{{",
        "}}",
        r"\.;",
    ):
        assert not re.search(broken, text), (broken, re.search(f".{{60}}{broken}", text))
    left_out = {
        "comparison",
        *([] if result.findings else ["findings"]),
        *([] if result.cues else ["cues"]),
    }
    expected = [section.id for section in ORDER if section.id not in left_out]
    assert [section.id for section in sections_of(result, appendix=True)] == expected
    assert all(f'id="{section}"' in report for section in expected)
    empty = [heading.title for heading in headings(report) if not heading.filled]
    assert not empty
    true, untrue = SAYS[name]
    assert [words for words in true if words not in text] == []
    assert [words for words in untrue if words in text] == []
