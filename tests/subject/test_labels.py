"""Labels meet outputs by rule; what could be guessed is an error that shows what it saw."""

from __future__ import annotations

import re

import pytest

from auditor.base.errors import LabelError
from auditor.subject.imagenet import imagenet_names, imagenet_wnids
from auditor.subject.label_order import naturally
from auditor.subject.labels import match_labels, plain
from auditor.subject.matching import Outputs

ANIMALS = Outputs(3, ("cat", "Polar bear", "dog"))
UNNAMED = Outputs(3, None)
IMAGENET = Outputs(1000, imagenet_names(), True)


def match(labels, outputs, rule="auto", numbering="none", names=None, ordered=False):
    return match_labels(labels, names or labels, outputs, rule, numbering, ordered=ordered)


def test_names_are_compared_plainly() -> None:
    found = match(["polar_bear", "DOG"], ANIMALS)
    assert found.outputs == {"polar_bear": 1, "DOG": 2}
    assert found.classes == ANIMALS.names
    assert found.rule == "by class name"
    assert plain("Great-White__shark ") == plain("great white SHARK") == "great white shark"


def test_imagenet_folders_match_by_wnid_and_by_name() -> None:
    found = match(["n01443537_goldfish", "n01440764"], IMAGENET)
    assert found.outputs == {"n01443537_goldfish": 1, "n01440764": 0}
    assert found.rule == "by ImageNet wnid"
    assert match(["goldfish", "great_white_shark"], IMAGENET).outputs["great_white_shark"] == 2


def test_wnids_suffice_for_a_thousand_unnamed_outputs() -> None:
    found = match(["n01443537"], Outputs(1000, None))
    assert found.classes == imagenet_names()
    with pytest.raises(LabelError):
        match(["n01443537"], Outputs(999, None))


def test_wnids_may_be_the_names_of_the_outputs() -> None:
    found = match(["n01443537_goldfish"], Outputs(2, ("n01440764", "n01443537")))
    assert found.outputs == {"n01443537_goldfish": 1}


def test_the_two_outputs_of_a_single_logit_are_named_by_the_data_or_by_default() -> None:
    binary = Outputs(2, None, single=True)
    assert match(["ok", "scratched"], binary).classes == ("ok", "scratched")
    assert match(["0", "1"], binary, numbering="certain").classes == ("negative", "positive")
    mapped = match(["ok", "bad"], binary, rule={"ok": "negative", "bad": "positive"})
    assert mapped.outputs == {"ok": 0, "bad": 1}
    assert mapped.classes == ("ok", "bad")
    partly = match(["bad"], binary, rule={"bad": 1})
    assert partly.classes == ("negative", "bad")
    with pytest.raises(LabelError, match=r"'negativ', which is no output \(did you mean"):
        match(["ok", "bad"], binary, rule={"ok": "negativ", "bad": 1})


@pytest.mark.parametrize("name", ["crane", "Maillot", "cardigan"])
def test_shared_imagenet_names_are_ambiguous(name: str) -> None:
    with pytest.raises(LabelError, match=f"'{name}' is ambiguous: outputs \\d+ and \\d+"):
        match([name, "goldfish"], IMAGENET)


def test_an_explicit_map_settles_everything() -> None:
    found = match(["a", "b", "c"], ANIMALS, {"a": 2, "b": "Polar-Bear", "c": 2})
    assert found.outputs == {"a": 2, "b": 1, "c": 2}
    found = match(["a", "b"], UNNAMED, {"a": 2, "b": 0})
    assert found.classes == ("b", "output 1", "a")
    assert match(["crane"], IMAGENET, {"crane": 134}).outputs == {"crane": 134}


def test_order_needs_equal_counts_and_unnamed_outputs() -> None:
    found = match(["b", "a", "c"], UNNAMED)
    assert found.outputs == {"a": 0, "b": 1, "c": 2}
    assert found.classes == ("a", "b", "c")
    assert match(["x", "y", "z"], ANIMALS, "order").classes == ANIMALS.names
    found = match(["b"], UNNAMED, names=["a", "b", "c"])
    assert found.outputs["b"] == 1


