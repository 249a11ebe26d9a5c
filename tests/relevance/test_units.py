"""Directions of dictionaries and heads of attention as concepts of a layer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.conditions import Condition
from auditor.subject.dictionaries import Dictionary, checked, read_dictionary

LAYER = "2"
UNITS = f"{LAYER}:units"


def net(dtype: torch.dtype) -> nn.Sequential:
    """Return a network without biases whose relevance by epsilon is gradient times input."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False),
        nn.ReLU(),
        nn.Conv2d(6, 5, 3, bias=False),
        nn.ReLU(),
        nn.Conv2d(5, 8, 3, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 36, 4, bias=False),
    ).to(dtype)


def dictionary(tmp_path: Path, kind: str, channels: int = 5) -> Dictionary:
    """Return a dictionary read from a file of a kind."""
    torch.manual_seed(1)
    tensors = {"directions": torch.randn(3 if kind == "least squares" else 9, channels)}
    if kind != "least squares":
        tensors["encoder"] = torch.randn(9, channels)
        tensors["bias"] = torch.randn(9) / 10
    path = tmp_path / "made.safetensors"
    save_file(tensors, path, {"activation": "linear" if kind == "linear" else "relu"})
    return checked(read_dictionary(path), "test")


@pytest.mark.parametrize("kind", ["least squares", "relu", "linear"])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_relevance_of_directions_and_the_rest_is_that_of_the_gradient(
    tmp_path: Path, kind: str, dtype: torch.dtype, close: float
) -> None:
    """R_d = z_d <v_d, dlogit/dh>, and the rest is <e, dlogit/dh>: together all of the layer."""
    model, made = net(dtype), dictionary(tmp_path, kind)
    images = torch.rand(2, 3, 12, 12, dtype=dtype)
    explainer = Explainer(model, images[:1], "epsilon", epsilon=0.0, units={UNITS: made})
    targets = torch.tensor([1, 3])
    out = explainer.explain(images, targets, (LAYER, UNITS))
    hidden = model[:3](images).detach().requires_grad_()
    logits = model[3:](hidden)
    (gradient,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), hidden)
    codes = made.encode(hidden.detach().movedim(1, -1).reshape(-1, 5)).reshape(2, 8, 8, -1)
    directions = made.directions.to(dtype)
    wanted = codes * (gradient.movedim(1, -1) @ directions.T)
    scale = float(wanted.abs().max())
    assert torch.allclose(out.relevance[UNITS].movedim(1, -1), wanted, atol=close * scale, rtol=0)
    rest = hidden.detach() - (codes @ directions).movedim(-1, 1)
    assert float((rest * gradient).abs().max()) > 1e-3 * scale  # there is a rest
    whole = out.relevance[UNITS].sum(1) + (rest * gradient).sum(1)
    assert torch.allclose(whole, out.relevance[LAYER].sum(1), atol=close * scale, rtol=0)
    parts = explainer.composition(images, [Condition({})], UNITS, targets)
    bypass = (rest * gradient).sum((1, 2, 3))
    assert torch.allclose(parts.bypass[0].to(dtype), bypass, atol=20 * close * scale, rtol=0)


@pytest.mark.parametrize("kind", ["least squares", "relu"])
def test_a_dictionary_changes_neither_answer_nor_heatmap(tmp_path: Path, kind: str) -> None:
    model, images = net(torch.float64), torch.rand(2, 3, 12, 12, dtype=torch.float64)
    plain = Explainer(model, images[:1])
    with_it = Explainer(model, images[:1], units={UNITS: dictionary(tmp_path, kind)})
    before, after = plain.explain(images), with_it.explain(images)
    assert torch.equal(before.logits, after.logits)
    assert before.heatmap is not None
    assert after.heatmap is not None
    assert torch.allclose(before.heatmap, after.heatmap, atol=1e-12)


