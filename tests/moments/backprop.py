"""A backward pass in numpy over a simulated forward pass, as Caffe's layers make it."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np

from caffelint.model.build import Shapes
from caffelint.model.net import Blob, Layer, Net

from .simulate import Array, Simulation, over, softmax, window


class Backprop(Simulation):
    """Gradients of blobs in ``diffs``, of learned blobs in ``learned_diffs``."""

    def __init__(self, net: Net, shapes: Shapes, seed: int) -> None:
        self.learned: dict[tuple[Layer, int], Array] = {}
        self.learned_diffs: dict[tuple[Layer, int], Array] = {}
        self.diffs: dict[Blob, Array] = {}
        self.masks: dict[Layer, Array] = {}
        super().__init__(net, shapes, seed)
        for layer in reversed(net.layers):
            if not layer.bottoms or not layer.needs_backward:
                continue
            tops = [self.diffs.get(blob, np.zeros(())) for blob in layer.tops]
            xs = [self.blobs[blob] for blob in layer.bottoms if blob is not None]
            downs = getattr(self, f"undo_{layer.type.lower()}")(layer, xs, tops)
            for blob, diff in zip(layer.bottoms, downs, strict=False):
                if blob is not None and diff is not None:
                    self.diffs[blob] = self.diffs.get(blob, 0) + diff

    def weights(self, layer: Layer, index: int, filler: str, default: float | None = None) -> Array:
        values = super().weights(layer, index, filler, default)
        self.learned[layer, index] = values
        return values

    def note(self, layer: Layer, index: int, diff: Array) -> None:
        if (layer, index) in self.learned:
            self.learned_diffs[layer, index] = diff

    # Weights

    def undo_innerproduct(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        w, g = self.learned[layer, 0], tops[0]
        flat = xs[0].reshape(len(g), -1)
        transposed = layer.message.sub("inner_product_param").get("transpose")
        diff = g.T @ flat
        self.note(layer, 0, diff.T if transposed else diff)
        self.note(layer, 1, g.sum(0))
        return [(g @ (w.T if transposed else w)).reshape(xs[0].shape)]

    def undo_convolution(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        w, g = self.learned[layer, 0], tops[0]
        own = layer.message.sub("convolution_param")
        _k, stride, pad, spread = window(own, w.shape[2:])
        x = np.pad(xs[0], ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
        down, diff = np.zeros_like(x), np.zeros_like(w)
        oh, ow = g.shape[2:]
        group = own.get("group")
        ci, co = x.shape[1] // group, w.shape[0] // group
        for part, i, j in product(range(group), range(w.shape[2]), range(w.shape[3])):
            inputs, outputs = slice(part * ci, (part + 1) * ci), slice(part * co, (part + 1) * co)
            r, c = i * spread[0], j * spread[1]
            rows = slice(r, r + stride[0] * (oh - 1) + 1, stride[0])
            columns = slice(c, c + stride[1] * (ow - 1) + 1, stride[1])
            diff[outputs, :, i, j] = np.einsum(
                "nohw,nchw->oc", g[:, outputs], x[:, inputs, rows, columns], optimize=True
            )
            down[:, inputs, rows, columns] += np.einsum(
                "nohw,oc->nchw", g[:, outputs], w[outputs, :, i, j], optimize=True
            )
        self.note(layer, 0, diff)
        self.note(layer, 1, g.sum((0, 2, 3)))
        h, wide = xs[0].shape[2:]
        return [down[:, :, pad[0] : pad[0] + h, pad[1] : pad[1] + wide]]

    def undo_deconvolution(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        w, x = self.learned[layer, 0], xs[0]
        own = layer.message.sub("convolution_param")
        _k, stride, pad, _spread = window(own, w.shape[2:])
        g = np.pad(tops[0], ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
        down, diff = np.zeros_like(x), np.zeros_like(w)
        h, wide = x.shape[2:]
        group = own.get("group")
        ci, co = x.shape[1] // group, w.shape[1]
        for part, i, j in product(range(group), range(w.shape[2]), range(w.shape[3])):
            inputs, outputs = slice(part * ci, (part + 1) * ci), slice(part * co, (part + 1) * co)
            piece = g[:, outputs, i : i + stride[0] * (h - 1) + 1 : stride[0],
                      j : j + stride[1] * (wide - 1) + 1 : stride[1]]  # fmt: skip
            diff[inputs, :, i, j] = np.einsum("nchw,nohw->co", x[:, inputs], piece, optimize=True)
            down[:, inputs] += np.einsum("nohw,co->nchw", piece, w[inputs, :, i, j], optimize=True)
        self.note(layer, 0, diff)
        self.note(layer, 1, tops[0].sum((0, 2, 3)))
        return [down]

    def undo_scale(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        x, g = xs[0], tops[0]
        axes = tuple(i for i in range(x.ndim) if i != 1)
        bias = layer.message.sub("scale_param").get("bias_term")
        if len(xs) == 2:
            if bias:
                self.note(layer, 0, g.sum(axes))
            factor = over(xs[1], x.ndim, 0)
            down = (g * x).sum(tuple(range(xs[1].ndim, x.ndim)))
            return [g * factor, down.reshape(xs[1].shape)]
        self.note(layer, 0, (g * x).sum(axes))
        if bias:
            self.note(layer, 1, g.sum(axes))
        return [g * over(self.learned[layer, 0], x.ndim, 1)]

    def undo_bias(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        if len(xs) == 2:
            return [tops[0], tops[0].sum(tuple(range(xs[1].ndim, xs[0].ndim)))]
        axes = tuple(i for i in range(xs[0].ndim) if i != 1)
        self.note(layer, 0, tops[0].sum(axes))
        return [tops[0]]

    def undo_embed(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        diff = np.zeros_like(self.learned[layer, 0])
        np.add.at(diff, xs[0].astype(int), tops[0])
        self.note(layer, 0, diff)
        return []

    # Windows

    def undo_pooling(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        own, x, g = layer.message.sub("pooling_param"), xs[0], tops[0]
        k = [own.get("kernel_size")] * 2 if not own.get("global_pooling") else list(x.shape[2:])
        stride, pad = own.get("stride"), own.get("pad")
        down = np.zeros_like(x)
        for i, j in product(*map(range, g.shape[2:])):
            h, w = i * stride - pad, j * stride - pad
            he, we = min(h + k[0], x.shape[2] + pad), min(w + k[1], x.shape[3] + pad)
            area = (slice(max(h, 0), he), slice(max(w, 0), we))
            piece = x[(..., *area)]
            if own.get("pool") == "AVE":
                down[(..., *area)] += g[:, :, i, j, None, None] / ((he - h) * (we - w))
                continue
            flat = piece.reshape(*x.shape[:2], -1)
            first = np.zeros_like(flat)
            np.put_along_axis(first, flat.argmax(2)[:, :, None], g[:, :, i, j, None], 2)
            down[(..., *area)] += first.reshape(piece.shape)
        return [down]

    def undo_spp(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        x, start, down = xs[0], 0, np.zeros_like(xs[0])
        for level in range(layer.message.sub("spp_param").get("pyramid_height")):
            bins = 2**level
            number = x.shape[1] * bins * bins
            g = tops[0][:, start : start + number].reshape(*x.shape[:2], bins, bins)
            start += number
            kernel = [-(-size // bins) for size in x.shape[2:]]
            for i, j in product(range(bins), range(bins)):
                rows, columns = (
                    slice(max(at * k - (k * bins - size + 1) // 2, 0),
                          max(at * k - (k * bins - size + 1) // 2, 0) + k)
                    for at, k, size in zip((i, j), kernel, x.shape[2:], strict=True)
                )  # fmt: skip
                piece = x[:, :, rows, columns]
                flat = piece.reshape(*x.shape[:2], -1)
                first = np.zeros_like(flat)
                np.put_along_axis(first, flat.argmax(2)[:, :, None], g[:, :, i, j, None], 2)
                down[:, :, rows, columns] += first.reshape(piece.shape)
        return [down]

    def undo_batchnorm(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        own, x, g = layer.message.sub("batch_norm_param"), xs[0], tops[0]
        if own.has("use_global_stats") and own.get("use_global_stats"):
            return [g / own.get("eps") ** 0.5]
        axes = tuple(i for i in range(x.ndim) if i != 1)
        y = self.blobs[layer.tops[0]]
        deviation = np.sqrt(x.var(axes, keepdims=True) + own.get("eps"))
        mean = g.mean(axes, keepdims=True)
        return [(g - mean - y * (g * y).mean(axes, keepdims=True)) / deviation]

    # Values by themselves, and together

    def undo_relu(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        slope = layer.message.sub("relu_param").get("negative_slope")
        return [tops[0] * np.where(xs[0] > 0, 1.0, slope)]

    def undo_prelu(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        axes = tuple(i for i in range(xs[0].ndim) if i != 1)
        self.note(layer, 0, (tops[0] * np.minimum(xs[0], 0)).sum(axes))
        slope = over(self.learned[layer, 0], xs[0].ndim, 1)
        return [tops[0] * np.where(xs[0] > 0, 1.0, slope)]

    def undo_sigmoid(self, layer: Layer, _xs: list[Array], tops: list[Array]) -> list[Array]:
        y = self.blobs[layer.tops[0]]
        return [tops[0] * y * (1 - y)]

    def undo_tanh(self, layer: Layer, _xs: list[Array], tops: list[Array]) -> list[Array]:
        return [tops[0] * (1 - self.blobs[layer.tops[0]] ** 2)]

    def undo_swish(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        beta = layer.message.sub("swish_param").get("beta")
        p = 1 / (1 + np.exp(-beta * xs[0]))
        return [tops[0] * (p + beta * xs[0] * p * (1 - p))]

    def undo_bnll(self, _layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        return [tops[0] / (1 + np.exp(-xs[0]))]

    def undo_absval(self, _layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        return [tops[0] * np.sign(xs[0])]

    def undo_clip(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        own = layer.message.sub("clip_param")
        return [tops[0] * ((xs[0] >= own.get("min")) & (xs[0] <= own.get("max")))]

    def undo_softmax(self, layer: Layer, _xs: list[Array], tops: list[Array]) -> list[Array]:
        p = self.blobs[layer.tops[0]]
        return [p * (tops[0] - (p * tops[0]).sum(1, keepdims=True))]

    def undo_mvn(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        own, x, g = layer.message.sub("mvn_param"), xs[0], tops[0]
        axes = (1, 2, 3) if own.get("across_channels") else (2, 3)
        mean = g.mean(axes, keepdims=True)
        if not own.get("normalize_variance"):
            return [g - mean]
        y = self.blobs[layer.tops[0]]
        deviation = np.sqrt(x.var(axes, keepdims=True)) + own.get("eps")
        return [(g - mean - y * (g * y).mean(axes, keepdims=True)) / deviation]

    def undo_elu(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        alpha = layer.message.sub("elu_param").get("alpha")
        return [tops[0] * np.where(xs[0] > 0, 1.0, alpha * np.exp(np.minimum(xs[0], 0)))]

    def undo_power(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        power, scale, shift = (
            layer.message.sub("power_param").get(name) for name in ("power", "scale", "shift")
        )
        return [tops[0] * power * scale * (shift + scale * xs[0]) ** (power - 1)]

    def do_dropout(self, layer: Layer, xs: list[Array]) -> Array:
        ratio = layer.message.sub("dropout_param").get("dropout_ratio")
        self.masks[layer] = (self.rng.random(xs[0].shape) >= ratio) / (1 - ratio)
        return np.asarray(xs[0] * self.masks[layer])

    def undo_dropout(self, layer: Layer, _xs: list[Array], tops: list[Array]) -> list[Array]:
        return [tops[0] * self.masks[layer]]

    def undo_lrn(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        own, x, g = layer.message.sub("lrn_param"), xs[0], tops[0]
        size, alpha, beta = own.get("local_size"), own.get("alpha"), own.get("beta")
        half = size // 2

        def around(values: Array) -> Array:
            padded = np.pad(values, ((0, 0), (half, half), (0, 0), (0, 0)))
            return sum(padded[:, i : i + x.shape[1]] for i in range(size))

        scale = own.get("k") + alpha / size * around(x * x)
        back = around(g * self.blobs[layer.tops[0]] / scale)
        return [g * scale**-beta - 2 * alpha * beta / size * x * back]

    def undo_eltwise(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        own = layer.message.sub("eltwise_param")
        if own.get("operation") == "SUM":
            return [c * tops[0] for c in own.get("coeff") or [1.0] * len(xs)]
        if own.get("operation") == "PROD":
            return [tops[0] * prod(x for j, x in enumerate(xs) if j != i) for i in range(len(xs))]
        return [tops[0] * (x == self.blobs[layer.tops[0]]) for x in xs]

    def undo_concat(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        axis = layer.message.sub("concat_param").get("axis")
        return list(np.split(tops[0], np.cumsum([x.shape[axis] for x in xs])[:-1], axis))

    def undo_slice(self, layer: Layer, _xs: list[Array], tops: list[Array]) -> list[Array]:
        sized = [
            np.broadcast_to(g, self.blobs[b].shape) for g, b in zip(tops, layer.tops, strict=True)
        ]
        return [np.concatenate(sized, layer.message.sub("slice_param").get("axis"))]

    def undo_flatten(self, _layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        return [tops[0].reshape(xs[0].shape)]

    undo_reshape = undo_flatten

    def undo_split(self, _layer: Layer, _xs: list[Array], tops: list[Array]) -> list[Array]:
        return [np.asarray(sum(tops))]

    def undo_crop(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        down = np.zeros_like(xs[0])
        down[self.kept(layer, xs)] = tops[0]
        return [down]

    def undo_reduction(self, layer: Layer, xs: list[Array], tops: list[Array]) -> list[Array]:
        own, x = layer.message.sub("reduction_param"), xs[0]
        axis, operation = own.get("axis"), own.get("operation")
        number = prod(x.shape[axis:]) if operation == "MEAN" else 1
        weight = layer.tops[0].loss_weight
        g = np.full(x.shape[:axis], weight) if weight else tops[0]
        slope = {"ASUM": np.sign(x), "SUMSQ": 2 * x}.get(operation, np.ones_like(x))
        return [own.get("coeff") / number * slope * g.reshape(g.shape + (1,) * (x.ndim - g.ndim))]

    # Losses

    def _weight(self, layer: Layer) -> float:
        return layer.tops[0].loss_weight if layer.tops else layer.loss_weight(0)

    def undo_softmaxwithloss(self, layer: Layer, xs: list[Array], _tops: Any) -> list[Array]:
        p = softmax(xs[0], 1)
        label = xs[1].astype(int).reshape(p.shape[0], 1, *p.shape[2:])
        np.put_along_axis(p, label, np.take_along_axis(p, label, 1) - 1, 1)
        return [self._weight(layer) * p / label.size]

    def do_infogainloss(self, layer: Layer, xs: list[Array]) -> Array:
        """With a third bottom for the matrix, which is the identity here."""
        return self.do_softmaxwithloss(layer, xs)

    undo_infogainloss = undo_softmaxwithloss

    def undo_contrastiveloss(self, layer: Layer, xs: list[Array], _tops: Any) -> list[Array]:
        own = layer.message.sub("contrastive_loss_param")
        apart = xs[0] - xs[1]
        distance = np.sqrt((apart * apart).sum(1, keepdims=True))
        push = -np.maximum(0, own.get("margin") - distance) / (distance + 1e-4)
        alike = xs[2].astype(int).reshape(-1, 1)
        g = self._weight(layer) * np.where(alike, 1.0, push) * apart / len(apart)
        return [g, -g]

    def undo_sigmoidcrossentropyloss(
        self, layer: Layer, xs: list[Array], _tops: Any
    ) -> list[Array]:
        p = 1 / (1 + np.exp(-xs[0]))
        return [self._weight(layer) * (p - xs[1].reshape(p.shape)) / len(p)]

    def undo_euclideanloss(self, layer: Layer, xs: list[Array], _tops: Any) -> list[Array]:
        return [self._weight(layer) * (xs[0] - xs[1].reshape(xs[0].shape)) / len(xs[0])]

    def undo_hingeloss(self, layer: Layer, xs: list[Array], _tops: Any) -> list[Array]:
        z = xs[0].reshape(len(xs[0]), -1).copy()
        rows, labels = np.arange(len(z)), xs[1].astype(int).ravel()
        z[rows, labels] *= -1
        z = np.maximum(0, 1 + z)
        squared = layer.message.sub("hinge_loss_param").get("norm") == "L2"
        g = 2 * z if squared else np.sign(z)
        g[rows, labels] *= -1
        return [self._weight(layer) * g.reshape(xs[0].shape) / len(z)]
