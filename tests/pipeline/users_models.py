"""Models as people write them: one function each, which ``auditor`` is given as path:function.

They take RGB pictures of 32 x 32 pixels and tell three kinds of stripes apart (or give one logit).
Heads are fitted, other weights are random. What the command does with each is said in
``test_users_models.py``.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchvision import transforms
from torchvision.transforms import v2

from tests.pipeline.small import picture

CLASSES = 3
SIDE = 32


def body() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
    )  # fmt: skip


def plain(outputs: int = CLASSES) -> nn.Module:
    """Return the network that most of the others have inside; it tells the textures apart."""
    head = nn.Linear(12 * 16, outputs)
    features = nn.Sequential(*body(), nn.Flatten()).eval()
    rng = np.random.default_rng(5)
    kinds = np.arange(60) % max(outputs, 2)
    shown = np.stack([picture(int(kind), rng)[:SIDE, :SIDE] for kind in kinds])
    with torch.no_grad():
        seen = features(torch.tensor(shown).permute(0, 3, 1, 2) / 255)
        centre = seen.mean(0)
        wanted = torch.eye(max(outputs, 2))[kinds][:, -outputs:] * 6 - 3
        ridge = (seen - centre).T @ (seen - centre) + 1e-3 * torch.eye(seen.shape[1])
        head.weight.copy_(torch.linalg.solve(ridge, (seen - centre).T @ wanted).T)
        head.bias.copy_(wanted.mean(0) - head.weight @ centre)
    return nn.Sequential(*features, head)


class Around(nn.Module):
    """A network inside a module that ``before`` and ``after`` give its ways."""

    def __init__(
        self,
        before: Callable[[Tensor], Any] = lambda x: x,
        after: Callable[[Tensor], Any] = lambda y: y,
        model: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.model = plain() if model is None else model
        self.before, self.after = before, after

    def forward(self, x: Tensor) -> Any:
        return self.after(self.model(self.before(x)))


class Features(nn.Module):
    """Convolutions, a function of their feature maps, and a head."""

    def __init__(self, between: Callable[[Tensor], Tensor], width: int = 12) -> None:
        super().__init__()
        self.body = body()
        self.between = between
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self.body(x)))


# --- how a model is called ---


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 12, 3, padding=1)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        x = F.leaky_relu(self.second(x), 0.1)
        return self.head(F.dropout(x.mean((2, 3)), training=self.training))


def functional() -> nn.Module:
    return Functional()


class OfFunctions(nn.Module):
    """Parameters and functions, and no module inside."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = nn.Parameter(torch.randn(8, 3, 3, 3, generator=generator) * 0.2)
        self.second = nn.Parameter(torch.randn(12, 8, 3, 3, generator=generator) * 0.1)
        self.last = nn.Parameter(torch.randn(12, CLASSES, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(x, self.first, padding=1))
        return F.relu(F.conv2d(x, self.second, stride=2)).mean((2, 3)) @ self.last


def of_functions() -> nn.Module:
    return OfFunctions()


def wrapped() -> nn.Module:
    return Around()


class Starred(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = plain()

    def forward(self, *args: Any) -> Any:
        return self.model(*args)


class StarredTwice(Starred):
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.model(*args, **kwargs)


class Named(Starred):
    def forward(self, pixel_values: Tensor | None = None, labels: Any = None, **kwargs: Any) -> Any:
        if pixel_values is None:
            raise ValueError("pixel_values is needed")
        answer = {"logits": self.model(pixel_values)}
        if labels is not None:
            answer["loss"] = F.cross_entropy(answer["logits"], labels)
        return answer


def args() -> nn.Module:
    return Starred()


def args_and_kwargs() -> nn.Module:
    return StarredTwice()


def named_argument() -> nn.Module:
    return Named()


class KeywordOnly(Starred):
    def forward(self, *, image: Tensor) -> Any:
        return self.model(image)


def keyword_only() -> nn.Module:
    return KeywordOnly()


class TwoInputs(Starred):
    def forward(self, x: Tensor, mask: Tensor) -> Any:
        return self.model(x * mask)


def two_inputs() -> nn.Module:
    return TwoInputs()


def dictionary() -> nn.Module:
    return Around(after=lambda y: {"logits": y, "features": y[:, :2, None, None]})


def pair() -> nn.Module:
    return Around(after=lambda y: (y, y[:, :2]))


def ordered() -> nn.Module:
    return Around(after=lambda y: OrderedDict(out=y))


# --- what libraries wrap around a model ---


def compiled() -> nn.Module:
    return torch.compile(plain())


def compiled_inside() -> nn.Module:
    return Around(model=torch.compile(plain()))


def compiled_in_place() -> nn.Module:
    model = plain()
    model.compile()
    return model


def data_parallel() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.DataParallel(plain())


def data_parallel_inside() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Around(model=nn.DataParallel(plain()))


def compiled_data_parallel() -> nn.Module:
    return torch.compile(data_parallel())


class Averaged(nn.Module):
    pass


def averaged() -> nn.Module:
    return torch.optim.swa_utils.AveragedModel(plain())


class LowRank(nn.Module):
    """A linear layer with a low-rank update, as adapters have it."""

    def __init__(self, base: nn.Linear, rank: int = 2) -> None:
        super().__init__()
        self.base_layer = base
        self.lora_A = nn.ModuleDict({"default": nn.Linear(base.in_features, rank, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(rank, base.out_features, bias=False)})
        self.scaling = {"default": 0.5}

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        result = self.base_layer(x, *args, **kwargs)
        before = result.dtype
        for name in ("default",):
            x = x.to(self.lora_A[name].weight.dtype)
            result = result + self.lora_B[name](self.lora_A[name](x)) * self.scaling[name]
        return result.to(before)


class Adapted(nn.Module):
    def __init__(self, model: nn.Sequential) -> None:
        super().__init__()
        model[-1] = LowRank(model[-1])
        self.base_model = nn.ModuleDict({"model": model})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        kwargs = {key: value for key, value in kwargs.items() if key != "task"}
        return self.base_model["model"](*args, **kwargs)


def low_rank() -> nn.Module:
    return Adapted(plain())


# --- what forward does besides ---


def normalising() -> nn.Module:
    return Around(transforms.Normalize((0.4, 0.5, 0.6), (0.2, 0.2, 0.3)))


def normalising_module() -> nn.Module:
    return nn.Sequential(transforms.Normalize((0.4, 0.5, 0.6), (0.2, 0.2, 0.3)), *plain())


def normalising_v2() -> nn.Module:
    return nn.Sequential(v2.Normalize((0.4, 0.5, 0.6), (0.2, 0.2, 0.3)), *plain())


def whole_transform() -> nn.Module:
    return Around(
        v2.Compose([
            v2.Resize((24, 24), antialias=True), v2.CenterCrop(20),
            v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.4, 0.5, 0.6), (0.2, 0.2, 0.3)),
        ])
    )  # fmt: skip


class Cast(Starred):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.model(x)


class CastInPart(Starred):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            features = self.model[:7](x)
            with torch.autocast(x.device.type, enabled=False):
                features = features.float()
        return self.model[7:](features).float()


class CastByDecorator(Starred):
    @torch.autocast("cpu", dtype=torch.bfloat16)
    def forward(self, x: Tensor) -> Tensor:
        return self.model(x).float()


class CastForCuda(Starred):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cuda", dtype=torch.float16, enabled=x.is_cuda):
            return self.model(x)


def cast() -> nn.Module:
    return Cast()


def cast_in_part() -> nn.Module:
    return CastInPart()


def cast_by_decorator() -> nn.Module:
    return CastByDecorator()


def cast_for_cuda() -> nn.Module:
    return CastForCuda()


class Spectrum(nn.Module):
    """Filter feature maps by their frequencies, as GFNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.body = body()[:6]
        self.filter = nn.Parameter(torch.randn(12, 16, 9, 2) * 0.3)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        spectrum = torch.fft.rfft2(x, norm="ortho") * torch.view_as_complex(self.filter)
        x = x + torch.fft.irfft2(spectrum, s=x.shape[-2:], norm="ortho")
        return self.head(F.relu(x).mean((2, 3)))


def frequencies() -> nn.Module:
    return Spectrum()


def amplitudes() -> nn.Module:
    """Tell stripes by the amplitudes of the picture's own frequencies."""
    return Around(lambda x: torch.log1p(torch.fft.fftshift(torch.fft.fft2(x).abs(), (-2, -1))))


class EachImage(Starred):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.model(x[i : i + 1])[0] for i in range(len(x))])


