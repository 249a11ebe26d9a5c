"""Check every classifier of torchvision, many of timm and Hugging Face, and users' own shapes.

    python -m tests.benchmarks.coverage --out coverage.jsonl

Each model runs in a process of its own, in float64 with random weights (nothing is downloaded)
and calibrated batch norms, on small pictures where the model takes them. A row says: captured or
the error; the largest difference of the captured graph's logits to the model's, relative to the
largest logit; with everything additive set to zero and a tiny epsilon, how far the relevance of
the pixels is from the explained logit (relative); how far conditional heatmaps over a partition
of all channels of a layer that cuts the graph are from the plain heatmap (relative L2); composite,
seconds, peak memory and notes. Rows go to ``--out`` as JSON lines; models that have one are
skipped, so the command can be repeated. A Markdown table of all rows goes to stdout.

A model that does not fit the memory in float64 is run in float32, and its row says so.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from auditor import Explainer
from tests.relevance import zoo
from tests.relevance.randomise import calibrate, randomise, without_constants

TIMM = (
    "resnet50", "resnetv2_50", "nfnet_f0", "regnetz_c16", "repvgg_a2", "efficientnet_lite0",
    "mobilenetv4_conv_small", "ghostnet_100", "convnextv2_atto", "densenet121", "dpn68",
    "res2net50_26w_4s", "ecaresnet26t", "vit_small_patch16_224", "deit3_small_patch16_224",
    "beitv2_base_patch16_224", "eva02_tiny_patch14_224", "swin_tiny_patch4_window7_224",
    "swinv2_tiny_window8_256", "maxvit_tiny_tf_224", "coatnet_0_rw_224", "cait_xxs24_224",
    "xcit_nano_12_p16_224", "levit_128", "mixer_s32_224", "resmlp_12_224", "fastvit_t8",
    "hiera_tiny_224", "tiny_vit_5m_224", "efficientformer_l1",
    # Of 2022 to 2025.
    "mobilenetv4_hybrid_medium", "mambaout_femto", "starnet_s1", "rdnet_tiny", "nextvit_small",
    "efficientvit_b0", "efficientvit_m0", "repvit_m0_9", "fastvit_mci0", "mobileone_s0",
    "ghostnetv2_100", "inception_next_atto", "caformer_s18", "convformer_s18", "davit_tiny",
    "edgenext_xx_small", "swiftformer_xs", "shvit_s1", "vitamin_small_224",
    "vit_wee_patch16_reg1_gap_256", "focalnet_tiny_srf", "sequencer2d_s", "poolformerv2_s12",
    "hgnetv2_b0", "efficientformerv2_s0", "vit_small_patch16_dinov3",
)  # fmt: skip
# Classes of transformers (their model_type), each with a small config.
_VIT = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
_SWIN = {"embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4}
_STAGES = {"hidden_sizes": [16, 32], "depths": [1, 1]}
_ATTENDING = {
    "hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 4, 4],
}  # fmt: skip
_FOUR = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
HUGGING_FACE: dict[str, dict[str, Any]] = {
    "beit": _VIT,
    "bit": {**_STAGES, "embedding_size": 16, "num_groups": 8},
    "clip": {"vision_config": _VIT},
    "convnext": _FOUR,
    "convnextv2": _FOUR,
    "cvt": {"embed_dim": [16, 32, 48], "num_heads": [1, 2, 3], "depth": [1, 2, 3]},
    "data2vec-vision": _VIT,
    "deit": _VIT,
    "dinov2": _VIT,
    "dinov2_with_registers": _VIT,
    "efficientnet": {"width_coefficient": 0.3, "depth_coefficient": 0.2, "hidden_dim": 384},
    "focalnet": {
        "embed_dim": 16,
        "depths": [1, 1],
        "focal_levels": [1, 1],
        "focal_windows": [3, 3],
    },
    "hgnet_v2": {},
    "ijepa": _VIT,
    "levit": {},
    "mobilenet_v1": {"depth_multiplier": 0.25},
    "mobilenet_v2": {"depth_multiplier": 0.35},
    "mobilevit": {},
    "poolformer": {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 1, 1]},
    "pvt_v2": _ATTENDING,
    "regnet": {**_STAGES, "embedding_size": 16, "groups_width": 8},
    "resnet": {**_STAGES, "embedding_size": 16},
    "segformer": _ATTENDING,
    "siglip": {"vision_config": _VIT},
    "swin": {**_SWIN, "image_size": 32},
    "swinv2": {**_SWIN, "image_size": 32},
    "textnet": {},
    "vit": _VIT,
    "vit_msn": _VIT,
}
# Sides of the pictures: most convolutional networks take 64 px.
SIDES = {"inception_v3": 96, "alexnet": 96, "maxvit_t": 224}
HALF = ("vit_h_14", "regnet_y_128gf")
TINY = 1e-30
GROUPS = 3


@dataclass(frozen=True)
class Entry:
    """A model of the list: how it is built, in a precision, and what it is asked."""

    name: str
    build: Callable[[], nn.Module]
    case: zoo.Case


def main() -> None:
    """Run what has no row yet, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON lines, one per model")
    parser.add_argument("--only", nargs="+", help="names, as in the table")
    parser.add_argument("--again", action="store_true", help="repeat rows that failed")
    parser.add_argument("--memory", type=float, default=10.0, help="GB a model may use")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--precision", default="float64", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.child:
        limit = int(arguments.memory * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        print(json.dumps(row_of(entry(arguments.child), getattr(torch, arguments.precision))))
        return
    wanted = arguments.only or list(names())
    done = read(arguments.out)
    for name in wanted:
        known = done.get(name)
        if known is not None and not (arguments.again and known["error"]):
            continue
        done[name] = in_a_child(name, arguments)
        with arguments.out.open("a") as file:
            file.write(json.dumps(done[name]) + "\n")
        print(brief(done[name]), file=sys.stderr, flush=True)
    print(table([done[name] for name in names() if name in done]))


def names() -> Iterable[str]:
    """Yield the names of all models."""
    yield from (f"torchvision:{name}" for name in torchvision_names())
    yield from (f"timm:{name}" for name in TIMM)
    yield from (f"hf:{name}" for name in HUGGING_FACE)
    yield from (f"own:{name}" for name in zoo.USERS)


def torchvision_names() -> list[str]:
    """Return torchvision's classifiers."""
    return list(torchvision.models.list_models(module=torchvision.models))


def entry(name: str) -> Entry:
    """Return how a model of the list is built and asked."""
    source, _, kind = name.partition(":")
    if source == "own":
        case = zoo.USERS[kind]
        return Entry(name, case.build, case)
    if source == "timm":
        import timm

        config = timm.get_pretrained_cfg(kind)
        fixed = getattr(config, "fixed_input_size", False) or kind.startswith(("maxvit", "coatnet"))
        side = config.input_size[-1] if fixed else 96
        return Entry(name, partial(timm.create_model, kind), zoo.Case(nn.Identity, side))
    if source == "hf":
        small = HUGGING_FACE[kind]
        taken = small.get("vision_config", small).get("image_size")
        side = taken or (224 if kind == "levit" else 64)
        return Entry(name, partial(_of_transformers, kind, small), zoo.Case(nn.Identity, side))
    options: dict[str, Any] = {}
    side = SIDES.get(kind, 64)
    if kind.startswith("vit_"):
        patch = int(kind.rpartition("_")[2])
        side = options["image_size"] = 4 * patch
    if kind in {"inception_v3", "googlenet"}:
        options.update(init_weights=False, aux_logits=False)
    build = partial(torchvision.models.get_model, kind, weights=None, **options)
    return Entry(name, build, zoo.Case(nn.Identity, side))


def _of_transformers(kind: str, small: dict[str, Any]) -> nn.Module:
    from transformers import AutoConfig, AutoModelForImageClassification

    config = AutoConfig.for_model(kind, num_labels=10, **small)
    if kind in ("deit", "levit"):  # two classes each, of which a saved model names one
        name = {"deit": "DeiT", "levit": "Levit"}[kind]
        config.architectures = [f"{name}ForImageClassification"]
    model: nn.Module = AutoModelForImageClassification.from_config(config)
    return model


def in_a_child(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one model in a process of its own: in float32 where float64 is too large."""
    first = "float32" if name.rpartition(":")[2] in HALF else "float64"
    row: dict[str, Any] = {}
    for precision in dict.fromkeys((first, "float32")):
        command = [
            sys.executable, "-m", "tests.benchmarks.coverage", "--out", str(arguments.out),
            "--child", name, "--precision", precision, "--memory", str(arguments.memory),
            "--threads", str(arguments.threads),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            row = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            row = failed(name, precision, f"exit {done.returncode}: {last}")
        if not row["memory_short"]:
            break
    return row


def failed(name: str, precision: str, error: str) -> dict[str, Any]:
    """Return the row of a model that could not be checked."""
    # A child that the memory limit ended has no time to say so.
    short = any(word in error.lower() for word in ("memory", "exit -9", "exit -6", "alloc"))
    return {"model": name, "precision": precision, "error": error, "memory_short": short}


def row_of(model: Entry, dtype: torch.dtype) -> dict[str, Any]:
    """Return the row of one model."""
    precision = str(dtype).rpartition(".")[2]
    try:
        return checked(model, dtype, precision)
    except (Exception, MemoryError) as error:
        line = next((each for each in str(error).splitlines() if each.strip()), "")
        return failed(model.name, precision, f"{type(error).__name__}: {line[:300]}")


def checked(model: Entry, dtype: torch.dtype, precision: str) -> dict[str, Any]:
    """Measure one model: forward with biases, then conservation and additivity without."""
    case = model.case
    images = case.images(2, dtype=dtype)
    start = time.perf_counter()
    network = randomise(model.build().to(dtype))
    batch = case.images(4, seed=2, dtype=dtype)
    calibrate(network, batch)
    expected = case.logits(network, images)
    explainer = Explainer(network, images[:1], epsilon=TINY, **case.options)
    captured = time.perf_counter() - start
    forward = _distance(explainer.predict(images), expected)
    absorbed = explainer.explain(images).conservation
    assert absorbed is not None
    del explainer

    calibrate(without_constants(network), batch, zero_bias=True)
    explainer = Explainer(network, images[:1], epsilon=TINY, **case.options)
    plain = explainer.explain(images)
    assert plain.heatmap is not None
    assert plain.conservation is not None
    cutting = [each for each in explainer.automatic_layers() if explainer.cuts(each)]
    layer = cutting[-1] if cutting else None
    return {
        "model": model.name,
        "precision": precision,
        "side": case.side,
        "error": None,
        "memory_short": False,
        "composite": explainer.composite,
        "forward": forward,
        "conservation": float((plain.conservation - 1).abs().max()),
        "with_biases": [round(each, 4) for each in absorbed.tolist()],
        "layer": layer,
        "additivity": None
        if layer is None
        else additivity(explainer, images, layer, plain.heatmap),
        "capture_s": round(captured, 1),
        "seconds": round(time.perf_counter() - start, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "largest_logit": float(plain.logits.abs().max()),
        "notes": list(explainer.notes),
    }


def additivity(explainer: Explainer, images: Tensor, layer: str, plain: Tensor) -> float:
    """Return how far the heatmaps of a partition of a layer's channels are from the plain one."""
    channels = torch.randperm(explainer.channels(layer), generator=torch.Generator().manual_seed(0))
    groups = [tuple(each.tolist()) for each in channels.tensor_split(GROUPS) if len(each)]
    parts = explainer.conditional_heatmaps(images, layer, groups)
    if any(bool((part == plain).all()) for part in parts):
        return float("inf")  # A mask that masks nothing.
    return float((parts.sum(0) - plain).norm() / plain.norm())


def _distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a file by name, the last one of each."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {row["model"]: row for row in rows}


def brief(row: dict[str, Any]) -> str:
    """Return a row as one line of the table."""
    if row["error"]:
        return f"| {row['model']} | {row['precision']} | **{row['error']}** | | | | | |"
    additive = "no layer cuts" if row["additivity"] is None else f"{row['additivity']:.0e}"
    notes = "; ".join(row["notes"])
    return (
        f"| {row['model']} | {row['precision']}, {row['side']} px | {row['forward']:.0e} | "
        f"{row['conservation']:.0e} | {additive} | {row['composite']} | {row['seconds']:.0f} | "
        f"{notes} |"
    )


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table of all rows, with a line that counts."""
    passed = [row for row in rows if not row["error"]]
    worst = {
        key: max((row[key] for row in passed if row[key] is not None), default=0.0)
        for key in ("forward", "conservation", "additivity")
    }
    head = [
        f"{len(rows)} models, {len(rows) - len(passed)} failed; worst forward difference "
        f"{worst['forward']:.0e}, conservation {worst['conservation']:.0e}, additivity "
        f"{worst['additivity']:.0e}.",
        "",
        "| model | run in | forward | conservation | additivity | composite | seconds | notes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(brief(row) for row in rows)])


if __name__ == "__main__":
    main()
