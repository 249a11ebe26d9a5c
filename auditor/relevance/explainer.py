"""The relevance engine as a library: ``auditor.Explainer``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, get_args

import torch
from torch import Tensor, nn

from auditor.base.errors import ConfigError, ModelError, UnknownNameError
from auditor.relevance.graph.capture import capture
from auditor.relevance.graph.geometry import Geometry
from auditor.relevance.graph.graph import Node
from auditor.relevance.graph.labels import about
from auditor.relevance.graph.layers import Layers, find
from auditor.relevance.rules.composites import choose
from auditor.relevance.rules.rule import Bias, Settings, Signed
from auditor.relevance.sweep.accumulate import Flow
from auditor.relevance.sweep.conditions import (
    Concept,
    Condition,
    Mask,
    check_below,
    check_index,
    masks_of,
    selection,
)
from auditor.relevance.sweep.decomposition import Composition, composition
from auditor.relevance.sweep.finite import NonFinite, first_non_finite
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.forward import Forward, forward, run
from auditor.relevance.sweep.halving import in_halves, joined
from auditor.relevance.sweep.last_linear import LastLinear, last_linear
from auditor.relevance.sweep.numerics import exact
from auditor.relevance.sweep.partial import Upper, upper
from auditor.relevance.sweep.plan import notes, plan
from auditor.relevance.sweep.results import (
    Explanation,
    Statistics,
    joined_explanations,
    joined_statistics,
    totals,
)
from auditor.relevance.sweep.reverse import between, one_hot, reverse
from auditor.relevance.sweep.sweeps import Job, relevance_at, sweeps
from auditor.relevance.sweep.units import with_units
from auditor.subject.dictionaries import Dictionary
from auditor.subject.scores import Scores


class Explainer:
    """Explain an image classifier by Concept Relevance Propagation.

    ``example`` is an image (1, 3, H, W) in the preprocessing of the model; all images must have
    its size. ``composite``: a name from ``auditor.relevance.rules.composites.COMPOSITES``, 'auto',
    or a mapping of your own: ``base`` (a name), ``operations`` (operation: rule) and ``layers``
    (pattern of layer names: rule), with the rules of ``auditor.relevance.rules.composites.RULES``.
    ``epsilon`` stabilises every denominator. ``bias``: 'absorb' or 'exclude': whether biases take
    a share of the relevance. ``gamma``: of the gamma rule, None for the composite's own.
    ``signed``: rules for inputs of both signs run where the sign is not 'known', on 'both'
    everywhere, or nowhere ('positive'). ``box``: lowest and highest pixel values after
    preprocessing, each (1, 3, 1, 1), for the z-box rule; without it, each image's own range.
    ``output`` names the result that holds the logits when the model returns several ('logits',
    '1', 'aux.0'). A single logit z is taken as the pair (-z/2, z/2). ``scores``: what the outputs
    are, 'logits' or 'probabilities'; 'auto' looks at the answers for ``pictures`` (B, 3, H, W), the
    example and inputs far from any picture. ``labels``: the logits of the thresholds of several
    labels for a picture; a last output of 0 then stands for the absence of each, and the surest
    label is explained where no target is given.
    ``units``: layers besides whose concepts are no channels: ``NAME:units`` with a `Dictionary` of
    directions of layer NAME; ``NAME:heads``, and ``NAME:query``, ``NAME:key`` and ``NAME:value``,
    of the attention in NAME, with None.

    ``plan`` and ``layout`` are what it works with: every node's rule, and where the layers are.
    The model is captured in evaluation and left as it was. Change its weights, and you need a
    new Explainer. Raises CaptureError, ModelError and UnknownNameError.
    """

    def __init__(
        self,
        model: nn.Module,
        example: Tensor,
        composite: str | Mapping[str, Any] = "auto",
        *,
        epsilon: float = 1e-6,
        bias: Bias = "absorb",
        gamma: float | None = None,
        signed: Signed = "known",
        box: tuple[Tensor, Tensor] | None = None,
        output: str | None = None,
        scores: str = "auto",
        pictures: Tensor | None = None,
        labels: Sequence[float] | None = None,
        device: torch.device | str | None = None,
        units: Mapping[str, Dictionary | None] | None = None,
    ) -> None:
        if bias not in get_args(Bias):
            raise UnknownNameError("bias", bias, get_args(Bias))
        if signed not in get_args(Signed):
            raise UnknownNameError("treatment of signed inputs", signed, get_args(Signed))
        if example.dim() != 4 or example.shape[0] != 1:
            raise ConfigError(
                f"the example must be one image of shape (1, 3, height, width), not "
                f"{tuple(example.shape)}."
            )
        weight = next(iter(model.parameters()), example)
        self.device = torch.device(device) if device is not None else weight.device
        self.dtype = weight.dtype
        self.image_shape: tuple[int, ...] = tuple(example.shape[1:])
        with exact(self.device):
            graph = capture(
                model, example.detach().to(weight), self.device,
                output=output, scores=scores, pictures=pictures, offsets=labels,
            )  # fmt: skip
            chosen = choose(composite, graph)
            favour = chosen.gamma if gamma is None else gamma
            settings = Settings(epsilon, bias, favour, box)
            planned = plan(graph, chosen, settings, signed=signed)
        self.layout: Layers
        self.plan, self.layout = with_units(planned, find(planned.graph), units or {})
        self.offsets = None if labels is None else tuple(labels)

    def about(self, label: int) -> Explainer:
        """Return the explainer of the question whether one of several labels is present."""
        single = copy(self)
        single.plan = replace(self.plan, graph=about(self.plan.graph, label))
        return single

    @property
    def composite(self) -> str:
        """Name the composite in use."""
        return self.plan.composite.name

    @property
    def program(self) -> str:
        """Identify the captured program: with the weights' digest, what the model answers."""
        return self.plan.graph.program

    @property
    def layers(self) -> tuple[str, ...]:
        """Name the layers whose channels can be concepts, in forward order."""
        return tuple(self.layout.nodes)

    @property
    def classes(self) -> int:
        """Return the number of logits."""
        return self.plan.graph[self.plan.graph.output].shape[1]

    @property
    def scores(self) -> Scores:
        """Return what the model's own outputs are, whose logits are explained."""
        return self.plan.graph.scores

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the results must know about how they were made."""
        return notes(self.plan)

    def channels(self, layer: str) -> int:
        """Return the number of channels of a layer."""
        return self.layout.channels(layer)

    def cuts(self, layer: str) -> bool:
        """Tell whether every path from the image to the logits passes through the layer."""
        return self.layout.cuts(layer)

    def geometry(self, layer: str) -> Geometry | str:
        """Return where the positions of a layer lie in the picture, or why they have no place."""
        with exact(self.device):
            return self.layout.geometry(layer)

    def automatic_layers(self) -> tuple[str, ...]:
        """Return a layer in the middle and the last block's output, preferring those that cut.

        Raises:
            ModelError: the model has no layer that could hold concepts.
        """
        chosen = self.layout.automatic()
        if not chosen:
            raise ModelError(
                "the model has nothing to audit: no layer lies between the picture and the logits "
                "(as in a single linear layer), or none holds one map for each picture (where "
                "patches go through it as pictures of their own), so that there are no concepts to "
                "look for; give a model with a hidden layer."
            )
        return chosen

    def rule_table(self) -> tuple[tuple[Node, str], ...]:
        """Return every node that relevance reaches, in forward order, with the name of its rule."""
        graph, rules = self.plan.graph, self.plan.rules
        reached = graph.ancestors({graph.output})
        return tuple(
            (node, rules[node.name].name)
            for node in graph.nodes
            if node.name in rules and node.name in reached
        )

    def predict(self, images: Tensor) -> Tensor:
        """Return the logits (B, K) of images (B, 3, H, W)."""
        with exact(self.device):
            return joined(
                in_halves(lambda part: run(self.plan.graph, self.batch(images[part])), len(images))
            )

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the activation (B, C, h, w) of each layer, by one forward pass."""
        nodes = {layer: self.layout.node(layer).name for layer in layers}

        def maps(part: slice) -> dict[str, Tensor]:
            values = run(self.plan.graph, self.batch(images[part]), nodes.values())
            return {layer: self._maps(layer, values[name]) for layer, name in nodes.items()}

        with exact(self.device):
            parts = in_halves(maps, len(images))
        return {layer: joined([part[layer] for part in parts]) for layer in nodes}

    def last_linear(self) -> LastLinear | None:
        """Return the linear operation that gives the logits, None where none does."""
        return last_linear(self.plan.graph)

    def penultimate(self, images: Tensor) -> Tensor:
        """Return what the last linear operation reads of images, (B, D).

        Raises:
            ModelError: the logits do not come from a linear operation.
        """
        head = self.last_linear()
        if head is None:
            raise ModelError("the logits of this model do not come from a linear layer.")
        source = (head.source,)
        with exact(self.device):
            parts = in_halves(
                lambda part: run(self.plan.graph, self.batch(images[part]), source), len(images)
            )
        return joined([part[head.source] for part in parts])

    def upper(self, images: Tensor, layer: str) -> Upper:
        """Return the model from a layer on, ready to be run with some channels replaced."""
        node, axis = self.layout.node(layer), self.layout.axis(layer)
        return upper(self.plan.graph, node, axis, self.batch(images))

    def explain(
        self,
        images: Tensor,
        targets: Tensor | None = None,
        layers: Sequence[str] = (),
        *,
        heatmap: bool = True,
    ) -> Explanation:
        """Return the relevance of a batch at the layers and, with ``heatmap``, at the pixels.

        ``targets`` (B,) are the classes to explain, None for the predicted ones. Without
        ``heatmap`` the sweep ends at the lowest of the layers.
        """
        graph = self.plan.graph
        nodes = {layer: self.layout.node(layer).name for layer in layers}
        wanted = set(nodes.values()) | ({graph.input} if heatmap else set())

        def explained(part: slice) -> Explanation:
            batch = self.batch(images[part])
            passed, chosen, flow = self._swept(batch, _some(targets, part), wanted)
            kept = passed.activations
            relevance = {
                layer: self._maps(layer, relevance_at(flow, name, kept[name]))
                for layer, name in nodes.items()
            }
            activation = {layer: self._maps(layer, kept[name]) for layer, name in nodes.items()}
            pixels = None
            conservation = None
            if heatmap:
                pixels = relevance_at(flow, graph.input, batch).sum(1)
                logits = passed.logits.gather(1, chosen[:, None])[:, 0]
                conservation = pixels.sum((1, 2)) / logits
            return Explanation(passed.logits, chosen, relevance, activation, pixels, conservation)

        self._check_targets(targets, images)
        with exact(self.device):
            return joined_explanations(in_halves(explained, len(images)))

    def statistics(
        self, images: Tensor, layers: Sequence[str], targets: Tensor | None = None
    ) -> Statistics:
        """Return the relevance of every concept of the layers in every image, and its peak.

        It is ``explain`` without the heatmap, with one layer's maps at a time in memory.
        """
        nodes = {layer: self.layout.node(layer).name for layer in layers}

        def found(part: slice) -> Statistics:
            batch = self.batch(images[part])
            passed, chosen, flow = self._swept(batch, _some(targets, part), set(nodes.values()))
            by_layer = {}
            for layer, name in nodes.items():
                activation = passed.activations[name]
                relevance = self.layout.maps(layer, relevance_at(flow, name, activation))
                by_layer[layer] = totals(relevance, self.layout.maps(layer, activation))
            return Statistics(passed.logits, chosen, by_layer)

        self._check_targets(targets, images)
        with exact(self.device):
            return joined_statistics(in_halves(found, len(images)))

    def _swept(
        self, batch: Tensor, targets: Tensor | None, wanted: set[str]
    ) -> tuple[Forward, Tensor, Flow]:
        """Run a batch forward and send the relevance of its targets to the wanted nodes."""
        graph = self.plan.graph
        needed = between(graph, wanted, {graph.output})
        passed = forward(self.plan, batch, wanted, needed)
        chosen = self._explained(targets, passed.logits)
        seed = one_hot(chosen, passed.logits.shape[1], passed.logits)
        fold = Fold.one_each(batch.shape[0])
        flow = reverse(self.plan, passed.saved, {graph.output: seed}, wanted, fold)
        return passed, chosen, flow

    def conditional_heatmaps(
        self,
        images: Tensor,
        layer: str,
        concepts: Sequence[Concept],
        targets: Tensor | None = None,
    ) -> Tensor:
        """Return the heatmap (K, B, H, W) of every concept of a layer on every image.

        A concept is a channel, a tuple of channels (a subspace), a direction (C,) or a
        ``Selection`` of these and of positions.
        """
        wanted = [Condition({layer: concept}) for concept in concepts]
        return self.condition_heatmaps(images, wanted, targets)

    def condition_heatmaps(
        self, images: Tensor, conditions: Sequence[Condition], targets: Tensor | None = None
    ) -> Tensor:
        """Return the heatmap (K, B, H, W) of every condition on every image."""
        count = images.shape[0]
        chains = [self._masks(condition) for condition in conditions]
        jobs = _product(chains, count)
        return self._heatmaps(images, jobs, targets).reshape(len(chains), count, *images.shape[2:])

    def paired_heatmaps(
        self,
        images: Tensor,
        layer: str,
        samples: Sequence[int],
        concepts: Sequence[Concept],
        targets: Tensor | None = None,
        positions: Sequence[int | None] | None = None,
    ) -> Tensor:
        """Return the heatmap (P, H, W) of ``concepts[p]`` on ``images[samples[p]]``.

        ``positions``: flat indices into h x w; pair p starts from this position of the layer
        only, from all of them where it is None.
        """
        starts = [None] * len(samples) if positions is None else list(positions)
        if not len(samples) == len(concepts) == len(starts):
            raise ConfigError(
                f"{len(samples)} samples, {len(concepts)} concepts and {len(starts)} positions do "
                "not pair up: give one of each per heatmap."
            )
        jobs = []
        wanted = zip(samples, concepts, starts, strict=True)
        for row, (sample, concept, position) in enumerate(wanted):
            check_index(sample, images.shape[0], "sample", layer)
            chosen = selection(concept)
            if position is not None:
                chosen = replace(chosen, positions=int(position))
            jobs.append(Job(row, int(sample), self._masks(Condition({layer: chosen}))))
        return self._heatmaps(images, jobs, targets)

    def conditional_relevance(
        self,
        images: Tensor,
        conditions: Sequence[Condition],
        layers: Sequence[str],
        targets: Tensor | None = None,
        *,
        summed: bool = False,
    ) -> dict[str, Tensor]:
        """Return the relevance (K, B, C', h', w') of lower layers under every condition.

        This is what a composition graph needs: the concept of a layer decomposed into those of
        lower ones. The layers must lie on or below the lowest layer of every condition.
        ``summed``: over positions, (K, B, C'), in less memory.
        """
        nodes = {layer: self.layout.node(layer) for layer in layers}
        chains = [self._masks(condition) for condition in conditions]
        if not chains:
            raise ConfigError("no condition was given; Condition({}) asks for the whole flow.")
        for masks in chains:
            for layer in layers:
                check_below(self.layout, masks, layer)
        jobs = _by_picture(_product(chains, images.shape[0]))
        rows_of: dict[str, list[Tensor | None]] = {layer: [None] * len(jobs) for layer in layers}
        with exact(self.device):
            batch = self.batch(images)
            chosen = None if targets is None else self._targets(targets, batch)
            wanted = {node.name for node in nodes.values()}

            def fill(part: slice) -> None:
                for chunk in sweeps(self.plan, batch, chosen, jobs[part], wanted):
                    for layer, node in nodes.items():
                        activation = chunk.fold.gather(chunk.activations[node.name], node.batch)
                        maps = self._maps(layer, relevance_at(chunk.flow, node.name, activation))
                        maps = maps.sum((2, 3)) if summed else maps
                        for row, each in zip(chunk.rows, maps, strict=True):
                            rows_of[layer][row] = each

            in_halves(fill, len(jobs), of_picture=len(chains))
        shape = (len(chains), images.shape[0])
        stacked = {
            layer: torch.stack([row for row in rows if row is not None])
            for layer, rows in rows_of.items()
        }
        return {layer: each.reshape(*shape, *each.shape[1:]) for layer, each in stacked.items()}

    def leads_to(self, upper: str, lower: str) -> bool:
        """Tell whether relevance can reach layer ``lower`` from layer ``upper``."""
        above, below = self.layout.node(upper).name, self.layout.node(lower).name
        return above != below and below in self.plan.graph.ancestors({above})

    def composition(
        self,
        images: Tensor,
        conditions: Sequence[Condition],
        layer: str,
        targets: Tensor | None = None,
    ) -> Composition:
        """Return what of every condition arrives at the channels of a layer, and what passes it by.

        The conditions must name the same layers, all of them above ``layer``; ``Condition({})``
        decomposes the explained logit itself.
        """
        chains = [self._masks(condition) for condition in conditions]
        for masks in chains:
            check_below(self.layout, masks, layer)

        def part_of(part: slice) -> Composition:
            batch = self.batch(images[part])
            some = _some(targets, part)
            chosen = self._targets(some, batch) if some is not None else None
            return composition(
                self.plan, self.layout, batch, chosen, _product(chains, len(batch)), layer
            )

        self._check_targets(targets, images)
        with exact(self.device):
            parts = in_halves(part_of, len(images))
        return Composition(
            joined([part.arrives for part in parts], 1), joined([part.bypass for part in parts], 1)
        )

    def _heatmaps(self, images: Tensor, jobs: list[Job], targets: Tensor | None) -> Tensor:
        name = self.plan.graph.input
        with exact(self.device):
            batch = self.batch(images)
            chosen = None if targets is None else self._targets(targets, batch)
            result = batch.new_zeros((len(jobs), *batch.shape[2:]))
            ordered = _by_picture(jobs)

            def fill(part: slice) -> None:
                for chunk in sweeps(self.plan, batch, chosen, ordered[part], {name}):
                    pixels = chunk.fold.gather(chunk.activations[name])
                    result[chunk.rows] = relevance_at(chunk.flow, name, pixels).sum(1)

            in_halves(fill, len(jobs), of_picture=max(1, len(jobs) // len(batch)))
        return result

    def _masks(self, condition: Condition) -> tuple[Mask, ...]:
        like = torch.empty((), dtype=self.dtype, device=self.device)
        return masks_of(condition, self.layout, like)

    def non_finite(
        self, images: Tensor, targets: Tensor | None = None
    ) -> tuple[NonFinite | None, ...]:
        """Return, for each image, the operation where NaN or infinity first appears, if any."""
        return first_non_finite(self.plan, self.batch(images), targets)

    def _maps(self, layer: str, values: Tensor) -> Tensor:
        """Return (B, C, h, w)."""
        return self.layout.maps(layer, values)

    def batch(self, images: Tensor) -> Tensor:
        """Return images as the engine takes them; raise ConfigError for those of another shape."""
        if tuple(images.shape[1:]) != self.image_shape or images.shape[0] == 0:
            raise ConfigError(
                f"images of shape {tuple(images.shape)} do not fit: the model was captured for "
                f"(batch, {', '.join(str(each) for each in self.image_shape)})."
            )
        moved = images.detach().to(self.device, self.dtype)
        return moved.contiguous(memory_format=torch.channels_last)

    def _check_targets(self, targets: Tensor | None, images: Tensor) -> None:
        """Raise ConfigError where there is not one target an image, before a batch is cut."""
        if targets is not None:
            self._targets(targets, images)

    def _explained(self, targets: Tensor | None, logits: Tensor) -> Tensor:
        """Return the outputs to explain; of several labels the surest where that is the absence."""
        if self.offsets is None:
            return self._targets(targets, logits)
        surest = logits[:, :-1].argmax(1)
        if targets is None:
            return surest
        chosen = self._targets(targets, logits)
        return torch.where(chosen == self.classes - 1, surest, chosen)

    def _targets(self, targets: Tensor | None, logits: Tensor) -> Tensor:
        if targets is None:
            return logits.argmax(1)
        chosen = torch.as_tensor(targets, device=self.device).long()
        if chosen.shape != (logits.shape[0],) or not bool(
            ((chosen >= 0) & (chosen < self.classes)).all()
        ):
            raise ConfigError(
                f"targets must be {logits.shape[0]} class indices from 0 to {self.classes - 1}, "
                f"one per image; got {chosen.tolist()}."
            )
        return chosen


def _some(targets: Tensor | None, part: slice) -> Tensor | None:
    return None if targets is None else targets[part]


def _by_picture(jobs: list[Job]) -> list[Job]:
    """Return jobs image by image, so that parts of them have few images in common."""
    return sorted(jobs, key=lambda job: (job.image, job.row))


def _product(chains: Sequence[tuple[Mask, ...]], images: int) -> list[Job]:
    """Return a job for every condition on every image, conditions first."""
    return [
        Job(row * images + image, image, masks)
        for row, masks in enumerate(chains)
        for image in range(images)
    ]
