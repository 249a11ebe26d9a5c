"""Check the machine for what an audit needs; each fault comes with the command that fixes it.

Nothing here imports torch, numpy or any other dependency: they are asked in a process of their
own, so that a broken installation is a line of the answer and not the end of it.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auditor.base.system import free_memory
from auditor.language.fonts import SCRIPTS, without_font

State = Literal["ok", "note", "fault"]
GIGABYTE = 1_000_000_000
LEAST_DISK = 2 * GIGABYTE  # with room to spare: the demo's run of 480 small images takes 40 MB
LEAST_MEMORY = 2 * GIGABYTE  # torch and torchvision alone take 0.7 GB
LEAST_PYTHON = (3, 11, 0)
SECONDS = 120  # for an import of torch, which a cold or remote disk makes slow
FONT_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    *("/Library/Fonts", "/System/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts"),
)
LIBPANGO = (
    "Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0; macOS: brew install pango; "
    "Alpine: apk add pango"
)
OPTIONAL = {"timm": "timm", "pyarrow": "parquet", "mlflow": "mlflow", "mlflow-skinny": "mlflow"}
OPTIONAL |= {"pillow-heif": "heic", "ray": "ray", "s3fs": "remote", "openpyxl": "excel"}
OPTIONAL |= {"transformers": "hf", "peft": "hf", "pydicom": "dicom", "tifffile": "tiff"}
OPTIONAL |= {"wandb": "wandb", "tensorboard": "tensorboard"}


@dataclass(frozen=True)
class Checked:
    """One check: what was found and what fixes it. ``note``: an audit runs without it."""

    name: str
    state: State
    found: str
    fix: str = ""


def examine(out: Path) -> Iterator[Checked]:
    """Yield every check; ``out`` is the folder that will hold runs."""
    yield _python()
    yield from _packages()
    yield _cuda()
    yield _pango()
    yield _fonts()
    yield _letters()
    yield _disk(out)
    yield _memory()
    yield _write_access(
        "folder of the runs", out, "give --out DIR, or: mkdir -p {0}; chmod u+w {0}"
    )
    yield _weights_cache()
    yield from _extras()
    yield from _plugins()


def _python() -> Checked:
    have = tuple(sys.version_info[:3])
    version = ".".join(str(part) for part in have)
    if have >= LEAST_PYTHON:
        return Checked("Python", "ok", version)
    return Checked(
        "Python", "fault", version, "install Python 3.11 or newer, and the auditor in it"
    )


def _packages() -> Iterator[Checked]:
    """Check every package that auditor declares, at a version that it can use."""
    try:
        declared = importlib.metadata.requires("concept-auditor") or []
    except importlib.metadata.PackageNotFoundError:
        found = "this copy was not installed, so what it needs is not known"
        yield Checked(
            "concept-auditor", "fault", found, "python -m pip install -e . (in its folder)"
        )
        return
    for line in declared:
        if "extra ==" in line:
            continue
        name = re.split(r"[ <>=!~;\[(]", line, maxsplit=1)[0]
        asked = line.removeprefix(name).partition(";")[0].strip(" ()")
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Checked(name, "fault", "not installed", f"python -m pip install '{name}{asked}'")
            continue
        if not _fits(version, asked):
            fix = f"python -m pip install '{name}{asked}'"
            yield Checked(name, "fault", f"{version}, where {asked} is needed", fix)
        elif name in ("torch", "torchvision"):
            yield _imports(name, version)


def _imports(name: str, version: str) -> Checked:
    """Check that a package that is installed can also be loaded."""
    code, text = _asked(f"import {name}")
    if code == 0:
        return Checked(name, "ok", version)
    fix = f"python -m pip install --force-reinstall '{name}=={version}'"
    return Checked(name, "fault", f"{version}, but it cannot be loaded: {text}", fix)


def _cuda() -> Checked:
    code, text = _asked(
        "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    )
    if code == 0 and text:
        return Checked("CUDA", "ok", text)
    if code != 0:
        return Checked("CUDA", "note", "torch cannot be asked")
    driver = shutil.which("nvidia-smi")
    if not driver:
        return Checked("CUDA", "note", "no NVIDIA driver: audits run on the CPU")
    return Checked(
        "CUDA",
        "note",
        "there is a driver, but torch does not use it: audits run on the CPU",
        "python -m pip install --force-reinstall torch torchvision --index-url "
        "https://download.pytorch.org/whl/cu126 (the CUDA version that nvidia-smi shows, or older)",
    )


def _pango() -> Checked:
    code, text = _asked("import weasyprint; print(weasyprint.__version__)")
    if code == 0:
        return Checked("Pango (PDF)", "ok", f"WeasyPrint {text} loads it")
    missing = "ModuleNotFoundError" in text
    fix = "python -m pip install 'weasyprint>=70,<71'" if missing else LIBPANGO
    return Checked("Pango (PDF)", "fault", f"no PDF can be made: {text}", fix)


def _fonts() -> Checked:
    listing = shutil.which("fc-list")
    if listing:
        done = subprocess.run([listing, ":", "family"], capture_output=True, text=True, check=False)  # noqa: S603
        count = len(set(done.stdout.split("\n")) - {""})
    else:
        folders = [Path(name).expanduser() for name in FONT_FOLDERS]
        count = sum(
            path.suffix.lower() in (".ttf", ".otf", ".ttc")
            for folder in folders
            if folder.is_dir()
            for path in folder.rglob("*")
        )
    if count:
        return Checked("fonts (PDF)", "ok", f"{count} found")
    fix = "Debian, Ubuntu: apt install fontconfig fonts-dejavu-core; Alpine: apk add font-dejavu"
    return Checked("fonts (PDF)", "fault", "none: the PDF would show boxes for letters", fix)


def _letters() -> Checked:
    """Check for which scripts there is no font; only names that use them need one."""
    missing = [
        (script, package) for script, (letter, package) in SCRIPTS.items() if without_font([letter])
    ]
    if not missing:
        return Checked("letters (PDF)", "ok", "a font for every script that is asked for")
    scripts = ", ".join(script for script, _package in missing)
    packages = " ".join(dict.fromkeys(package for _script, package in missing))
    found = f"no font for {scripts}: names in them would be boxes in PDF and figures"
    fix = f"only where your names use them: apt install {packages} (Debian, Ubuntu)"
    return Checked("letters (PDF)", "note", found, fix)


def _disk(out: Path) -> Checked:
    place = _existing(out)
    free = shutil.disk_usage(place).free
    found = f"{free / GIGABYTE:.1f} GB free for the runs"
    if free >= LEAST_DISK:
        return Checked("disk", "ok", found)
    fix = f"free at least {LEAST_DISK / GIGABYTE:.0f} GB, or give --out on another disk"
    return Checked("disk", "fault", found, fix)


def _memory() -> Checked:
    free = free_memory()
    if free is None:
        return Checked("memory", "note", "this system does not say how much is free")
    found = f"{free / GIGABYTE:.1f} GB can be used"
    if free >= LEAST_MEMORY:
        return Checked("memory", "ok", found)
    fix = "end other programs, raise the container's limit, or set a smaller audit.batch"
    return Checked("memory", "fault", found, fix)


def _weights_cache() -> Checked:
    home = os.environ.get("TORCH_HOME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = (Path(home) if home else cache / "torch") / "hub" / "checkpoints"
    files = list(folder.glob("*.pt*")) if folder.is_dir() else []
    size = sum(path.stat().st_size for path in files)
    written = _write_access("weights cache", folder, "export TORCH_HOME=DIR that can be written")
    if written.state == "fault":
        # Only weights that are downloaded need it.
        return Checked("weights cache", "note", written.found, written.fix)
    held = f"{len(files)} files, {size / GIGABYTE:.1f} GB" if files else "empty"
    return Checked("weights cache", "ok", held)


def _write_access(name: str, folder: Path, fix: str) -> Checked:
    place = _existing(folder)
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Checked(name, "ok", "can be written")
    return Checked(name, "fault", f"{folder} cannot be written", fix.format(folder))


def _extras() -> Iterator[Checked]:
    found = []
    for package in OPTIONAL:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    missing = {extra for package, extra in OPTIONAL.items() if not _named(package, found)}
    missing -= {OPTIONAL[package] for package in OPTIONAL if _named(package, found)}
    text = ", ".join(found) or "none"
    if missing:
        asked = ",".join(sorted(missing))
        fix = f"only where you need them: python -m pip install 'concept-auditor[{asked}]'"
        yield Checked("extras", "note", text, fix)
    else:
        yield Checked("extras", "ok", text)


def _plugins() -> Iterator[Checked]:
    """Say which installed packages offer plug-ins; none is imported."""
    from auditor.base.installed import GROUPS, PREFIX, all_offers

    found = list(all_offers())
    for package in dict.fromkeys(offer.said for offer in found):
        own = [offer for offer in found if offer.said == package]
        names = ", ".join(f"{offer.group}: {offer.name}" for offer in own if offer.group in GROUPS)
        yield Checked("plug-ins", "ok", f"{package} ({names or 'nothing that is known'})")
        unknown = sorted({PREFIX + offer.group for offer in own if offer.group not in GROUPS})
        if unknown:
            known = ", ".join(GROUPS)
            text = f"{package} has entry points in {', '.join(unknown)}, which nothing reads"
            yield Checked("plug-ins", "note", text, f"the groups are {PREFIX}*: {known}")


def _named(package: str, found: list[str]) -> bool:
    return any(entry.split(" ")[0] == package for entry in found)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    place = folder.resolve()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def _fits(version: str, asked: str) -> bool:
    """Say whether a version meets conditions such as ``>=2.10,<2.15``, by its numbers."""
    have = _numbers(version)
    for condition in filter(None, (part.strip() for part in asked.split(","))):
        sign, wanted = re.fullmatch(r"([<>=!~]+)\s*(\S+)", condition).groups()  # type: ignore[union-attr]
        limit = _numbers(wanted)
        if sign == ">=" and have < limit:
            return False
        if sign == "<" and have >= limit:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _asked(code: str) -> tuple[int, str]:
    """Run a line of Python in a process of its own; return its exit code and last line."""
    try:
        done = subprocess.run(  # noqa: S603 (this very interpreter, with code written here)
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {SECONDS} s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode, lines[-1] if lines else ""
