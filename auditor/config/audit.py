"""The audit's configuration: strict models, read from YAML with file and line in every error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import Discriminator, Field, Tag, ValidationError, field_validator

from auditor.base.errors import ConfigError
from auditor.base.redaction import remember
from auditor.config.depth import PRESETS
from auditor.config.layers import Layer, environment_layer, file_layer, merged, of_mapping
from auditor.config.policy import CompletionConfig, PolicyConfig, TargetsConfig
from auditor.config.problems import problem_of, problems_of
from auditor.config.running import RunConfig
from auditor.config.section import Section as Section
from auditor.language.speaking import checked_language

Read = TypeVar("Read", bound=Section)
# A value for each channel, and numbers of bands, counted from 1.
Values = Annotated[tuple[float, ...], Field(min_length=1, max_length=16)]
BandNumbers = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, max_length=16)]
LabelRule = Literal["auto", "name", "wnid", "number", "order", "natural", "multi"]
Threshold = Annotated[float, Field(gt=0, lt=1)]
Check = Callable[["Config"], Iterable[tuple[tuple[str, ...], str]]]


class ProjectConfig(Section):
    """What is audited, in the owner's words; what is missing stands in the report as missing."""

    name: str = Field("audit", min_length=1, max_length=80, description="Name of the audit.")
    owner: str = Field("", description="Who owns the model.")
    purpose: str = Field("", description="What the model is used for.")
    out_of_scope: str = Field("", description="What the model must not be used for.")
    model_version: str = Field("", description="Version of the model, as the owner calls it.")


