"""The pictures that several sections show, by what they show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.records.part import Crop, Picture, SampleView
from auditor.records.stages import Illustration, Samples, UnitPicture

CropKey = tuple[str, int, int | None, str]


@dataclass(frozen=True, eq=False)
class Shelf:
    """Everything with a picture, by what it shows; reference crops best first."""

    samples: Samples
    crops: Mapping[CropKey, list[Crop]]
    photos: Mapping[int, SampleView]
    units: Mapping[tuple[str, str, int, int | None], list[UnitPicture]]

    def class_name(self, output: int) -> str:
        """Return the name of a class."""
        return self.samples.manifest.classes[output]

    def references(
        self, layer: str, concept: int, output: int | None = None, origin: str = "relevance"
    ) -> list[Crop]:
        """Return the reference crops of a concept, of a class or over all data."""
        return self.crops.get((layer, concept, output, origin), [])

    def of_concept(self, layer: str, concept: int, count: int, output: int) -> list[Crop]:
        """Return a class's own reference crops, filled up to ``count`` with the best of all."""
        own = self.references(layer, concept, output)
        known = {crop.sample for crop in own}
        others = [crop for crop in self.references(layer, concept) if crop.sample not in known]
        return own + others[: max(0, count - len(own))]

    def of_unit(self, layer: str, kind: str, unit: int, output: int | None) -> list[Picture]:
        """Return the pictures of a unit, captioned with the class they explain."""
        return [each.picture for each in self.units.get((layer, kind, unit, output), [])]

    def of_samples(self, rows: Iterable[int]) -> list[SampleView]:
        """Return the rows that have pictures, in their order."""
        return [self.photos[row] for row in map(int, rows) if row in self.photos]


def shelf(
    samples: Samples,
    illustrations: Sequence[Illustration],
    photos: Mapping[int, SampleView],
    units: Sequence[UnitPicture],
) -> Shelf:
    """Return all pictures, sorted by what they show."""
    by_unit: dict[tuple[str, str, int, int | None], list[UnitPicture]] = defaultdict(list)
    for each in units:
        by_unit[each.layer, each.kind, each.unit, each.output].append(each)
    crops: dict[CropKey, list[Crop]] = defaultdict(list)
    for item in sorted(illustrations, key=lambda item: (-item.crop.score, item.row)):
        crops[item.layer, item.concept, item.output, item.origin].append(item.crop)
    return Shelf(samples, dict(crops), photos, dict(by_unit))