def test_a_dataset_keeps_its_own_order() -> None:
    found = match(["z", "y", "x"], UNNAMED, ordered=True)
    assert found.outputs == {"z": 0, "y": 1, "x": 2}
    assert found.classes == ("z", "y", "x")


def test_numbers_in_a_table_are_outputs_only_when_there_is_one_for_each() -> None:
    found = match(["0", "2"], UNNAMED, numbering="possible", names=["0", "1", "2"])
    assert found.outputs == {"0": 0, "2": 2}
    assert found.classes == ("output 0", "output 1", "output 2")
    assert (found.guess, found.insist) == (True, "number")
    for outputs in (Outputs(14, tuple(f"finding {at}" for at in range(14))), Outputs(14, None)):
        with pytest.raises(LabelError, match=r"number'? when they count"):
            match(["0", "1"], outputs, numbering="possible")
        assert match(["0", "1"], outputs, "number").outputs == {"0": 0, "1": 1}
    with pytest.raises(LabelError, match="nothing says which outputs they are"):
        match(["0", "2"], UNNAMED, numbering="possible")
    with pytest.raises(LabelError, match="no label of the data is the name of an output"):
        match(["0", "1", "2"], ANIMALS, numbering="possible")
    with pytest.raises(LabelError, match="cannot be matched by order"):
        match(["1", "2"], UNNAMED, numbering="possible")
    assert match(["1", "2"], UNNAMED, numbering="certain").outputs == {"1": 1, "2": 2}


def test_numbers_are_outputs_when_the_config_says_so() -> None:
    assert match(["1", "2"], UNNAMED, "number").outputs == {"1": 1, "2": 2}
    found = match(["130", "988"], IMAGENET, "number", numbering="possible")
    assert [found.classes[found.outputs[label]] for label in ("130", "988")] == [
        "flamingo",
        "acorn",
    ]
    with pytest.raises(LabelError, match="'b' is no number"):
        match(["1", "b"], UNNAMED, "number")
    for outputs in (IMAGENET, UNNAMED):
        with pytest.raises(LabelError, match=r"number'? when they count the outputs from 0"):
            match(["1", "2"], outputs, numbering="possible")


ERRORS = [
    (["cat", "dgo"], ANIMALS, "auto", "none", "1 of 2 labels are no output's name: 'dgo' (did you"),
    (["x", "y", "z"], ANIMALS, "auto", "none", "'x', 'y', 'z'; the 3 outputs are 'cat', 'Polar be"),
    (["x", "y"], UNNAMED, "auto", "none", "2 labels but the model has 3 outputs"),
    (["x", "y"], UNNAMED, "order", "none", "write data.labels as a map"),
    (["cat"], UNNAMED, "name", "none", "set model.classes to 3 names"),
    (["n01443537"], ANIMALS, "wnid", "none", "the 3 outputs of the model are not ImageNet's"),
    (["n99999999"], IMAGENET, "wnid", "none", "1 of 1 labels are not the wnid of an output"),
    (["n01443537", "n01443537_x"], IMAGENET, "auto", "none", "both match output 1"),
    (["Cat", "cat"], ANIMALS, "auto", "none", "'Cat' and 'cat' both match output 0"),
    (["0", "3"], UNNAMED, "auto", "certain", "'3' is no output: the model's outputs are 0 to 2"),
    (["a"], ANIMALS, {"a": 3}, "none", "output 3; the model's outputs are 0 to 2"),
    (["a"], ANIMALS, {"a": -1}, "none", "output -1; the model's outputs are 0 to 2"),
    (["a"], ANIMALS, {"a": "cot"}, "none", "'cot', which is no output (did you mean 'cat'?)"),
    (["a"], UNNAMED, {"a": "cat"}, "none", "outputs of the model have no names"),
    (["a"], IMAGENET, {"a": "crane"}, "none", "ambiguous: outputs 134 and 517"),
    (["a"], ANIMALS, {"a": 0, "b": 1}, "none", "data.labels maps 'b', which the data does not"),
    (["a", "b"], ANIMALS, {"a": 0}, "none", "says nothing about 'b'"),
    (["train", "val"], Outputs(2, None), "auto", "none", "looks like splits"),
]


