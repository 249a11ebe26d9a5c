"""Names from a vocabulary: with a tiny CLIP of random weights, and with embeddings made up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auditor.__main__ import run
from auditor.base.errors import ConfigError
from auditor.config.audit import AuditConfig
from auditor.pipeline.clip_namer import ClipNamer, Vocabulary, crop, fitting
from tests.pipeline.small import write_own_model_audit

WORDS = ["red", "green", "stripes"]


def write_clip(folder: Path) -> Path:
    """Write a CLIP with random weights, its tokenizer and its image processor."""
    transformers = pytest.importorskip("transformers")
    import torch

    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    pieces = [*letters, *(f"{each}</w>" for each in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({each: at for at, each in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    small |= {"num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config=small | {"vocab_size": len(tokenizer), "max_position_embeddings": 40},
        vision_config=small | {"image_size": 32, "patch_size": 8},
        projection_dim=12,
    )
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(folder)
    images = transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    transformers.CLIPProcessor(images, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("names")
    write_clip(base / "clip")
    (base / "words.txt").write_text("# mine\n" + "\n".join(["", *WORDS, "red"]))
    return base


def asked(**keys: str) -> AuditConfig:
    return AuditConfig.model_validate({"concept_names": "clip", **keys})


def opened(base: Path) -> Vocabulary:
    namer = ClipNamer()
    namer.prepare(asked(names_model="clip", names_vocabulary="words.txt"), base)
    return namer.opened()


@pytest.mark.filterwarnings("ignore")
def test_embeddings_are_those_of_the_folders_model(base: Path) -> None:
    import torch
    from transformers import CLIPModel, CLIPProcessor

    found = opened(base)
    assert found.words == tuple(WORDS)
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), dtype=bool)
    mask[10:40, 20:50] = True
    look = found.look(picture[None], mask[None])
    model = CLIPModel.from_pretrained(base / "clip").eval()
    processor = CLIPProcessor.from_pretrained(base / "clip")
    texts = [f"a photo of {word}" for word in WORDS]
    given = processor(text=texts, images=[picture[7:43, 17:53]], return_tensors="pt", padding=True)
    with torch.no_grad():
        out = model(**given)
    wanted = out.logits_per_image.double() / model.logit_scale.exp().item()
    assert look @ found.texts.T == pytest.approx(wanted.numpy(), abs=1e-5)


def test_a_crop_is_the_box_with_a_margin_within_the_picture() -> None:
    picture = np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)
    mask = np.zeros((40, 50), dtype=bool)
    mask[0:20, 40:50] = True
    assert crop(picture, mask).shape == (22, 13, 3)  # 13: raised to 16, of which 13 are inside
    mask[:] = False
    assert crop(picture, mask).shape == picture.shape


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_word_that_fits_is_found_though_another_is_near_to_everything() -> None:
    rng = np.random.default_rng(1)
    texts = unit(rng.normal(size=(20, 32)))
    common = 3 * texts[7]  # of all pictures
    groups = [unit(common + texts[at] + 0.2 * rng.normal(size=(8, 32))) for at in range(6)]
    assert fitting(groups, texts, np.random.default_rng(0)) == [0, 1, 2, 3, 4, 5]


def test_of_groups_that_show_nothing_in_common_few_are_named() -> None:
    rng = np.random.default_rng(2)
    texts = unit(rng.normal(size=(50, 32)))
    groups = [unit(rng.normal(size=(8, 32))) for _ in range(300)]
    named = [at for at in fitting(groups, texts, np.random.default_rng(0)) if at is not None]
    assert len(named) <= 27  # binomial, 300 at 5 %: 99.9 % have no more
    assert fitting(groups[:1], texts, np.random.default_rng(0)) == [None]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "needs audit.names_model: a folder with a CLIP"),
        ({"names_model": "clip"}, "needs audit.names_vocabulary: a file with a word a line"),
        ({"names_model": "none", "names_vocabulary": "words.txt"}, "no folder with a config.json"),
        ({"names_model": "clip", "names_vocabulary": "none.txt"}, "'none.txt' cannot be read"),
        ({"names_model": "clip", "names_vocabulary": "one.txt"}, "'one.txt' holds 1 words"),
    ],
)
def test_what_is_missing_is_said_before_the_audit(base: Path, keys: dict, said: str) -> None:
    (base / "one.txt").write_text("one\n")
    with pytest.raises(ConfigError, match=said):
        ClipNamer().prepare(asked(**keys), base)


@pytest.mark.filterwarnings("ignore")
def test_a_folder_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "resnet"}')
    namer = ClipNamer()
    keys = {"names_model": str(tmp_path), "names_vocabulary": "words.txt"}
    namer.prepare(asked(**keys), base)
    with pytest.raises(ConfigError, match="cannot be used as a CLIP"):
        namer.opened()


def test_the_digest_is_of_what_is_in_the_files(base: Path, tmp_path: Path) -> None:
    keys = {"names_model": "clip", "names_vocabulary": "words.txt"}
    first = ClipNamer().prepare(asked(**keys), base)
    (tmp_path / "other.txt").write_text("\n".join(WORDS))
    same = ClipNamer().prepare(
        asked(**keys | {"names_vocabulary": str(tmp_path / "other.txt")}), base
    )
    assert same == first
    (tmp_path / "other.txt").write_text("\n".join([*WORDS, "blue"]))
    other = ClipNamer().prepare(
        asked(**keys | {"names_vocabulary": str(tmp_path / "other.txt")}), base
    )
    assert other["names_model"] == first["names_model"]
    assert other["names_vocabulary"] != first["names_vocabulary"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("hasty")
def test_an_audit_names_concepts_from_the_vocabulary(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"names_model": str(base / "clip"), "names_vocabulary": str(base / "words.txt")}
    config = write_own_model_audit(tmp_path, audit={"concept_names": "clip", **names})
    quick = ["--preset", "quick", "--set", "shortcuts.enabled=false", "--format", "html"]
    assert run(["run", str(config), "--out", str(tmp_path / "runs"), *quick, "--quiet"]) in (0, 4)
    (result,) = (tmp_path / "runs").glob("*/audit.json")
    seen = [str(each["seen"]) for each in json.loads(result.read_text())["concepts"]]
    assert any(seen)
    for each in filter(None, seen):
        assert any(word in each for word in WORDS), each