class ModelConfig(Section):
    """Where the model comes from."""

    source: str = Field(
        description="torchvision:NAME[?weights=DEFAULT], timm:NAME[?weights=pretrained], hf:FOLDER "
        "or hf:NAME[@revision], package.module:factory or file.py:factory."
    )
    weights: str | None = Field(
        None,
        description="Checkpoint, or its address: .safetensors, or a state dict saved by torch.",
    )
    entry: str | None = Field(
        None,
        description="Entry of the checkpoint that holds the weights, such as state_dict_ema; keys "
        "of nested entries are joined by dots (default: the only one that fits).",
    )
    prefix: str | None = Field(
        None,
        description="What the names of the weights begin with in the checkpoint, such as student "
        "(default: the only beginning that fits).",
    )
    ignore: list[str] = Field(
        default_factory=list,
        description="Patterns such as 'head.aux.*' of tensors that may be on one side alone: those "
        "of the checkpoint are left out, those of the model keep what its code gives them.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments of the model's builder."
    )
    classes: list[str] | str | None = Field(
        None, description="Names of the outputs in order: a list, or a text file, one a line."
    )
    output: str | None = Field(
        None,
        coerce_numbers_to_str=True,
        description="Which part of the model's result holds the logits, such as logits or 1 or "
        "aux.0 (default: the only possible one).",
    )
    scores: Literal["auto", "logits", "probabilities"] = Field(
        "auto",
        description="What the outputs are: logits, or probabilities, whose logarithms are "
        "explained (auto: told by their values).",
    )
    threshold: Threshold | dict[str, Threshold] = Field(
        0.5,
        description="Of several labels: the probability from which on one is decided as present, "
        "for all of them or by label (the others: 0.5).",
    )
    device: str = Field(
        "auto",
        description="Where the model runs: auto (cuda where there is one, else cpu), cpu, cuda, "
        "cuda:1 (the second GPU) or mps.",
    )

    @field_validator("threshold", mode="before")
    @classmethod
    def _no_boolean(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("give a probability between 0 and 1, such as 0.5")
        return value

    @field_validator("device")
    @classmethod
    def _known_device(cls, name: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
            raise ValueError("give auto, cpu, cuda, the number of a GPU such as cuda:1, or mps")
        return name


class ColumnsConfig(Section):
    """Names of the columns of a table of samples."""

    path: str = Field(
        "path",
        description="Column with the image file, relative to the table, or with the image itself.",
    )
    label: str | list[str] = Field(
        "label",
        description="Column with the label; of several labels a list of columns of 0 and 1 (-1 or "
        "nothing: uncertain), or one column of names divided by | ; or , or of vectors.",
    )
    mask: str | None = Field(
        None, description="Column with a mask of the object, a file relative to the table."
    )
    box: str | None = Field(
        None,
        description="Column with the object's box: x y width height in pixels of the picture.",
    )

    @property
    def labels(self) -> list[str]:
        """Return the columns with labels."""
        return self.label if isinstance(self.label, list) else [self.label]


class DataConfig(Section):
    """Where the validation set comes from and how its labels meet the model's outputs."""

    source: str = Field(
        description="A folder with one folder per class, a table (.csv, .tsv, .parquet, "
        ".xlsx, COCO's .json), tars (webdataset:val-{000..003}.tar) or a data set "
        "saved by Hugging Face (hf-dataset:PATH), also at an address such as s3://bucket/photos, "
        "or a factory.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments of a dataset factory."
    )
    classes: list[str] | None = Field(
        None, description="Use only the samples of these labels (as the data names them)."
    )
    limit: int | None = Field(
        None, ge=1, description="Use a stratified random sample of this many images."
    )
    columns: ColumnsConfig = Field(
        default_factory=ColumnsConfig, description="Column names of a table."
    )
    root: str | None = Field(
        None,
        description="Folder, or its address, that the paths of a table start from (default: the "
        "table's).",
    )
    allow_outside: bool = Field(
        False,
        description="Follow paths and links that lead out of the data's folder (false: an error).",
    )
    separator: Literal[",", ";", "|", "tab"] | None = Field(
        None, description="Separator of the columns of a table (default: detected)."
    )
    encoding: str | None = Field(
        None,
        description="Encoding of a table of text, such as utf-8 or cp1251 (default: detected).",
    )
    masks: str | None = Field(
        None,
        description="Folder of masks of the objects (0 is background), at the pictures' relative "
        "paths.",
    )
    metadata: list[str] | None = Field(
        None,
        description="Further columns of the table to keep (default: those of few values that "
        "repeat, and neither text, dates nor names).",
    )
    rows: dict[str, int | str | list[int | str]] = Field(
        default_factory=dict,
        description="Use only the rows of a table that have one of these values in each of these "
        "columns, such as {split: test}.",
    )
    groups: list[str] | None = Field(
        None,
        description="Columns whose values make groups with the classes, for the accuracy of the "
        "worst one; they are kept (default: columns called group, place, confounder or alike).",
    )
    labels: LabelRule | dict[str, int | str] = Field(
        "auto",
        description="How labels meet outputs: auto (a guess is checked against the answers), name, "
        "wnid, number (from 0), order (by code point, as torchvision numbers folders), natural (2 "
        "before 10, case alike, as timm does), or a map; multi: each picture has several labels.",
    )


class PreprocessConfig(Section):
    """How a photograph becomes the model's input; keys left out follow the weights' own preset."""

    resize: int | tuple[int, int] | None = Field(
        None, description="Shorter side, or [height, width], in pixels."
    )
    crop: int | tuple[int, int] | None = Field(
        None, description="Centre crop after resizing, in pixels."
    )
    mean: Values | None = Field(
        None, description="Subtracted per channel, in units of scale and order of channels."
    )
    std: Values | None = Field(
        None, description="Divides per channel, in units of scale and order of channels."
    )
    scale: float | None = Field(
        None, gt=0, description="Largest pixel value before mean and std: 1 or 255."
    )
    channels: Literal["rgb", "bgr", "grey"] | BandNumbers | None = Field(
        None,
        description="What the model is given: rgb, bgr, grey (one channel), or the numbers of the "
        "bands in order, counted from 1 (default: rgb, or grey where the model takes one channel).",
    )
    window: tuple[float, float] | list[tuple[float, float]] | None = Field(
        None,
        description="Values [low, high] of pictures of more than 8 bits that become 0 and scale, "
        "what lies beyond is cut off; of bands a pair for all, or a list of one for each.",
    )
    display: BandNumbers | None = Field(
        None,
        description="Three bands that the report draws as red, green and blue, or one as grey "
        "(default: the first three).",
    )
    interpolation: Literal["bilinear", "bicubic", "nearest"] | None = Field(
        None, description="How pictures are resized."
    )
    range: Literal["auto", "8bit", "10bit", "12bit", "14bit", "16bit"] | tuple[float, float] = (
        Field(
            "auto",
            description="Which values of 16-bit pictures are black to white: auto looks at the "
            "data, 12bit means 0 to 4095, [black, white] cuts off what lies beyond.",
        )
    )
    exif: Literal["apply", "ignore"] = Field(
        "apply",
        description="Whether pictures are turned as their EXIF orientation says, or taken as they "
        "are stored.",
    )

    @field_validator("range")
    @classmethod
    def _ascending(cls, value: Any) -> Any:
        if isinstance(value, tuple) and not value[0] < value[1]:
            raise ValueError("black must be below white: [0, 4095]")
        return value

    @field_validator("window")
    @classmethod
    def _ascending_windows(cls, value: Any) -> Any:
        pairs = [value] if isinstance(value, tuple) else value or []
        if any(not low < high for low, high in pairs):
            raise ValueError("low must be below high: [0, 4095]")
        return value

    @field_validator("display")
    @classmethod
    def _one_or_three(cls, value: Any) -> Any:
        if value is not None and len(value) not in (1, 3):
            raise ValueError("give three bands, or one")
        return value


class CompositeConfig(Section):
    """A composite of your own: a known one, with other rules for some operations or layers."""

    base: str = Field("auto", description="The composite to start from.")
    operations: dict[str, str] = Field(
        default_factory=dict,
        description="Operation with weights (conv2d, linear, ...): relevance rule.",
    )
    layers: dict[str, str] = Field(
        default_factory=dict,
        description="Pattern of layer names (features.0*): relevance rule; the last that fits "
        "wins.",
    )


NamedComposite = Annotated[str, Tag("name")]
OwnComposite = Annotated[CompositeConfig, Tag("mapping")]


def _form(value: Any) -> str:
    return "mapping" if isinstance(value, (Mapping, CompositeConfig)) else "name"


class AuditConfig(Section):
    """What is explained and how deeply."""

    preset: Literal["quick", "standard", "deep"] = Field(
        "standard",
        description="How much is looked at: quick (a pull request), standard, deep (a release); "
        "keys that are given win over it.",
    )
    classes: list[str] | None = Field(
        None, description="Audit only these classes in depth (default: those with samples)."
    )
    max_classes: int = Field(
        20,
        ge=1,
        description="Most classes to audit in depth when classes is not given: those that most "
        "wrong decisions leave or reach.",
    )
    layers: Literal["auto"] | list[str] = Field(
        "auto",
        description="Layers whose channels are the concepts; NAME:heads stands for the heads of "
        "the attention in NAME, and NAME:query, NAME:key and NAME:value for the channels of these.",
    )
    units: dict[str, str] = Field(
        default_factory=dict,
        description="Layer: file of safetensors with directions, or SOURCE:VALUE of a plug-in; "
        "the directions are audited as the layer NAME:units.",
    )
    composite: Annotated[NamedComposite | OwnComposite, Discriminator(_form)] = Field(
        "auto",
        description="Which relevance rule runs where: a composite's name, or a mapping of the keys "
        "below; `auditor docs method` lists composites and rules.",
    )
    bias: Literal["absorb", "exclude"] = Field(
        "absorb", description="Whether biases take a share of the relevance."
    )
    gamma: float | None = Field(
        None, ge=0, description="Of the gamma rule (default: the composite's own)."
    )
    signed: Literal["known", "both", "positive"] = Field(
        "known",
        description="Branches of rules for inputs of both signs: where the sign is not known, "
        "everywhere, or nowhere.",
    )
    epsilon: float = Field(1e-6, ge=0, description="Added to every denominator, away from zero.")
    target: Literal["predicted", "label"] = Field(
        "predicted", description="Which output of a sample is explained."
    )
    references: int = Field(12, ge=1, le=100, description="Reference samples per concept.")
    concept_names: str = Field(
        "measured",
        description="Working names of concepts until a person names them: measured (colour, look "
        "and place in the reference samples), clip (words of a vocabulary), none, or a plug-in's.",
    )
    names_model: str | None = Field(
        None,
        description="Folder of a CLIP that names concepts, for concept_names: clip; needs the "
        "extra concept-auditor[names].",
    )
    names_vocabulary: str | None = Field(
        None, description="File with the words that clip chooses names from, one a line."
    )
    concepts: int = Field(
        6, ge=1, le=100, description="Leading concepts shown per class and layer."
    )
    class_references: int = Field(
        6, ge=1, le=100, description="Reference samples per concept within a class."
    )
    relmax: Literal["sum", "max"] = Field(
        "sum", description="Reference samples by relevance: its sum over positions, or the largest."
    )
    actmax: Literal["sum", "max"] = Field(
        "max",
        description="Reference samples by activation: its sum over positions, or the largest.",
    )
    atlas_samples: int = Field(3, ge=0, le=50, description="Samples per class in the atlas.")
    composition: int = Field(
        3,
        ge=0,
        le=12,
        description="Concepts that each node of a composition graph keeps (0: no graphs).",
    )
    samples: list[str] | None = Field(
        None,
        description="Pictures to look at closely, as the data names them (default: the most "
        "typical, the least typical and wrong ones of each class).",
    )
    component_samples: int = Field(
        20,
        ge=0,
        description="Samples per class whose relevance is split into components (0: none).",
    )
    pairs: list[tuple[str, str]] = Field(
        default_factory=list,
        description="Pairs of classes to compare, besides those that the model confuses.",
    )
    max_pairs: int = Field(6, ge=0, description="Most confused pairs of classes to compare.")
    strategies: int = Field(
        5, ge=0, description="Most strategies looked for within a class (0: not looked for)."
    )
    mistakes: int = Field(
        6, ge=0, description="Most kinds of wrong decision shown with pictures (0: none)."
    )
    flipping_images: int = Field(
        32, ge=0, description="Images on which the ranking of concepts is tested (0: not tested)."
    )
    batch: int = Field(16, ge=1, description="Images per batch.")
    max_minutes: float | None = Field(
        None,
        gt=0,
        description="Use fewer images, then look less closely, where the audit is estimated to "
        "take longer than this.",
    )
    reduced: list[Literal["images", "depth"]] = Field(
        default_factory=list,
        description="What max_minutes made smaller; the program writes this key itself.",
    )
    shard: int = Field(256, ge=1, description="Samples per shard: how much a crash can cost.")
    seed: int = Field(0, ge=0, description="Seeds every random choice of the audit.")


class ShortcutConfig(Section):
    """The search for clever-Hans candidates."""

    enabled: bool = Field(True, description="Search for candidates at all.")
    per_class: int = Field(5, ge=1, description="Most candidates per class.")
    total: int = Field(60, ge=1, description="Most candidates in all.")
    members: int = Field(
        60, ge=8, description="Most members of a class that are looked at, per half."
    )
    targets: int = Field(
        64, ge=8, description="Most images of other classes that a region is transplanted to."
    )
    permutations: int = Field(2000, ge=200, description="Permutations per test.")
    proposals: list[str] | None = Field(
        None,
        min_length=1,
        description="What candidates are proposed from; `auditor docs method` lists the names "
        "(default: all, and what plugins register).",
    )


class ReportConfig(Section):
    """What the report looks like."""

    formats: list[Literal["html", "pdf"]] = Field(["html", "pdf"], description="Files to make.")
    tier: Literal["executive", "standard", "technical"] = Field(
        "standard", description="How much of the result the report shows."
    )
    layout: Literal["single", "folder"] = Field(
        "single",
        description="HTML as one file, or as a folder with style, script and images as files.",
    )
    language: str = Field("en", description="Language of the report: en or de.")
    sections: list[str] | None = Field(
        None, description="Sections to show, in this order (default: all that the tier has)."
    )
    title: str = Field("", description="Title on the cover (default: the project's name).")
    classification: str = Field("", description="Label in the footer, such as 'Internal'.")
    prepared_for: str = Field("", description="Who the report is for.")
    prepared_by: str = Field("", description="Who ran the audit.")
    template: str | None = Field(
        None, description="Folder of templates that win over those of the same path."
    )
    css: str | None = Field(None, description="Style that is added to that of HTML and PDF.")
    logo: str | None = Field(None, description="PNG or JPEG file for the head of the report.")
    logo_text: str = Field(
        "Logo", min_length=1, description="What the logo says, for readers who do not see it."
    )
    max_html_mb: float = Field(8.0, gt=0, description="Size that report.html may not exceed.")
    pdf_timeout: int = Field(300, ge=10, description="Seconds that making the PDF may take.")

    @field_validator("language")
    @classmethod
    def _known_language(cls, code: str) -> str:
        try:
            return checked_language(code)
        except ConfigError as error:
            raise ValueError(str(error)) from error


class Config(Section):
    """A whole audit."""

    version: Literal[1] = Field(1, description="Version of this format.")
    plugins: list[str] = Field(
        default_factory=list,
        description="Modules of your own to import first, as package.module or file.py, and what "
        "installed packages offer, as tests:NAME, terms:NAME, proposals:NAME or sections:NAME: "
        "what they register is used as if it were built in.",
    )
    project: ProjectConfig = Field(default_factory=ProjectConfig)
    model: ModelConfig
    data: DataConfig
    preprocess: PreprocessConfig = Field(default_factory=PreprocessConfig)
    audit: AuditConfig = Field(default_factory=AuditConfig)
    shortcuts: ShortcutConfig = Field(default_factory=ShortcutConfig)
    report: ReportConfig = Field(default_factory=ReportConfig)
    targets: TargetsConfig = Field(default_factory=TargetsConfig)
    policy: PolicyConfig | None = Field(
        None,
        description="When the gate fails (default: a run without policy and targets is not gated).",
    )
    completion: CompletionConfig = Field(default_factory=CompletionConfig)
    run: RunConfig = Field(default_factory=RunConfig)

    @property
    def gated(self) -> bool:
        """Whether `auditor run` ends with the gate."""
        return self.policy is not None or bool(self.targets.asked())


class GateConfig(Section):
    """A file for ``auditor gate --policy``: what a config says about the gate, on its own."""

    version: Literal[1] = Field(1, description="Version of this format.")
    targets: TargetsConfig = Field(default_factory=TargetsConfig)
    policy: PolicyConfig = Field(default_factory=PolicyConfig)


# What is made of the evidence and by whom, not what it is: these change no byte of audit.json.
NOT_EVIDENCE = ("targets", "policy", "completion", "run")


def load_config(path: Path) -> Config:
    """Read a config file.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or holds a wrong key or value; every
            problem is listed with file, line, value and the nearest known key.
    """
    return resolve([file_layer(path)], name=str(path))


def resolve(layers: Sequence[Layer], *, name: str, check: Check | None = None) -> Config:
    """Return the config that layers give together; a later one wins, the preset lies below all.

    ``check`` yields key and reason of what is wrong with a config that is valid by itself.

    Raises:
        ConfigError: wrong keys or values of any layer, all of them, one a line.
    """
    above = merged(layers, Config)
    remember(above.values)
    preset = above.values.get("audit")
    chosen = preset.get("preset") if isinstance(preset, Mapping) else None
    values = PRESETS.get(chosen, {}) if isinstance(chosen, str) else {}
    below = of_mapping(values, f"preset {chosen}")
    layer = merged([below, above], Config)
    config = _validated(layer, name, Config)
    problems = [
        problem_of(key, above.values, reason, name, layer.origins)
        for key, reason in (check(config) if check else ())
    ]
    if problems:
        raise ConfigError(*problems)
    return config


def parse_config(document: Mapping[str, Any], *, name: str = "options") -> Config:
    """Return the config that ``document`` describes.

    Raises:
        ConfigError: wrong keys or values, all of them, one a line.
    """
    return resolve([Layer(document)], name=name)


def load_gate(path: Path, environment: Mapping[str, str] | None = None) -> GateConfig:
    """Read the sections ``policy`` and ``targets``, of a policy file or of a whole config.

    Variables of the ``environment`` (AUDITOR_POLICY__FAIL_ON) win over the file.

    Raises:
        ConfigError: as `load_config`.
    """
    layers = [file_layer(path), environment_layer(environment or {}, Config)]
    if "model" in layers[0].values:
        config = resolve(layers, name=str(path))
        return GateConfig(targets=config.targets, policy=config.policy or PolicyConfig())
    about = {key: layers[1].values[key] for key in ("policy", "targets") if key in layers[1].values}
    layers[1] = Layer(about, layers[1].origins)
    return _validated(merged(layers, GateConfig), str(path), GateConfig)


def parse_gate(document: Mapping[str, Any]) -> GateConfig:
    """Return the sections ``policy`` and ``targets`` that ``document`` holds.

    Raises:
        ConfigError: wrong keys or values, all of them, one a line.
    """
    return _validated(merged([of_mapping(document, "argument")], GateConfig), "gate", GateConfig)


def _validated(layer: Layer, name: str, model: type[Read]) -> Read:
    found: Read | None = None
    problems = list(layer.problems)
    try:
        found = model.model_validate(layer.values)
    except ValidationError as error:
        problems += problems_of(error, model, name, layer.origins)
    if found is None or problems:
        raise ConfigError(*dict.fromkeys(problems))
    return found


def dump_config(config: Config, *, evidence: bool = False) -> str:
    """Return the resolved config as YAML, every key written out; ``evidence``: only what is."""
    document = config.model_dump(mode="json", exclude=set(NOT_EVIDENCE) if evidence else None)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
