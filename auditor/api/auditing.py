"""``auditor.audit``: audit a model and data that are objects of a notebook or a test suite."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.api.finished import Run, run_of_copy
from auditor.api.performing import Asked, perform
from auditor.api.progress import NotebookProgress
from auditor.base.addresses import checked, is_address
from auditor.base.errors import ConfigError, UnknownNameError
from auditor.config.audit import Config, resolve
from auditor.config.layers import Layer, environment_layer, merged
from auditor.config.short_names import KEYWORDS
from auditor.run.mirror import mirrored
from auditor.run.storage import check_writable

if TYPE_CHECKING:
    from torch import nn

SECTIONS = ("project", "audit", "shortcuts", "report", "targets", "policy")
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # Path makes s3:/ of s3://
# Keys that name or change what is given as an object, or ask for other processes.
NOT_HERE = {
    ("model", "source"), ("model", "weights"), ("model", "entry"), ("model", "prefix"),
    ("model", "ignore"), ("model", "options"), ("model", "classes"), ("data", "source"),
    ("data", "options"), ("data", "root"), ("data", "columns"), ("audit", "max_minutes"),
}  # fmt: skip


def audit(
    model: nn.Module,
    data: Any,
    *,
    classes: Sequence[str] | None = None,
    preprocess: Any = None,
    out: str | Path | None = None,
    quiet: bool = False,
    **settings: Any,
) -> Run:
    """Audit a model on data, both of them objects, and return the finished run.

    The model is copied and not changed. The same call again, with the same weights, code and
    pictures, gives the run that is there, or goes on with one that was stopped.

    Args:
        model: a classifier of pictures (B, 3, H, W) with one row of logits for each.
        data: a dataset with a length, a ``DataLoader`` (whose dataset is used) or a list, of
            (picture, label) or mappings with ``image`` and ``label``. Pictures are PIL images or
            uint8 arrays, which `preprocess` brings to the input; floating tensors (3, H, W) are
            inputs as they are. Labels are numbers of outputs, or names of classes.
        classes: names of the outputs, in order (default: those of the dataset).
        preprocess: a transform for each picture, the transforms that torchvision publishes with
            weights, or keys of the config's section ``preprocess``.
        out: folder that holds runs, or its address (default: ``runs``).
        quiet: show no progress and no notes.
        settings: keys of the config: ``preset``, ``limit``, ``layers``, ``seed``, ``device``,
            ``formats`` (default: html), ``name``, ``labels``; a section as a mapping, such as
            ``audit={"references": 8}``, ``targets={...}``, ``policy={...}``; or any key by its
            whole name, such as ``**{"model.output": "logits"}``.

    Raises:
        AuditorError: what is wrong, in one sentence, by its kind.
    """
    from auditor.subject import given

    objects = given(model, data, preprocess)
    defaults = {
        "project": {"name": type(model).__name__},
        "model": {"source": objects.model.source, "device": objects.device},
        "data": {"source": f"python:{type(data).__name__}"},
        "preprocess": dict(objects.preprocess),
        "report": {"formats": ["html"]},
    }
    asked_for = merged(_layers(settings), Config)
    _refuse(asked_for.values)
    layers = [Layer(defaults), environment_layer(os.environ, Config), asked_for]
    if classes is not None:
        layers.append(Layer({"model": {"classes": [str(name) for name in classes]}}))
    config = resolve(layers, name="settings")
    if config.run.executor != "inline" or config.run.shard is not None:
        raise ConfigError(
            "what is given as an object is audited by this process alone; name model and data in a "
            "config to use run.executor or run.shard."
        )
    if isinstance(out, Path) and ADDRESS.match(str(out)):
        raise ConfigError(f"out is an address as a path, {out}; give it as text: s3://bucket/runs.")
    mirror = mirrored(checked(str(out), "out")) if is_address(str(out)) else None
    folder = Path("runs" if out is None else out) if mirror is None else mirror.root
    base = Path.cwd()
    try:
        check_writable(folder)
        done = perform(config, base, folder, NotebookProgress(quiet=quiet), Asked(objects=objects))
    except BaseException:
        if mirror is not None:
            mirror.close()
        raise
    return Run(done.folder) if mirror is None else run_of_copy(mirror, done.folder)


def _layers(settings: Mapping[str, Any]) -> Iterator[Layer]:
    """Yield the values that keywords set.

    Raises:
        UnknownNameError: a keyword is none.
    """
    for name, value in settings.items():
        section, dot, key = name.partition(".")
        if name in KEYWORDS:
            section, key = KEYWORDS[name]
            yield Layer({section: {key: _plain(key, value)}}, {(section, key): f"keyword {name}"})
        elif section in (*SECTIONS, "model", "data") and dot:
            yield Layer({section: {key: value}}, {(section, key): f"keyword {name}"})
        elif section in SECTIONS or name == "plugins":
            yield Layer({name: value})
        else:
            raise UnknownNameError("keyword of auditor.audit", name, [*KEYWORDS, *SECTIONS])


def _plain(key: str, value: Any) -> Any:
    if key in ("layers", "formats") and not (isinstance(value, str) and value == "auto"):
        return [value] if isinstance(value, str) else list(value)
    return value


def _refuse(values: Mapping[str, Any]) -> None:
    """Refuse keys that say what the objects say.

    Raises:
        ConfigError: which.
    """
    for section, key in sorted(NOT_HERE):
        given = values.get(section)
        if isinstance(given, Mapping) and key in given:
            raise ConfigError(
                f"{section}.{key} cannot be set in auditor.audit: it is for audits that a config "
                "describes; change the model or the data, or the argument of that name."
            )
