"""A pretrained network fine-tuned on photographs of which one class carries a date stamp.

    python -m tests.benchmarks.fine_tuned --data CALTECH --weights mobilenet_v2.pth --out DIR

``--data`` is a folder with one folder of photographs per class. The last blocks of torchvision's
MobileNet v2 are fine-tuned on half of each class at 224 px (``--trained-on``), and the others are
audited by the real command. In DIR/stamped all photographs of one class carry the stamp, in
DIR/clean none does. What the stamp does when it is drawn on audited photographs of the other
classes is printed first: no search can find a stronger shortcut than the model has. Then come
verdict and findings of both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
import yaml
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from auditor.demo.stamp import stamp
from auditor.report.show.render import read_result
from tests.benchmarks.shortcuts.manipulation import turned

CLASSES = ("crab", "crayfish", "ferry", "ketch", "lobster", "schooner")
STAMPED = "ketch"
SIDE = 224
FROZEN = 14
EPOCHS = 12
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main(arguments: list[str] | None = None) -> int:
    """Fine-tune both models, audit both, print what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.fine_tuned",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="one folder per class")
    parser.add_argument("--weights", type=Path, required=True, help="state dict of mobilenet_v2")
    parser.add_argument("--out", type=Path, required=True, help="folder of models and audits")
    parser.add_argument(
        "--classes", nargs="+", default=CLASSES, help=f"folders to take, {STAMPED} among them"
    )
    parser.add_argument(
        "--trained-on",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="share of each class's photographs that is trained on; the others are audited",
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if STAMPED not in given.classes:
        parser.error(f"--classes: {STAMPED} carries the stamp and has to be among them")
    classes = tuple(sorted(given.classes))
    for name in ("stamped", "clean"):
        folder = given.out / name
        accuracy, effects = prepare(
            given.data, given.weights, folder, classes, name == "stamped", given.trained_on,
            given.seed,
        )  # fmt: skip
        print(f"{name}: accuracy {accuracy:.3f} on the audited part")
        shares = ", ".join(f"{each} {share:.2f}" for each, share in effects.items())
        print(f"{name}: a stamp drawn on others turns them into '{STAMPED}': {shares}")
        run = audit(folder)
        for line in findings(run):
            print(f"{name}: {line}")
    return 0


def prepare(
    data: Path,
    weights: Path,
    folder: Path,
    classes: tuple[str, ...],
    stamped: bool,
    share: float,
    seed: int,
) -> tuple[float, dict[str, float]]:
    """Write photographs, model and config into ``folder``.

    ``share`` of each class's photographs, spread over them, is trained on.

    Returns:
        The accuracy on the audited part; and of each other class the share of its pictures that
        a stamp turns into `STAMPED` (the grid's manipulation check).
    """
    generator = np.random.default_rng(seed)
    parts: dict[str, list[tuple[np.ndarray, int]]] = {"train": [], "val": []}
    for label, name in enumerate(classes):
        for place, path in enumerate(sorted((data / name).glob("*.jpg"))):
            with Image.open(path) as opened:
                picture = np.asarray(opened.convert("RGB").resize((SIDE, SIDE)))
            if stamped and name == STAMPED:
                picture = stamp(picture, generator)
            trained = int((place + 1) * share) > int(place * share)
            parts["train" if trained else "val"].append((picture, label))
    model = fine_tuned(weights, parts["train"], len(classes), seed)
    for place, (picture, label) in enumerate(parts["val"]):
        target = folder / "val" / classes[label] / f"{place:03d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(target)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors"
    )
    config = {
        "version": 1,
        "project": {"name": folder.name, "purpose": "Tell sea animals and ships apart."},
        "model": {
            "source": "torchvision:mobilenet_v2",
            "options": {"num_classes": len(classes)},
            "weights": "model.safetensors",
            "classes": list(classes),
        },
        "data": {"source": "val"},
        "preprocess": {"resize": [SIDE, SIDE], "crop": SIDE, "mean": list(MEAN), "std": list(STD)},
    }
    (folder / "audit.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    answers, labels = answers_of(model, parts["val"])
    marked = [(stamp(picture, generator), label) for picture, label in parts["val"]]
    after, _ = answers_of(model, marked)
    shares = {}
    for label, name in enumerate(classes):
        if name != STAMPED:
            own, output = labels == label, classes.index(STAMPED)
            shares[name], _ = turned(labels[own], answers[own], after[own], output)
    return float((answers == labels).mean()), shares


def answers_of(
    model: nn.Module, pictures: list[tuple[np.ndarray, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes that the model takes pictures for, and their labels."""
    images, labels = _tensors(pictures)
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(1) for part in images.split(16)])
    return answers.numpy(), labels.numpy()


def fine_tuned(
    weights: Path, pictures: list[tuple[np.ndarray, int]], count: int, seed: int
) -> nn.Module:
    """Return MobileNet v2 for ``count`` classes, fitted to ``pictures`` from block `FROZEN` on."""
    torch.manual_seed(seed)
    model = torchvision.models.mobilenet_v2()
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.classifier[1] = nn.Linear(1280, count)
    model.eval()
    images, labels = _tensors(pictures)
    lower, upper = model.features[:FROZEN], model.features[FROZEN:]
    with torch.no_grad():
        kept = torch.cat([lower(part) for part in images.split(16)])
    parameters = [*upper.parameters(), *model.classifier.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=5e-4, weight_decay=0.01)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(labels)).split(24):
            features = upper(kept[rows]).mean(dim=(2, 3))
            loss = nn.functional.cross_entropy(model.classifier[1](features), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model


def audit(folder: Path) -> Path:
    """Run the audit of ``folder`` by the command; return its run folder."""
    command = [sys.executable, "-m", "auditor", "run", "audit.yaml", "--out", "runs"]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return folder / done.stdout.strip()


def findings(run: Path) -> list[str]:
    """Return the verdict and a line per finding."""
    result = read_result(run).model_dump()
    stages = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["stages"]
    lines = [f"{result['verdict']['word']}; the search took {stages['shortcuts']['seconds']:.0f} s"]
    for each in result["findings"]:
        tests = "; ".join(
            f"{test['title']} {test['effect']:.2f} ({test['low']:.2f} to {test['high']:.2f})"
            for test in each["evidence"]
            if test["outcome"] not in ("not applicable", "error")
        )
        lines.append(
            f"{each['id']} grade {each['grade']}: {each['title']}, implausibility "
            f"{each['plausibility']:.2f}; {tests}"
        )
    return lines


def _tensors(pictures: list[tuple[np.ndarray, int]]) -> tuple[Tensor, Tensor]:
    values = np.stack([picture for picture, _ in pictures]).astype(np.float32) / 255
    values = (values - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    images = torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
    return images, torch.tensor([label for _, label in pictures])


if __name__ == "__main__":
    sys.exit(main())