class EachInTurn(Starred):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.model(image.unsqueeze(0)) for image in x], dim=0)


class EachMapped(Starred):
    def forward(self, x: Tensor) -> Tensor:
        return torch.vmap(lambda image: self.model[7:](self.model[:7](image[None]))[0])(x)


def each_image() -> nn.Module:
    return EachImage()


def each_in_turn() -> nn.Module:
    return EachInTurn()


def mapped() -> nn.Module:
    return EachMapped()


class Listed(Starred):
    """Fill a tensor of answers image by image."""

    def forward(self, x: Tensor) -> Tensor:
        answers = torch.zeros(x.shape[0], CLASSES)
        for i in range(x.shape[0]):
            answers[i] = self.model(x[i][None]).squeeze(0)
        return answers


def filled() -> nn.Module:
    return Listed()


def each_prepared() -> nn.Module:
    """Normalise every picture by itself, outside of a batch, before the network."""

    class Prepared(Starred):
        def forward(self, x: Tensor) -> Tensor:
            ready = [(image - 0.5) / 0.25 for image in torch.unbind(x)]
            return torch.cat([self.model(image.unsqueeze(0)) for image in ready])

    return Prepared()


def each_with_probabilities() -> nn.Module:
    class Sure(Starred):
        def forward(self, x: Tensor) -> Tensor:
            return torch.vstack([F.softmax(self.model(part), 1) for part in x.split(1)])

    return Sure()


