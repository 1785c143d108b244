"""EfficientNet-Lite0 (Tan and Le 2019; without squeeze-and-excitation, with ReLU6) up to its last stage, in PyTorch."""
import hashlib
import pathlib

import torch
from torch.nn import functional

# Blocks of the network: repeats, kernel, stride, expansion, channels out.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# The stage before the last stride: twice as many places of a side, for what the last stage no longer places.
FINE_STAGE = 4
NORM_EPSILON = 1e-3
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MEAN, DEVIATION = 127 / 255, 128 / 255


class Tower:
    """Frozen, with each normalisation folded into the convolution before it. Padding is TensorFlow's SAME."""

    def __init__(self, path):
        found = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
        if found != SHA256:
            raise SystemExit(f"{path}: sha256 {found} (expected: {SHA256})")
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.weights = {}
        self.fold(state, "_conv_stem", "_bn0", "stem")
        block = 0
        for repeats, _, _, expansion, _ in STAGES:
            for _ in range(repeats):
                at = f"_blocks.{block}."
                if expansion > 1:
                    self.fold(state, at + "_expand_conv", at + "_bn0", f"blocks.{block}.expand")
                self.fold(state, at + "_depthwise_conv", at + "_bn1", f"blocks.{block}.depthwise")
                self.fold(state, at + "_project_conv", at + "_bn2", f"blocks.{block}.project")
                block += 1

    def fold(self, state, conv, norm, name):
        scale = state[norm + ".weight"] / torch.sqrt(state[norm + ".running_var"] + NORM_EPSILON)
        weight = state[conv + ".weight"] * scale[:, None, None, None]
        self.weights[name + ".weight"] = weight.contiguous(memory_format=torch.channels_last)
        self.weights[name + ".bias"] = state[norm + ".bias"] - state[norm + ".running_mean"] * scale

    def conv(self, x, name, stride=1, depthwise=False):
        weight = self.weights[name + ".weight"]
        kernel = weight.shape[-1]
        pads = []
        for size in (x.shape[-1], x.shape[-2]):
            pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [pad // 2, pad - pad // 2]
        x = functional.pad(x, pads)
        groups = weight.shape[0] if depthwise else 1
        return functional.conv2d(x, weight, self.weights[name + ".bias"], stride, groups=groups)

    @torch.inference_mode()
    def stages(self, pixels):
        """@param pixels f32[n, 3, h, w], normalised; @return of the fine and of the last stage, f32[n, c, h', w']"""
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        x = functional.relu6(self.conv(pixels, "stem", 2))
        block, fine = 0, None
        for stage, (repeats, _, stride, expansion, _) in enumerate(STAGES):
            for repeat in range(repeats):
                before, at = x, f"blocks.{block}."
                if expansion > 1:
                    x = functional.relu6(self.conv(x, at + "expand"))
                x = functional.relu6(self.conv(x, at + "depthwise", stride if repeat == 0 else 1, True))
                x = self.conv(x, at + "project")
                if repeat > 0:
                    x = x + before
                block += 1
            if stage == FINE_STAGE:
                fine = x
        return fine, x

    def features(self, pixels):
        """
        Every soft token sees a square of places of both stages.

        @return f32[n, tokens, features]: of a token, its 2 x 2 places of the last stage, then its 4 x 4 of the fine one,
        each with channels innermost
        """
        fine, last = self.stages(pixels)
        return torch.cat([squares(last, 2), squares(fine, 4)], dim=-1)


def squares(x, side):
    n, channels, height, width = x.shape
    x = x.contiguous().view(n, channels, height // side, side, width // side, side).permute(0, 2, 4, 3, 5, 1)
    return x.reshape(n, (height // side) * (width // side), side * side * channels)


def normalised(picture):
    """u8[h, w, 3] to f32[3, h, w]"""
    return ((torch.tensor(picture).float() / 255 - MEAN) / DEVIATION).permute(2, 0, 1)
