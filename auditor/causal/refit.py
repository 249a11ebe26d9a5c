"""Fit the last linear layer anew on pictures of all classes that carry a finding's region.

Deep feature reweighting (Kirichenko et al. 2023): what a shortcut spoils is mostly the last layer,
and a few hundred pictures in which the region says nothing of the class are enough to fit it again.
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from auditor.causal.fold import Site

# Steps of L-BFGS; a convex problem of this kind is solved in far fewer.
STEPS = 200


def refitted(
    model: nn.Module,
    site: Site,
    features: Float[Tensor, "picture channel"],
    labels: Int[Tensor, "picture"],
    pull: float,
) -> nn.Module:
    """Return a copy of a model whose last linear layer is fitted to features and their labels.

    By cross-entropy, plus ``pull`` times half the mean square of what changes in each logit:
    without it a few pictures would be learnt by heart.
    """
    mended = copy.deepcopy(model)
    head = mended.get_submodule(site.modules[0])
    assert isinstance(head, nn.Linear)
    scale = features.std(dim=0).clamp_min(1e-6)
    # Only a bias can take up what centring adds to every logit.
    centre = features.mean(dim=0) * float(head.bias is not None)
    inputs = ((features - centre) / scale).double()
    weight = head.weight.detach().double()
    before = features.double() @ weight.T
    if head.bias is not None:
        before = before + head.bias.detach().double()
    change = torch.zeros(len(weight), features.shape[1] + 1, dtype=torch.double)
    change = change.to(features.device).requires_grad_()
    ones = torch.ones(len(inputs), 1, dtype=torch.double, device=inputs.device)
    wide = torch.cat([inputs, ones * float(head.bias is not None)], dim=1)
    solver = torch.optim.LBFGS([change], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        moved = wide @ change.T
        total = functional.cross_entropy(before + moved, labels) + pull / 2 * (moved**2).mean()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch.enable_grad():
        solver.step(loss)  # type: ignore[no-untyped-call]
    found = change.detach()
    with torch.no_grad():
        own = found[:, :-1] / scale.double()
        head.weight.add_(own.to(head.weight))
        if head.bias is not None:
            head.bias.add_((found[:, -1] - own @ centre.double()).to(head.bias))
    return mended
