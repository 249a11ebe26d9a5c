"""Adapters of PEFT: what an ``adapter_config.json`` says, and whether its weights are whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from auditor.base.errors import ModelError

ADAPTER = "adapter_config.json"
TENSORS = "adapter_model.safetensors"
MERGED = ("LORA", "LOHA", "LOKR", "IA3")


@dataclass(frozen=True)
class Adapter:
    """An adapter: its kind, the model that it was trained on, and the shapes of its tensors.

    ``outputs`` is how many the classifier has that it brings, None where it brings none.
    """

    kind: str
    base: str
    outputs: int | None
    shapes: Mapping[str, tuple[int, ...]]
    weights: str = TENSORS

    def check(self, info: Mapping[str, Any]) -> None:
        """Refuse weights that neither the base model nor the adapter holds.

        Raises:
            ModelError: there are some.
        """
        lacking = [*info["missing_keys"], *(str(each[0]) for each in info["mismatched_keys"])]
        for name in lacking:
            if not any(key.endswith(f".{name}") for key in self.shapes):
                raise ModelError(
                    f"neither the adapter nor its base model '{self.base}' holds the weights "
                    f"'{name}'; save the adapter with modules_to_save: [classifier]."
                )


def read_adapter(folder: Path, settings: Mapping[str, Any]) -> Adapter:
    """Return what the folder of an adapter holds.

    Raises:
        ModelError: of a kind that cannot be merged, one that runs code, or without safetensors.
    """
    kind = str(settings.get("peft_type"))
    if kind not in MERGED or settings.get("megatron_config") or settings.get("auto_map"):
        raise ModelError(
            f"the adapter '{folder.name}' is of the kind {kind}, or needs code of its own; these "
            f"are merged: {', '.join(MERGED)}."
        )
    try:
        with safe_open(folder / TENSORS, framework="numpy") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the adapter '{folder.name}' holds no readable {TENSORS}; save it by save_pretrained "
            "of PEFT."
        ) from error
    heads = settings.get("modules_to_save") or []
    rows = [
        shape[0]
        for key, shape in shapes.items()
        if len(shape) == 2 and any(key.endswith(f".{head}.weight") for head in heads)
    ]
    return Adapter(
        kind, str(settings.get("base_model_name_or_path")), rows[-1] if rows else None, shapes
    )
