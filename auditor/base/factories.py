"""The user's own code: ``package.module:name`` and ``path/file.py:name``, imported and called.

As in Python's entry points, ``name`` may be a path: ``package.module:Class.from_name``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from auditor.base.errors import AuditorError, did_you_mean
from auditor.base.fresh_code import FromSource, from_source
from auditor.base.redaction import scrubbed
from auditor.base.users_lines import users_frame

ErrorType = type[AuditorError]


@dataclass(frozen=True)
class Factory:
    """A name in the user's code. ``label`` and ``note`` hold no absolute path."""

    target: Any
    label: str
    note: str


def find_file(path: str, base: Path) -> Path:
    """Return ``path`` below ``base``, or below the working directory when only that exists."""
    given = Path(path).expanduser()
    if given.is_absolute():
        return given
    here = base / given
    return here if here.exists() or not given.exists() else Path.cwd() / given


def is_factory(source: str) -> bool:
    """Return whether ``source`` is written like a factory."""
    module, _, name = source.rpartition(":")
    if not module or not all(part.isidentifier() for part in name.split(".")):
        return False
    return module.endswith(".py") or all(part.isidentifier() for part in module.split("."))


def may_be_code(source: str, base: Path) -> bool:
    """Return whether ``source`` names a file, or a module that is there.

    So that a scheme nobody knows is never taken for a package.
    """
    module = source.rpartition(":")[0]
    if module.endswith(".py"):
        return True
    first = module.partition(".")[0]
    with _search(base.resolve(), Path.cwd()):
        try:
            return first in sys.modules or importlib.util.find_spec(first) is not None
        except (ImportError, ValueError):
            return False


def load_factory(source: str, base: Path, error: ErrorType) -> Factory:
    """Import what ``source`` names. This runs the user's code.

    Raises:
        AuditorError: ``error``, in one sentence: not found, no such name, or the user's exception.
    """
    module, _, name = source.rpartition(":")
    loaded, note = load_code(module, base, error)
    label = f"{Path(module).name}:{name}" if module.endswith(".py") else source
    return Factory(_attribute(loaded, module, name, error), label, note)


def load_code(module: str, base: Path, error: ErrorType) -> tuple[ModuleType, str]:
    """Import ``package.module`` or ``path/file.py``, and say in a note whose code runs.

    Raises:
        AuditorError: ``error``, in one sentence: not found, or the user's exception.
    """
    if module.endswith(".py"):
        path = find_file(module, base)
        return _import_file(path, error), f"runs the code in {path.name}"
    return _import_module(module, base, error), f"runs the code in the module {module}"


def call_factory(factory: Factory, options: Mapping[str, Any], error: ErrorType) -> Any:
    """Return what the factory makes of ``options``.

    Raises:
        AuditorError: ``error``, naming the user's exception and its line.
    """
    if not callable(factory.target):
        raise error(
            f"'{factory.label}' is a {type(factory.target).__name__}, not a function; name a "
            "function that builds what is asked for."
        )
    with users_code(f"'{factory.label}' failed when called with {_shown(options)}", error):
        return factory.target(**options)


@contextlib.contextmanager
def users_code(what: str, error: ErrorType) -> Iterator[None]:
    """Turn any exception of the user's code into ``error``, with its type, text and line.

    What it prints goes to stderr: stdout is for results.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except AuditorError:
        raise
    except (Exception, SystemExit) as failure:
        raise error(f"{what}: {describe_failure(failure)}.") from failure


def describe_failure(failure: BaseException) -> str:
    """Return type, first line of text, file name and line of an exception."""
    if isinstance(failure, SyntaxError) and failure.filename:
        name = Path(failure.filename).name
        return f"{type(failure).__name__}: {failure.msg} ({name}, line {failure.lineno})"
    text = scrubbed((str(failure).splitlines() or [""])[0])[:300].rstrip(".")
    frame = users_frame(traceback.extract_tb(failure.__traceback__))
    place = f" ({Path(frame.filename).name}, line {frame.lineno})" if frame else ""
    return f"{type(failure).__name__}: {text}{place}" if text else type(failure).__name__ + place


def _attribute(loaded: ModuleType, module: str, name: str, error: ErrorType) -> Any:
    """Return what ``name`` (``function`` or ``Class.method``) is in the module."""
    found: Any = loaded
    for part in name.split("."):
        if not hasattr(found, part):
            known = _defined(found)
            hint = did_you_mean(part, known)
            holder = module if found is loaded else f"{module}:{name.rpartition('.' + part)[0]}"
            raise error(
                f"'{holder}' defines no '{part}'.{hint} "
                f"It defines: {', '.join(known[:20]) or 'nothing'}."
            )
        found = getattr(found, part)
    return found


def _import_file(path: Path, error: ErrorType) -> ModuleType:
    if not path.is_file():
        raise error(
            f"the file '{path.name}' was not found in '{path.parent.name or '.'}'; paths are "
            "relative to the config."
        )
    digest = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    name = f"auditor_user_code_{digest[:12]}"
    spec = importlib.util.spec_from_file_location(name, path, loader=FromSource(name, str(path)))
    if spec is None or spec.loader is None:
        raise error(f"the file '{path.name}' cannot be imported as Python code.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look their module up here
    try:
        with _search(path.resolve().parent), users_code(f"'{path.name}' failed on import", error):
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _import_module(name: str, base: Path, error: ErrorType) -> ModuleType:
    with _search(base.resolve(), Path.cwd()):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as failure:
            if failure.name is not None and f"{name}.".startswith(f"{failure.name}."):
                raise error(
                    f"no module named '{failure.name}' was found, neither beside the config nor "
                    "among what is installed; check the name, or name a file: path/file.py."
                ) from failure
            raise error(f"'{name}' failed on import: {describe_failure(failure)}.") from failure
        except (Exception, SystemExit) as failure:
            raise error(f"'{name}' failed on import: {describe_failure(failure)}.") from failure


@contextlib.contextmanager
def _search(*folders: Path) -> Iterator[None]:
    """Let imports look in ``folders`` too, for the time of the import."""
    before = list(sys.path)
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        with from_source(*folders):
            yield
    finally:
        sys.path[:] = before


def _defined(holder: Any) -> list[str]:
    home = getattr(holder, "__module__", None) or holder.__name__
    own: list[tuple[bool, str]] = []
    for name, value in getattr(holder, "__dict__", {}).items():
        if name.startswith("_") or isinstance(value, ModuleType):
            continue
        own.append((getattr(value, "__module__", None) != home, name))
    return [name for _, name in sorted(own)]


def _shown(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in options.items()) or "no options"
