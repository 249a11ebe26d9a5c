"""Read a file of weights into plain Python and tensors, without running anything in it."""

from __future__ import annotations

import re
import stat
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from auditor.base.errors import CheckpointError, Stopped, on_one_line
from auditor.subject.stand_ins import STAND_INS

SAVE_ADVICE = (
    "save the weights alone with torch.save(model.state_dict(), 'weights.pt'), or as safetensors: "
    "from safetensors.torch import save_model; save_model(model, 'weights.safetensors')"
)
# How files begin that are taken for checkpoints and are none -> what they are.
OTHER_KINDS = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the weights: run 'git lfs pull'",
    b"\x89HDF": "is an HDF5 file (Keras): convert it to PyTorch",
    b"GGUF": "is a GGUF file: convert it to PyTorch",
    b"\x1f\x8b": "is compressed with gzip: unpack it",
    b"7z\xbc\xaf": "is compressed with 7-Zip: unpack it",
    b"\xfd7zXZ": "is compressed with xz: unpack it",
    b"BZh": "is compressed with bzip2: unpack it",
    b"\x93NUMPY": "is a NumPy array",
    b"<!DOCTYPE": "is a web page: the download failed",
    b"<!doctype": "is a web page: the download failed",
    b"<html": "is a web page: the download failed",
}
FILE_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_weights(path: Path) -> object:
    """Return what a file of weights holds: tensors by name, or what torch.save was given.

    The kind is told by the file's first bytes, not by its name.

    Raises:
        CheckpointError: missing, no file, damaged, of another kind, or holding more than tensors
            and plain values.
    """
    name = path.name
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise CheckpointError(_no_file(path, FILE_KINDS.get(stat.S_IFMT(mode), "no file")))
        with path.open("rb") as file:
            start = file.read(64)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(_missing(path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(
            f"the checkpoint '{name}' cannot be read: {reason}; give another file as model.weights."
        ) from error
    if not start:
        raise CheckpointError(f"the checkpoint '{name}' is empty; copy or export it again.")
    for beginning, kind in OTHER_KINDS.items():
        if start.startswith(beginning):
            raise CheckpointError(f"the checkpoint '{name}' {kind}.")
    if name.endswith(".index.json"):
        raise CheckpointError(
            f"the checkpoint '{name}' is the list of a checkpoint in several files; load the model "
            f"with the library that saved it, and {SAVE_ADVICE}."
        )
    if start[8:9] == b"{" or (path.suffix.lower() == ".safetensors" and not _is_torch(start)):
        return _read_safetensors(path)
    return _read_torch(path)


def _is_torch(start: bytes) -> bool:
    return start.startswith((b"PK\x03\x04", b"\x80\x02"))


def _missing(path: Path) -> str:
    return (
        f"the checkpoint '{path.name}' does not exist; give a .safetensors file or a state dict "
        "saved by torch as model.weights."
    )


def _no_file(path: Path, kind: str) -> str:
    inside = []
    if path.is_dir():
        suffixes = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
        inside = sorted(each.name for each in path.iterdir() if each.suffix in suffixes)
    hint = f"; it holds {', '.join(inside[:5])}: give one of them" if inside else ""
    return (
        f"the checkpoint '{path.name}' is {kind}{hint}; give a .safetensors file or a state dict "
        "saved by torch as model.weights."
    )


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path, device="cpu")
    except BaseException as error:  # a panic of its Rust side is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, Stopped)):
            raise
        raise CheckpointError(
            f"the checkpoint '{path.name}' is not a readable safetensors file "
            f"({_reason(error)}); export it again."
        ) from error


def _read_torch(path: Path) -> object:
    _refuse_archives(path)
    try:
        with (
            path.open("rb") as file,  # by its name torch would guess at the kind again
            torch.serialization.safe_globals(STAND_INS),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # about old formats: what cannot be read is an error
            return torch.load(file, weights_only=True, map_location="cpu")
    except Exception as error:  # the unpickler refuses in many ways; none of them is a crash
        stopped = re.search(r"GLOBAL (\S+)", str(error))
        if stopped:
            raise CheckpointError(_global_words(path.name, stopped[1])) from error
        kind = re.search(r"must be imported to load (nested jagged tensors|DTensors)", str(error))
        if kind:
            raise CheckpointError(
                f"the checkpoint '{path.name}' holds {kind[1]}, not ordinary ones; {SAVE_ADVICE}."
            ) from error
        raise CheckpointError(
            f"the checkpoint '{path.name}' is damaged, or it is not a file of torch.save "
            f"({_reason(error)}); copy it again, or {SAVE_ADVICE}."
        ) from error


def _refuse_archives(path: Path) -> None:
    """Refuse zip files that are no checkpoints, and those that unpack to far more than they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except Exception:  # no zip: the older format of torch.save, or damaged, as its reader will say
        return
    names = [member.filename for member in members]
    kind = ""
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        kind = "is a program in TorchScript"
    elif any("serialized_exported_program" in name or "/models/" in name for name in names):
        kind = "is an exported program (.pt2)"
    elif any(name.endswith(".npy") for name in names):
        kind = "is an archive of NumPy arrays"
    if kind:
        raise CheckpointError(
            f"the checkpoint '{path.name}' {kind}, which is never loaded; {SAVE_ADVICE}."
        )
    # torch.save never compresses.
    if sum(member.file_size for member in members) > 4 * path.stat().st_size + 2**20:
        raise CheckpointError(
            f"the checkpoint '{path.name}' is compressed and would unpack to far more than it is; "
            f"{SAVE_ADVICE}."
        )


def _global_words(name: str, found: str) -> str:
    found = on_one_line(found)[:120]
    found = found if "." in found else f"builtins.{found}"
    whole = " (a whole pickled model)" if found.startswith("torch.nn.modules.") else ""
    return (
        f"the checkpoint '{name}' holds more than tensors: '{found}'{whole}, which reading could "
        f"run code, so that it is never loaded; {SAVE_ADVICE}."
    )


def _reason(error: BaseException) -> str:
    """Return an error's first line; torch's own advice, to read the file unsafely, is left out."""
    text = on_one_line((str(error).splitlines() or [""])[0])
    if not text or "weights_only" in text or "WeightsUnpickler" in text:
        return type(error).__name__
    return text[:160]
