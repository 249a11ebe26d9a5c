"""A data set as COCO's JSON has it, read as a table: an image is of the category it shows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from auditor.base.errors import DataError
from auditor.config.audit import DataConfig
from auditor.language.speaking import N_
from auditor.subject.table_text import Table

NO_CATEGORY = N_("no annotation")
SEVERAL = N_("annotations of several categories")
BOX = "bbox"
_OF_IMAGES = ("file_name", "id", "width", "height", "coco_url", "flickr_url", "date_captured")
_LISTS = ("images", "annotations", "categories")


def read_coco(data: bytes, name: str, config: DataConfig) -> Table:
    """Return path, category and boxes of the images, and what else is said of each one.

    The columns are called as the config calls path and label, and `BOX`. Images without a category,
    or with several, are counted.

    Raises:
        DataError: another kind of JSON; an entry lacks what it needs, or names one that is not
            there.
    """
    document = _document(data, name)
    categories = _categories(document["categories"], name)
    shown: defaultdict[Any, Counter[Any]] = defaultdict(Counter)
    boxes: defaultdict[Any, list[str]] = defaultdict(list)
    for at, entry in enumerate(document["annotations"]):
        place = f"{name}, annotations[{at}]"
        image, category = _of(entry, "image_id", place), _of(entry, "category_id", place)
        if category not in categories:
            known = ", ".join(str(each) for each in list(categories)[:20])
            raise DataError(
                f"{place}: category_id {category!r} is none of the categories: {known}."
            )
        shown[image][category] += 1
        if entry.get(BOX):
            boxes[image].append(_box(entry[BOX], place))
    images = {_of(entry, "id", f"{name}, images[{at}]"): at for at, entry in _numbered(document)}
    unknown = [image for image in shown if image not in images]
    if unknown:
        raise DataError(
            f"{name}: annotations of {len(unknown)} images that are not listed (the first image_id:"
            f" {unknown[0]!r}); images and annotations have to be of one data set."
        )
    further = sorted({key for entry in document["images"] for key in entry} - set(_OF_IMAGES))
    rows, places, several = [], [], config.labels == "multi"
    left: Counter[str] = Counter()
    for at, entry in _numbered(document):
        of = shown[entry["id"]]
        if len(of) != 1 and not several:
            left[SEVERAL if of else NO_CATEGORY] += 1
            continue
        place = f"{name}, images[{at}]"
        path = str(_of(entry, "file_name", place))
        more = [_cell(entry.get(key)) for key in further]
        label = str([int(each in of) for each in categories]) if several else ""
        rows.append(
            (path, label or categories[next(iter(of))], ";".join(boxes[entry["id"]]), *more)
        )
        places.append(place)
    columns = config.columns
    return Table(
        name,
        (columns.path, columns.labels[0], BOX, *further),
        tuple(rows),
        tuple(places),
        names=tuple(categories.values()),
        left_out=dict(left),
    )


def _document(data: bytes, name: str) -> Mapping[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} is no valid JSON: {error}.") from None
    lists = document if isinstance(document, dict) else {}
    if not all(isinstance(lists.get(key), list) for key in _LISTS):
        raise DataError(
            f"{name} is not laid out as COCO's files are: it needs the lists images (id, "
            "file_name), annotations (image_id, category_id) and categories (id, name)."
        )
    if empty := [key for key in _LISTS if not lists[key]]:
        held = ", ".join(f"{len(lists[key])} {key}" for key in _LISTS if lists[key]) or "nothing"
        raise DataError(
            f"{name}: {' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty, so that no "
            f"image has a class (it holds {held}); give a file with annotations, such as "
            "instances_val2017.json, not one of image infos alone."
        )
    for key in _LISTS:
        for at, entry in enumerate(lists[key]):
            if not isinstance(entry, dict):
                raise DataError(f"{name}, {key}[{at}]: no object but {json.dumps(entry)[:60]}.")
    return lists


def _numbered(document: Mapping[str, Any]) -> list[tuple[int, Any]]:
    return list(enumerate(document["images"]))


def _categories(entries: list[Any], name: str) -> dict[Any, str]:
    """Return the names of the categories by their id, in the order of the ids."""
    found: dict[Any, str] = {}
    for at, entry in enumerate(entries):
        place = f"{name}, categories[{at}]"
        number, title = _of(entry, "id", place), " ".join(str(_of(entry, "name", place)).split())
        if number in found or title in found.values():
            raise DataError(f"{place}: the id {number!r} or the name '{title}' occurs twice.")
        found[number] = title
    return dict(sorted(found.items(), key=lambda each: (isinstance(each[0], str), each[0])))


def _of(entry: Mapping[str, Any], key: str, place: str) -> Any:
    value = entry.get(key)
    if value is None or value == "" or not isinstance(value, int | str):
        raise DataError(f"{place}: it needs {key}, a number or text, and has {value!r}.")
    return value


def _box(value: Any, place: str) -> str:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 4 or not all(isinstance(each, int | float) for each in numbers):
        raise DataError(f"{place}: bbox is {str(value)[:60]}, not [x, y, width, height].")
    return " ".join(f"{each:g}" for each in numbers)


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, int | float | str) else ""