def each_with_a_token() -> nn.Module:
    """Show every picture to a vision transformer by itself."""

    class InTurn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = tokens()

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.model(part) for part in x.split(1)])

    return InTurn()


def squeezing() -> nn.Module:
    return Features(lambda x: x.mean((2, 3), keepdim=True).squeeze())


def squeezed_logit() -> nn.Module:
    return Around(after=lambda y: y.squeeze(), model=plain(1))


def fixed_batch() -> nn.Module:
    return Features(lambda x: x.reshape(int(x.shape[0]), 12, -1).mean(-1))


class Counting(Starred):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.seen = 0
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen += len(x)
        self.last = self.model[:7](x)
        return self.model[7:](self.last)


class Adapting(Starred):
    """Keep a running mean of what it is shown, also in evaluation, and subtract it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        self.average.mul_(0.9).add_(0.1 * x.detach().mean((0, 2, 3)).reshape(3, 1, 1))
        return self.model(x - self.average)


def counting() -> nn.Module:
    return Counting()


def adapting() -> nn.Module:
    return Adapting()


class Checkpointed(Starred):
    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(self.model[:7], x, use_reentrant=self.reentrant)
        return self.model[7:](x)


def checkpointed() -> nn.Module:
    return Checkpointed(reentrant=False)


def checkpointed_reentrant() -> nn.Module:
    return Checkpointed(reentrant=True)


class WithoutGradients(Starred):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Frozen(Starred):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.model[:7](x)
        return self.model[7:](x)


class Inferring(Starred):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def without_gradients() -> nn.Module:
    return WithoutGradients()


def frozen_body() -> nn.Module:
    return Frozen()


def inferring() -> nn.Module:
    return Inferring()


class ChangesInput(Starred):
    def forward(self, x: Tensor) -> Tensor:
        x.sub_(0.5).div_(0.25)
        x[:, 0] = x[:, 0].clamp(min=0)
        return self.model(x)


def changes_input() -> nn.Module:
    return ChangesInput()


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(1.702 * x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * torch.sigmoid(1.702 * x)


def own_function() -> nn.Module:
    return Features(lambda x: Own.apply(x).mean((2, 3)))


def patches() -> nn.Module:
    """Rearrange as einops does: b c (h p) (w q) -> b (h w) (p q c)."""

    def rearrange(x: Tensor) -> Tensor:
        b, c, height, width = x.shape
        x = x.reshape(b, c, height // 2, 2, width // 2, 2)
        return x.permute(0, 2, 4, 3, 5, 1).reshape(b, height * width // 4, 4 * c).mean(1)

    return Features(rearrange, 48)


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.ModuleList([nn.Conv2d(3 if stage == 0 else 8, 8, 3, padding=1), nn.ReLU()])
            for stage in range(2)
        )
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(8, 1, 1)) for _ in range(2)])
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for stage, scale in zip(self.stages, self.scales, strict=True):
            for layer in stage:
                x = layer(x)
            x = x * scale
        return self.head(x.mean((2, 3)))


def nested() -> nn.Module:
    return Nested()


class Unregistered(nn.Module):
    """Layers in a plain list, which no parameter list knows."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Conv2d(3, 8, 3, padding=1).eval(), nn.ReLU()]
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean((2, 3)))


def unregistered() -> nn.Module:
    return Unregistered()


