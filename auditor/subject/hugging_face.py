"""Models of Hugging Face (``hf:FOLDER`` or ``hf:NAME[@revision]``): an optional extra.

A folder is what ``save_pretrained`` writes (transformers), what timm puts on the hub, or an adapter
of PEFT. Of a name on the hub, settings and safetensors are downloaded and nothing else; a folder
asks nothing of the network. Code that comes with a model is never run.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from auditor.base.errors import ConfigError, ModelError, UnknownNameError
from auditor.base.factories import describe_failure, find_file
from auditor.config.audit import ModelConfig
from auditor.subject import checkpoints
from auditor.subject.adapters import ADAPTER, Adapter, read_adapter
from auditor.subject.hugging_face_inputs import INPUTS, read_inputs
from auditor.subject.imagenet import COUNT, imagenet_names
from auditor.subject.local_copy import file_of
from auditor.subject.models import MODEL_SOURCES, BuiltModel
from auditor.subject.presets import timm_preset

SETTINGS = "config.json"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
PICKLED = "pytorch_model.bin"
FETCHED = (
    SETTINGS, INPUTS, *WEIGHTS, "model-*.safetensors", ADAPTER, "adapter_model.safetensors",
)  # fmt: skip
NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
# Of the first synonyms of 1,000 names, how many have to be ImageNet's for the outputs to be its.
SAME_NAMES = 900


@MODEL_SOURCES.register("hf")
def from_hugging_face(rest: str, config: ModelConfig, base: Path) -> BuiltModel:
    """Return the model of a folder, or of ``NAME[@revision]`` on the hub.

    Raises:
        ConfigError: neither a folder nor a name.
        ModelError: the extra is missing, or the model cannot be built from what is there.
    """
    if set(config.options) - {"base"}:
        raise UnknownNameError("option of an hf: model", sorted(config.options)[0], ["base"])
    folder, label = _folder(rest, base)
    with _quiet():
        if (folder / ADAPTER).is_file():
            return _adapted(folder, label, config, base)
        settings = read_json(folder, SETTINGS)
        if "architecture" in settings and "model_type" not in settings:
            return _of_timm(folder, label, settings, config, base)
        return _of_transformers(folder, label, settings, config, base)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Return what a JSON file of a folder holds.

    Raises:
        ModelError: it is not there, or cannot be read.
    """
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"the folder '{folder.name}' holds no {name}; give the folder that save_pretrained "
            "wrote, or that was downloaded from the Hugging Face hub."
        ) from None
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ModelError(f"the {name} of '{folder.name}' cannot be read; save the model again.")
    return found


def extra(name: str) -> ModuleType:
    """Import a package of the extra.

    Raises:
        ModelError: it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise ModelError(f"{name} cannot be imported: {describe_failure(error)}.") from error
        raise ModelError(
            f"model.source asks for a model of Hugging Face, which needs {name}; run "
            "pip install 'concept-auditor[hf]'."
        ) from error


def _folder(rest: str, base: Path) -> tuple[Path, str]:
    """Return the folder of the model's files, and what the report calls it."""
    given = find_file(rest, base) if rest else None
    if given is not None and given.is_dir():
        return given, f"hf:{given.resolve().name}"
    name, _, revision = rest.partition("@")
    if given is not None and given.is_file():
        raise ConfigError(f"model.source 'hf:{rest}' is a file; give the folder that it lies in.")
    if not NAME.fullmatch(name) or name in (".", ".."):
        raise ConfigError(
            f"model.source 'hf:{rest}' is no folder (paths are relative to the config), and no "
            "name of the hub, which is written hf:OWNER/NAME or hf:OWNER/NAME@REVISION."
        )
    return _fetched(name, revision)


def _fetched(name: str, revision: str) -> tuple[Path, str]:
    """Return the folder of a model of the hub, downloaded where it is not kept already."""
    hub = extra("huggingface_hub")
    try:
        path = hub.snapshot_download(name, revision=revision or None, allow_patterns=FETCHED)
    except Exception as error:
        raise ModelError(
            f"'{name}' is no folder here, and could not be had from the Hugging Face hub "
            f"({type(error).__name__}); check the name, or give a folder."
        ) from error
    folder = Path(path)
    return folder, f"hf:{name}@{folder.name[:12]}"


