"""What the builders of the analyses share: names, reference crops and pictures by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditor.records.part import Crop, Picture, SampleView
from auditor.records.stages import Illustration, SamplePicture, Samples, UnitPicture
from auditor.report.sections.concepts import IllustrationKey, group_illustrations, reference_crops


@dataclass(frozen=True, eq=False)
class Shelf:
    """Everything with a picture, by what it shows."""

    samples: Samples
    crops: Mapping[IllustrationKey, list[Illustration]]
    photos: Mapping[int, SamplePicture]
    units: Mapping[tuple[str, str, int, int | None], list[UnitPicture]]

    def class_name(self, output: int) -> str:
        """Return the name of a class."""
        return self.samples.manifest.classes[output]

    def of_concept(
        self, layer: str, concept: int, count: int, output: int | None = None
    ) -> list[Crop]:
        """Return the best reference crops of a concept: of a class first, then over all data."""
        found = reference_crops(self.crops, layer, concept, self.samples)
        if output is not None:
            own = reference_crops(self.crops, layer, concept, self.samples, output=output)
            known = {crop.sample for crop in own}
            found = own + [crop for crop in found if crop.sample not in known]
        return found[:count]

    def of_unit(self, layer: str, kind: str, unit: int, output: int | None) -> list[Picture]:
        """Return the pictures of a unit, captioned with the class they explain."""
        found = self.units.get((layer, kind, unit, output), [])
        return [
            each.picture.model_copy(
                update={"caption": self.class_name(int(self.samples.target[each.row]))}
            )
            for each in found
        ]

    def of_samples(self, rows: Sequence[int]) -> list[SampleView]:
        """Return the rows that have pictures, in their order."""
        names = self.samples.manifest.classes
        return [
            SampleView(
                sample=self.samples.manifest.paths[row],
                label=names[self.samples.labels[row]],
                prediction=names[self.samples.prediction[row]],
                photo=self.photos[row].photo,
                heatmap=self.photos[row].heatmap,
            )
            for row in map(int, rows)
            if row in self.photos
        ]


def shelf(
    samples: Samples,
    illustrations: Sequence[Illustration],
    photos: Sequence[SamplePicture],
    units: Sequence[UnitPicture],
) -> Shelf:
    """Return all pictures, sorted by what they show."""
    by_unit: dict[tuple[str, str, int, int | None], list[UnitPicture]] = {}
    for each in units:
        by_unit.setdefault((each.layer, each.kind, each.unit, each.output), []).append(each)
    return Shelf(
        samples, group_illustrations(illustrations), {each.row: each for each in photos}, by_unit
    )