@pytest.mark.parametrize(("labels", "outputs", "rule", "numbering", "message"), ERRORS)
def test_guesses_are_errors(labels, outputs, rule, numbering, message) -> None:
    with pytest.raises(LabelError, match=re.escape(message)):
        match(labels, outputs, rule, numbering)


TIMM = Outputs(3, None, natural=True)


@pytest.mark.parametrize(
    ("names", "natural"),
    [
        (["class_1", "class_10", "class_2"], ["class_1", "class_2", "class_10"]),
        (["Banana", "apple", "cherry"], ["apple", "Banana", "cherry"]),
        (["1", "10", "2"], ["1", "2", "10"]),
        (["x", "x07", "x7b"], ["x", "x07", "x7b"]),
    ],
)
def test_the_order_is_that_of_the_library_the_model_comes_from(names, natural) -> None:
    code_point, timm = match(names, UNNAMED), match(names, TIMM)
    assert code_point.classes == tuple(names)
    assert timm.classes == tuple(natural)
    assert code_point.guess
    assert timm.guess
    differ = names != natural
    assert code_point.other == (dict(timm.outputs) if differ else None)
    assert timm.other == (dict(code_point.outputs) if differ else None)
    assert (code_point.insist, timm.insist) == ("order", "natural")


def test_natural_order_is_timms_own() -> None:
    utils = pytest.importorskip("timm.utils.misc")
    names = ["b10", "B9", "a", "1", "10", "2", "x-2", "x-10", "\u00c4", "zz", "7up", "Zz1"]
    assert naturally(names) == sorted(names, key=utils.natural_key)


def test_a_stated_order_is_no_guess() -> None:
    stated = match(["b", "B", "c"], UNNAMED, "natural")
    assert not stated.guess
    assert stated.other is None
    assert match(["b10", "b9", "c"], TIMM, "order").classes == ("b10", "b9", "c")


@pytest.mark.parametrize(
    ("rule", "numbering", "labels", "outputs", "guess"),
    [
        ("auto", "none", ["cat", "dog"], ANIMALS, False),
        ("auto", "none", ["n01443537"], IMAGENET, False),
        ("auto", "certain", ["0", "1"], UNNAMED, False),
        ("auto", "possible", ["0", "1", "2"], UNNAMED, True),
        ("auto", "none", ["a", "b", "c"], UNNAMED, True),
        ("order", "none", ["a", "b", "c"], UNNAMED, False),
        ("number", "possible", ["0", "1"], UNNAMED, False),
        ({"a": 0}, "none", ["a"], UNNAMED, False),
    ],
)
def test_only_order_and_numbers_that_nobody_stated_are_guesses(
    rule, numbering, labels, outputs, guess
) -> None:
    assert match(labels, outputs, rule, numbering).guess == guess


def test_a_datasets_own_order_is_a_guess_without_another() -> None:
    found = match(["z10", "z9", "A"], UNNAMED, ordered=True)
    assert found.guess
    assert found.other is None


def test_long_lists_are_cut() -> None:
    labels = [f"label {number}" for number in range(50)]
    with pytest.raises(LabelError, match=r"\(50 in all\)") as caught:
        match(labels, IMAGENET)
    assert len(str(caught.value)) < 700


def test_the_wnid_list_is_imagenets() -> None:
    wnids = imagenet_wnids()
    assert len(wnids) == len(set(wnids)) == 1000
    assert list(wnids) == sorted(wnids)
    assert all(re.fullmatch(r"n\d{8}", wnid) for wnid in wnids)
    # Goldfish, tench, Egyptian cat, toilet paper: public facts at both ends and in the middle.
    assert [wnids.index(w) for w in ("n01440764", "n01443537", "n02124075", "n15075141")] == [
        0,
        1,
        285,
        999,
    ]
    assert len(imagenet_names()) == 1000


def test_the_wnid_list_agrees_with_the_shared_photographs(shared_data) -> None:
    lines = (shared_data / "imagenet_photos" / "attribution.csv").read_text().splitlines()
    wnids = imagenet_wnids()
    for line in lines[1:]:
        _, index, wnid, *_ = line.split(",")
        assert wnids[int(index)] == wnid
    assert len(lines) == 1001