def _of_transformers(
    folder: Path, label: str, settings: Mapping[str, Any], config: ModelConfig, base: Path
) -> BuiltModel:
    refuse_settings(folder, settings)
    if config.weights is not None or not _has_safetensors(folder):
        model, weights, notes = _from_checkpoint(folder, settings, config, base)
    else:
        model, weights, notes = load(folder)
    return built(folder, label, model, weights, notes)


def built(
    folder: Path, label: str, model: nn.Module, weights: str, notes: tuple[str, ...]
) -> BuiltModel:
    """Return a model of transformers with the inputs and names that its folder states."""
    channels = getattr(model.config, "num_channels", 3)
    preset, said = read_inputs(folder, channels if isinstance(channels, int) else 3)
    names = _names(getattr(model.config, "id2label", None) or {})
    known = names is not None and _is_imagenet(names)
    return BuiltModel(
        model,
        label,
        weights,
        preset,
        None if known else names,
        imagenet=known,
        notes=(*notes, *said),
    )


def refuse_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuse a model that needs code of its own, weights that are quantised, and no classifier.

    Raises:
        ModelError: it is one of these.
    """
    kinds = extra("transformers").CONFIG_MAPPING
    kind = settings.get("model_type")
    if kind not in kinds:
        if "auto_map" in settings:
            raise ModelError(
                f"the model of '{folder.name}' needs Python code that comes with it (auto_map), "
                "which is never run; build it in a factory of your own: file.py:factory."
            )
        raise ModelError(
            f"the {SETTINGS} of '{folder.name}' has the model_type {kind!r}, which the installed "
            "transformers does not know."
        )
    if "quantization_config" in settings:
        raise ModelError(
            f"the weights of '{folder.name}' are quantised; give those they were made from."
        )


def load(folder: Path, **keys: Any) -> tuple[nn.Module, str, tuple[str, ...]]:
    """Return a classifier of transformers with the safetensors of a folder in it.

    Raises:
        ModelError: it cannot be built, or weights are missing.
    """
    model, info = load_open(folder, **keys)
    lacking = sorted(info["missing_keys"]) + [str(each[0]) for each in info["mismatched_keys"]]
    if lacking:
        raise ModelError(
            f"the weights of '{folder.name}' lack {len(lacking)} of the model's, such as "
            f"'{lacking[0]}': it is no trained image classifier; save it with its classifier."
        )
    more = sorted(info["unexpected_keys"])
    said = [
        f"{len(more)} weights of the file are not the model's, such as '{each}'" for each in more
    ]
    return model, WEIGHTS[0], tuple(said[:1])


def load_open(folder: Path, **keys: Any) -> tuple[nn.Module, Mapping[str, Any]]:
    """Return a classifier of transformers, and what was missing in the weights of its folder.

    Raises:
        ModelError: it cannot be built.
    """
    with _offline(), _failing(folder):
        model, info = extra("transformers").AutoModelForImageClassification.from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            **keys,
        )
    return model, info


def _from_checkpoint(
    folder: Path, settings: Mapping[str, Any], config: ModelConfig, base: Path
) -> tuple[nn.Module, str, tuple[str, ...]]:
    """Return the model with ``model.weights``, or the folder's pickled weights read safely."""
    path = folder / PICKLED
    if config.weights is not None:
        path = file_of(config.weights, base, "model.weights")
    elif not path.is_file():
        raise ModelError(
            f"the folder '{folder.name}' holds no {WEIGHTS[0]}; save the model by save_pretrained, "
            "or give model.weights."
        )
    checkpoint = checkpoints.read_checkpoint(path, config)
    transformers = extra("transformers")
    with _offline(), _failing(folder):
        settled = transformers.AutoConfig.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        model = transformers.AutoModelForImageClassification.from_config(
            settled, trust_remote_code=False
        )
    return model, checkpoint.name, checkpoints.load_into(model, checkpoint)


def _adapted(folder: Path, label: str, config: ModelConfig, base: Path) -> BuiltModel:
    """Return a base model with an adapter of PEFT merged into it."""
    if config.weights is not None:
        raise ConfigError("model.weights is given beside an adapter, which has its own; remove it.")
    adapter = read_adapter(folder, read_json(folder, ADAPTER))
    below, name = _folder(str(config.options.get("base") or adapter.base), base)
    refuse_settings(below, read_json(below, SETTINGS))
    own = read_json(folder, SETTINGS) if (folder / SETTINGS).is_file() else {}
    keys: dict[str, Any] = {}
    if adapter.outputs is not None:
        keys = {"num_labels": adapter.outputs, "ignore_mismatched_sizes": True}
    model, info = load_open(below, **keys)
    adapter.check(info)
    merged = _merged(model, folder, adapter)
    if own.get("id2label"):
        merged.config.id2label = {int(at): text for at, text in own["id2label"].items()}
    stated = folder if (folder / INPUTS).is_file() else below
    note = f"an adapter of PEFT ({adapter.kind}) is merged into {name}"
    return built(stated, label, merged, adapter.weights, (note,))