@pytest.mark.parametrize("kind", ["least squares", "relu"])
def test_conditional_heatmaps_hold_the_relevance_of_their_direction(
    tmp_path: Path, kind: str
) -> None:
    """What a direction holds at the layer arrives at the pixels, also what its bias made."""
    model, images = net(torch.float64), torch.rand(2, 3, 12, 12, dtype=torch.float64)
    made = dictionary(tmp_path, kind)
    explainer = Explainer(model, images[:1], "epsilon", epsilon=0.0, units={UNITS: made})
    out = explainer.explain(images, layers=(UNITS,))
    count = explainer.channels(UNITS)
    maps = explainer.conditional_heatmaps(images, UNITS, list(range(count)))
    held = out.relevance[UNITS].sum((2, 3)).T
    assert torch.allclose(maps.sum((2, 3)), held, atol=1e-10)
    assert len({round(float(each), 6) for each in maps.sum((2, 3)).flatten()}) > count


def test_switching_directions_off_takes_their_part_out_of_the_activation(tmp_path: Path) -> None:
    model, images = net(torch.float64), torch.rand(2, 3, 12, 12, dtype=torch.float64)
    made = dictionary(tmp_path, "relu")
    explainer = Explainer(model, images[:1], units={UNITS: made})
    keep = torch.ones(2, 9, dtype=torch.bool)
    keep[:, 4] = False
    found = explainer.upper(images, UNITS).logits(keep)
    hidden = model[:3](images).detach()
    codes = made.encode(hidden.movedim(1, -1).reshape(-1, 5)).reshape(2, 8, 8, -1)
    less = codes[..., 4:5] * made.directions[4]
    assert torch.allclose(found, model[3:](hidden - less.movedim(-1, 1)).detach())
    assert not torch.allclose(found, model(images).detach())


def test_a_dictionary_is_of_layers_of_tokens_too(tmp_path: Path) -> None:
    explainer, images = vision_transformer()
    layer = "encoder.layers.encoder_layer_1"
    made = dictionary(tmp_path, "relu", channels=32)
    again = Explainer(explainer[0], images[:1], units={f"{layer}:units": made})
    out = again.explain(images, layers=(layer, f"{layer}:units"))
    assert out.relevance[f"{layer}:units"].shape == (2, 9, 1, 17)
    assert again.geometry(f"{layer}:units") is again.geometry(layer)