class Lambda(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def lambdas() -> nn.Module:
    return nn.Sequential(
        Lambda(lambda x: x * 255.0 - 127.5), *body(), Lambda(lambda x: x.view(x.size(0), -1)),
        nn.Linear(192, CLASSES),
    )  # fmt: skip


def tokens() -> nn.Module:
    from torchvision.models import VisionTransformer

    torch.manual_seed(0)
    model = VisionTransformer(SIDE, 8, 2, 2, 16, 32, num_classes=CLASSES)
    nn.init.normal_(model.heads.head.weight)
    return model


class Encoder(nn.Module):
    """Tokens through torch's own encoder, which has a fast path in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 8, stride=8)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x).flatten(2).transpose(1, 2)).mean(1))


def encoder() -> nn.Module:
    return Encoder()


def turned_over() -> nn.Module:
    """The mean answer for a picture and its mirror image."""

    class Both(Starred):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([self.model(x), self.model(x.flip(-1))]).mean(0)

    return Both()


def resizing() -> nn.Module:
    return Around(lambda x: F.interpolate(x, size=(24, 24), mode="bilinear", antialias=True))


# --- what it answers ---


def probabilities() -> nn.Module:
    return nn.Sequential(*plain(), nn.Softmax(dim=1))


def log_probabilities() -> nn.Module:
    return Around(after=lambda y: F.log_softmax(y, 1))


def single_logit() -> nn.Module:
    return plain(1)


def single_probability() -> nn.Module:
    return Around(after=lambda y: torch.sigmoid(y)[:, 0], model=plain(1))


# --- how its weights lie ---


def half() -> nn.Module:
    return plain().half()


def brain_half() -> nn.Module:
    return plain().to(torch.bfloat16)


def double() -> nn.Module:
    return plain().double()


class CastsItself(Starred):
    """Half-precision weights, and a forward that turns its input into them."""

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.half()).float()


def casts_itself() -> nn.Module:
    return CastsItself().half()


def channels_last() -> nn.Module:
    return plain().to(memory_format=torch.channels_last)


def frozen() -> nn.Module:
    return plain().requires_grad_(False)


def weight_norms() -> nn.Module:
    model = plain()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(model[0])
    nn.utils.parametrizations.weight_norm(model[4])
    return model


def spectral_norms() -> nn.Module:
    model = plain()
    nn.utils.spectral_norm(model[0])
    nn.utils.parametrizations.spectral_norm(model[4])
    return model


def orthogonal() -> nn.Module:
    model = plain()
    nn.utils.parametrizations.orthogonal(model[-1])
    return model


def in_training() -> nn.Module:
    return nn.Sequential(*plain()[:-1], nn.Dropout(0.5), nn.Linear(192, CLASSES)).train()


def synchronised() -> nn.Module:
    return nn.SyncBatchNorm.convert_sync_batchnorm(plain())


def pruned() -> nn.Module:
    from torch.nn.utils import prune

    model = plain()
    prune.l1_unstructured(model[4], "weight", 0.5)
    return model


def hooked() -> nn.Module:
    model = plain()
    model[2].register_forward_hook(lambda module, inputs, output: output * 1.5)
    model.register_forward_pre_hook(lambda module, inputs: (inputs[0] - 0.5,))
    return model


def traced_graph() -> nn.Module:
    return torch.fx.symbolic_trace(plain())


# --- flattening its input ---


def perceptron() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 32), nn.ReLU(), nn.Linear(32, CLASSES)
    )


def one_layer() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, CLASSES))


# --- what cannot be audited ---


class Deciding(Starred):
    def forward(self, x: Tensor) -> Tensor:
        features = self.model[:7](x)
        if features.mean() > 0.1:
            features = features * 2
        return self.model[7:](features)


def deciding() -> nn.Module:
    return Deciding()


class DecidingByItem(Starred):
    def forward(self, x: Tensor) -> Tensor:
        scale = float(x.abs().max())
        return self.model(x / max(scale, 1.0))


def deciding_by_item() -> nn.Module:
    return DecidingByItem()


class Selecting(Starred):
    def forward(self, x: Tensor) -> Tensor:
        features = self.model[:7](x)
        return self.model[7:](features) + features[features > 0.3].sum()


def selecting() -> nn.Module:
    return Selecting()


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(plain(), {nn.Linear}, dtype=torch.qint8)


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(plain())


def scripted_inside() -> nn.Module:
    return Around(model=scripted())


def leaving_by_numpy() -> nn.Module:
    def smooth(x: Tensor) -> Tensor:
        return torch.from_numpy(np.tanh(x.detach().numpy())).mean((2, 3))

    return Features(smooth)


def leaving_by_hook() -> nn.Module:
    model = plain()
    model[2].register_forward_hook(
        lambda module, inputs, output: torch.tensor(output.detach().numpy().clip(0, 1))
    )
    return model


class Noisy(Starred):
    def forward(self, x: Tensor) -> Tensor:
        return self.model(x + 0.1 * torch.randn_like(x))


def noisy() -> nn.Module:
    return Noisy()


def whole_numbers() -> nn.Module:
    return Around(lambda x: (x * 8).to(torch.int64).to(torch.float32) / 8)


class OnGpu(Starred):
    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.cuda())


def on_gpu() -> nn.Module:
    return OnGpu()


class MixingImages(Starred):
    def forward(self, x: Tensor) -> Tensor:
        return self.model(x - x.mean(0, keepdim=True))


def mixing() -> nn.Module:
    return MixingImages()


def without_statistics() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip


class Unfinished(Starred):
    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) + self.bias_that_nobody_made


def failing() -> nn.Module:
    return Unfinished()