def _merged(model: nn.Module, folder: Path, adapter: Adapter) -> Any:
    peft = extra("peft")
    with _offline(), _failing(folder), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        merged = peft.PeftModel.from_pretrained(
            model, str(folder), is_trainable=False, local_files_only=True
        ).merge_and_unload()
    lost = next((str(each.message) for each in said if "missing adapter" in str(each.message)), "")
    if lost:
        raise ModelError(
            f"the adapter '{folder.name}' does not fit {adapter.base}: {lost[:200]}; name the "
            "model that it was trained on as model.options.base."
        )
    return merged


def _of_timm(
    folder: Path, label: str, settings: Mapping[str, Any], config: ModelConfig, base: Path
) -> BuiltModel:
    """Return the model of a folder as timm puts it on the hub."""
    from auditor.subject.timm_models import import_timm

    timm = import_timm()
    name = str(settings["architecture"])
    if not timm.is_model(name):
        raise UnknownNameError(f"timm model in the {SETTINGS} of '{folder.name}'", name, ())
    stated = dict(settings.get("pretrained_cfg") or settings)
    outputs = settings.get("num_classes", stated.get("num_classes", COUNT))
    path = folder / WEIGHTS[0] if (folder / WEIGHTS[0]).is_file() else folder / PICKLED
    if config.weights is not None:
        path = file_of(config.weights, base, "model.weights")
    elif not path.is_file():
        raise ModelError(f"the folder '{folder.name}' holds no {WEIGHTS[0]}; download it again.")
    with _failing(folder):
        model = timm.create_model(
            name, pretrained=False, num_classes=outputs, **(settings.get("model_args") or {})
        )
        data = timm.data.resolve_data_config({}, pretrained_cfg=stated)
    checkpoint = checkpoints.read_checkpoint(path, config)
    notes = checkpoints.load_into(model, checkpoint)
    preset, differences = timm_preset(data, folder.name)
    names = settings.get("label_names") or stated.get("label_names")
    names = tuple(map(str, names)) if isinstance(names, list) else None
    known = outputs == COUNT and (names is None or names[0].startswith("n01440764"))
    return BuiltModel(
        model,
        label,
        checkpoint.name,
        preset,
        None if known else names,
        imagenet=known,
        notes=(*notes, *differences),
    )


def _has_safetensors(folder: Path) -> bool:
    return any((folder / name).is_file() for name in WEIGHTS)


def _names(stated: Mapping[Any, Any]) -> tuple[str, ...] | None:
    """Return the names of outputs in order; None where they are only numbered."""
    names = tuple(str(stated[key]) for key in sorted(stated, key=int))
    if not names or all(re.fullmatch(r"LABEL_\d+", name) for name in names):
        return None
    return names


def _is_imagenet(names: tuple[str, ...]) -> bool:
    """Return whether names such as "tench, Tinca tinca" are ImageNet's, in its order."""
    if len(names) != COUNT:
        return False
    first = (name.partition(",")[0].strip().casefold() for name in names)
    same = sum(a == b.casefold() for a, b in zip(first, imagenet_names(), strict=True))
    return same >= SAME_NAMES


@contextmanager
def _failing(folder: Path) -> Iterator[None]:
    """Turn what a library raises into one sentence, which never says what to install."""
    try:
        yield
    except ImportError as error:
        raise ModelError(
            f"the model of '{folder.name}' needs a package besides transformers that is not "
            "installed here; build it in a factory of your own: file.py:factory."
        ) from error
    except Exception as error:
        raise ModelError(
            f"the model of '{folder.name}' cannot be built: {describe_failure(error)}."
        ) from error


@contextmanager
def _offline() -> Iterator[None]:
    """Let nothing be asked of the hub."""
    constants = extra("huggingface_hub").constants
    before, held = os.environ.get("HF_HUB_OFFLINE"), constants.HF_HUB_OFFLINE
    os.environ["HF_HUB_OFFLINE"], constants.HF_HUB_OFFLINE = "1", True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = held
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Let transformers say nothing of its own on the terminal."""
    logging = extra("transformers").utils.logging
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