@pytest.mark.parametrize(
    ("tensors", "said", "sentence"),
    [
        ({"direction": (3, 5)}, {}, "it must hold directions"),
        ({"directions": (3, 5), "encoder": (5, 3)}, {}, r"encoder is \(5, 3\).*must be \(3, 5\)"),
        ({"directions": (3, 5), "encoder": (3, 5), "bias": (5,)}, {}, r"must be \(3,\)"),
        ({"directions": (3, 5), "bias": (3,)}, {}, "a bias and no encoder"),
        ({"directions": (15,)}, {}, r"must be \(D, C\)"),
        ({"directions": (3, 5)}, {"names": '["a"]'}, "1 names and 3 directions"),
        ({"directions": (3, 5)}, {"names": "a, b"}, "JSON list"),
        ({"directions": (3, 5)}, {"activation": "gelu"}, "relu or linear"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(
    tmp_path: Path, tensors: dict[str, tuple[int, ...]], said: dict[str, str], sentence: str
) -> None:
    path = tmp_path / "wrong.safetensors"
    save_file({name: torch.ones(shape) for name, shape in tensors.items()}, path, said)
    with pytest.raises(ConfigError, match=sentence):
        checked(read_dictionary(path), "audit.units of 'x'")


def test_files_that_are_none_and_directions_of_other_layers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        read_dictionary(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("directions")
    with pytest.raises(ConfigError, match="cannot be read as safetensors"):
        read_dictionary(tmp_path / "text.safetensors")
    made = dictionary(tmp_path, "relu", channels=7)
    with pytest.raises(ConfigError, match=r"give directions \(D, 5\)"):
        Explainer(net(torch.float32), torch.rand(1, 3, 12, 12), units={UNITS: made})
    with pytest.raises(UnknownNameError):
        Explainer(net(torch.float32), torch.rand(1, 3, 12, 12), units={"z:units": made})


def test_names_come_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "named.safetensors"
    save_file({"directions": torch.eye(2)}, path, {"names": json.dumps(["fur", "sky"])})
    assert read_dictionary(path).names == ("fur", "sky")


def vision_transformer() -> tuple[tuple[nn.Module], Tensor]:
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(32, 8, 2, 4, 32, 64, num_classes=5).eval()
    nn.init.normal_(model.heads.head.weight, std=0.2)
    return (model,), torch.rand(2, 3, 32, 32)


def timm_transformer() -> tuple[tuple[nn.Module], Tensor]:
    import timm

    torch.manual_seed(0)
    model = timm.models.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=4, num_classes=5
    ).eval()
    return (model,), torch.rand(2, 3, 32, 32)


def hugging_face_transformer() -> tuple[tuple[nn.Module], Tensor]:
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        image_size=32, patch_size=8, num_labels=5,
    )  # fmt: skip
    return (ViTForImageClassification(config).eval(),), torch.rand(2, 3, 32, 32)


MAKERS = [vision_transformer, timm_transformer, hugging_face_transformer]


def attention_of(explainer: Explainer) -> tuple[str, str]:
    """Name the module of the first attention, and its projection's node."""
    graph = explainer.plan.graph
    node = next(n for n in graph.nodes if n.operation == "scaled_dot_product_attention")
    return node.modules[-1], node.name


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("composite", ["attn-cp-gamma", "attnlrp"])
def test_heads_add_up_to_the_attention(make: object, composite: str) -> None:
    """Heads are blocks of the channels that the projection reads; together they have all of it."""
    (model,), images = make()  # type: ignore[operator]
    model = model.double()
    images = images.double()
    module, _ = attention_of(Explainer(model, images[:1], composite))
    name = f"{module}:heads"
    explainer = Explainer(model, images[:1], composite, units={name: None})
    out = explainer.explain(images, layers=(name,))
    assert out.relevance[name].shape == (2, 4, 17, 8)
    graph, flat = explainer.plan.graph, explainer.layout.nodes[name]
    while len(graph[flat].shape) != 2 and graph[flat].operation != "linear":
        (flat,) = graph.users[flat]
    (projected,) = graph[flat].inputs
    before = Explainer(model, images[:1], composite)
    before.layout.nodes["read"] = projected
    before.layout.axes[projected] = len(graph[projected].shape) - 1
    read = before.explain(images, layers=("read",)).relevance["read"]
    blocks = read.movedim(1, -1).reshape(-1, 4, 8).sum((0, 2))
    assert torch.allclose(out.relevance[name].sum((0, 2, 3)), blocks, atol=1e-10)
    maps = explainer.conditional_heatmaps(images, name, [0, 1, 2, 3, (0, 1, 2, 3)])
    assert torch.allclose(maps[:4].sum(0), maps[4], atol=1e-10)
    assert float(maps[0].abs().max()) > 0


@pytest.mark.parametrize("make", MAKERS)
def test_channels_of_queries_keys_and_values_are_concepts(make: object) -> None:
    (model,), images = make()  # type: ignore[operator]
    module, _ = attention_of(Explainer(model, images[:1]))
    names = [f"{module}:{part}" for part in ("query", "key", "value")]
    explainer = Explainer(model, images[:1], "attnlrp", units=dict.fromkeys(names))
    plain = Explainer(model, images[:1], "attnlrp").explain(images)
    out = explainer.explain(images, layers=names)
    assert torch.equal(plain.logits, out.logits)
    assert torch.equal(plain.heatmap, out.heatmap)  # type: ignore[arg-type]
    for name in names:
        assert out.relevance[name].shape == (2, 32, 1, 17)
        assert float(out.relevance[name].abs().max()) > 0
    with pytest.raises(ConfigError, match="composite: attnlrp"):
        Explainer(model, images[:1], "attn-cp-gamma", units={names[1]: None})


def test_a_layer_without_attention_has_no_heads() -> None:
    (model,), images = vision_transformer()
    with pytest.raises(UnknownNameError, match="layer with attention"):
        Explainer(model, images[:1], units={"conv_proj:heads": None})
    with pytest.raises(ConfigError, match="could be of 2 attentions"):
        Explainer(model, images[:1], units={"encoder:heads": None})
