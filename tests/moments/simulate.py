"""A forward pass with random weights in numpy, to hold the predicted moments against."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np

from caffelint.model.build import Shapes
from caffelint.model.net import Blob, Layer, Net
from caffelint.schema.message import Message

Array = Any
Blobs = dict[Blob, Array]


class Simulation:
    """One pass of a net; ``rng`` fills weights, data and dropout masks."""

    def __init__(self, net: Net, shapes: Shapes, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.net = net
        self.shapes = shapes
        self.blobs: Blobs = {}
        self.shared: dict[str, Array] = {}
        self.loss = 0.0
        for layer in net.layers:
            inputs = [self.blobs[blob] for blob in layer.bottoms if blob is not None]
            tops = getattr(self, f"do_{layer.type.lower()}")(layer, inputs)
            tops = tops if isinstance(tops, list) else [tops]
            for blob, value in zip(layer.tops, tops, strict=False):
                self.blobs[blob] = value
            if layer.is_loss:
                weight = layer.tops[0].loss_weight if layer.tops else layer.loss_weight(0)
                self.loss += weight * float(np.sum(tops[0]))

    def fill(self, filler: Message, shape: Any) -> Array:
        """As filler.hpp does."""
        kind = filler.get("type")
        rng = self.rng
        if kind == "constant":
            return np.full(shape, filler.get("value"), dtype=float)
        if kind == "uniform":
            return rng.uniform(filler.get("min"), filler.get("max"), shape)
        if kind == "gaussian":
            values = rng.normal(filler.get("mean"), filler.get("std"), shape)
            if filler.get("sparse") >= 0:
                values *= rng.random(shape) < filler.get("sparse") / shape[0]
            return values
        if kind == "positive_unitball":
            values = rng.random(shape).reshape(shape[0], -1)
            return (values / values.sum(1, keepdims=True)).reshape(shape)
        if kind == "bilinear":
            size = shape[-1]
            half = ceil(size / 2)
            line = 1 - abs(np.arange(size) / half - (size - 1) / (2 * half))
            return np.broadcast_to(np.outer(line, line), shape).copy()
        fan_in = prod(shape) / shape[0]
        fan_out = prod(shape) / shape[1] if len(shape) > 1 else prod(shape)
        norm = filler.get("variance_norm")
        fan = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "AVERAGE": (fan_in + fan_out) / 2}[norm]
        if kind == "xavier":
            return rng.uniform(-((3 / fan) ** 0.5), (3 / fan) ** 0.5, shape)
        return rng.normal(0, (2 / fan) ** 0.5, shape)

    def weights(self, layer: Layer, index: int, filler: str, default: float | None = None) -> Array:
        shape = self.shapes.params[layer][index]
        assert layer.own is not None
        spec = layer.params[index].spec
        name = spec.get("name") if spec is not None else ""
        if name in self.shared:
            return self.shared[name]
        if default is not None and not layer.own.has(filler):
            return np.full(shape, default)
        values = self.fill(layer.own.sub(filler), shape)
        if name:
            self.shared[name] = values
        return values

    # Layers

    def do_dummydata(self, layer: Layer, _x: list[Array]) -> list[Array]:
        own = layer.message.sub("dummy_data_param")
        fillers = own.get("data_filler")
        tops = []
        for i, blob in enumerate(layer.tops):
            shape = self.shapes.blobs[blob]
            filler = fillers[i if len(fillers) > 1 else 0]
            tops.append(self.fill(filler, shape))
        return tops

    def do_convolution(self, layer: Layer, xs: list[Array]) -> list[Array]:
        own = layer.message.sub("convolution_param")
        w = self.weights(layer, 0, "weight_filler")
        b = self.weights(layer, 1, "bias_filler") if own.get("bias_term") else None
        return [self._convolve(own, x, w, b) for x in xs]

    def _convolve(self, own: Message, x: Array, w: Array, b: Array | None) -> Array:
        _k, stride, pad, spread = window(own, w.shape[2:])
        group = own.get("group")
        x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in pad)))
        out = [
            (size - d * (k - 1) - 1) // s + 1
            for size, k, s, d in zip(x.shape[2:], w.shape[2:], stride, spread, strict=True)
        ]
        y = np.zeros((len(x), w.shape[0], *out))
        ci, co = x.shape[1] // group, w.shape[0] // group
        for g, *tap in product(range(group), *map(range, w.shape[2:])):
            area = (
                slice(t * d, t * d + s * (size - 1) + 1, s)
                for t, d, s, size in zip(tap, spread, stride, out, strict=True)
            )
            y[:, g * co : (g + 1) * co] += np.einsum(
                "nc...,oc->no...",
                x[(slice(None), slice(g * ci, (g + 1) * ci), *area)],
                w[(slice(g * co, (g + 1) * co), slice(None), *tap)],
                optimize=True,
            )
        return y if b is None else y + b.reshape(-1, *(1 for _ in out))

    def do_deconvolution(self, layer: Layer, xs: list[Array]) -> list[Array]:
        own = layer.message.sub("convolution_param")
        w = self.weights(layer, 0, "weight_filler")
        b = self.weights(layer, 1, "bias_filler") if own.get("bias_term") else None
        return [self._spread(own, x, w, b) for x in xs]

    def _spread(self, own: Message, x: Array, w: Array, b: Array | None) -> Array:
        _k, stride, pad, spread = window(own, w.shape[2:])
        group = own.get("group")
        kh, kw = w.shape[2:]
        n, c, h, wide = x.shape
        full = [stride[0] * (h - 1) + spread[0] * (kh - 1) + 1,
                stride[1] * (wide - 1) + spread[1] * (kw - 1) + 1]  # fmt: skip
        y = np.zeros((n, w.shape[1] * group, *full))
        ci, co = c // group, w.shape[1]
        for g, i, j in product(range(group), range(kh), range(kw)):
            r, q = i * spread[0], j * spread[1]
            y[:, g * co : (g + 1) * co, r : r + stride[0] * (h - 1) + 1 : stride[0],
              q : q + stride[1] * (wide - 1) + 1 : stride[1]] += np.einsum(
                "nchw,co->nohw", x[:, g * ci : (g + 1) * ci], w[g * ci : (g + 1) * ci, :, i, j],
                optimize=True)  # fmt: skip
        y = y[:, :, pad[0] : full[0] - pad[0], pad[1] : full[1] - pad[1]]
        return y if b is None else y + b[:, None, None]

    def do_innerproduct(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("inner_product_param")
        axis = own.get("axis") % xs[0].ndim
        w = self.weights(layer, 0, "weight_filler")
        if own.get("transpose"):
            w = w.T
        flat = xs[0].reshape(*xs[0].shape[:axis], -1)
        y = flat @ w.T
        if own.get("bias_term"):
            y = y + self.weights(layer, 1, "bias_filler")
        return np.asarray(y)

    def do_embed(self, layer: Layer, xs: list[Array]) -> Array:
        w = self.weights(layer, 0, "weight_filler")
        b = self.weights(layer, 1, "bias_filler")
        return np.asarray(w[xs[0].astype(int)] + b)

    def do_pooling(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("pooling_param")
        return pooled(own, xs[0], self.shapes.blobs[layer.tops[0]])

    def do_lrn(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("lrn_param")
        x, size = xs[0], own.get("local_size")
        alpha, beta, k = own.get("alpha"), own.get("beta"), own.get("k")
        half = size // 2
        if own.get("norm_region") == "WITHIN_CHANNEL":
            sums = np.zeros_like(x)
            padded = np.pad(x * x, ((0, 0), (0, 0), (half, half), (half, half)))
            for i, j in product(range(size), range(size)):
                sums += padded[:, :, i : i + x.shape[2], j : j + x.shape[3]]
            return np.asarray(x * (1 + alpha * sums / size**2) ** -beta)
        padded = np.pad(x * x, ((0, 0), (half, half), (0, 0), (0, 0)))
        sums = sum(padded[:, i : i + x.shape[1]] for i in range(size))
        return np.asarray(x * (k + alpha / size * sums) ** -beta)

    def do_batchnorm(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("batch_norm_param")
        x = xs[0]
        stored = own.get("use_global_stats") if own.has("use_global_stats") else (
            self.net.state.phase == "TEST")  # fmt: skip
        if stored:
            return np.asarray(x / own.get("eps") ** 0.5)
        axes = tuple(i for i in range(x.ndim) if i != 1)
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        return np.asarray((x - mean) / np.sqrt(var + own.get("eps")))

    def do_mvn(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("mvn_param")
        axes = (1, 2, 3) if own.get("across_channels") else (2, 3)
        y = xs[0] - xs[0].mean(axes, keepdims=True)
        if own.get("normalize_variance"):
            y = y / (np.sqrt((y * y).mean(axes, keepdims=True)) + own.get("eps"))
        return np.asarray(y)

    def do_scale(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("scale_param")
        one = len(xs) == 1
        factor = self.weights(layer, 0, "filler", 1.0) if one else xs[1]
        start = own.get("axis") if one or xs[1].ndim < xs[0].ndim else 0
        y = xs[0] * over(factor, xs[0].ndim, start)
        if own.get("bias_term"):
            bias = self.weights(layer, int(one), "bias_filler", 0.0)
            y = y + over(bias, y.ndim, start)
        return np.asarray(y)

    def do_bias(self, layer: Layer, xs: list[Array]) -> Array:
        one = len(xs) == 1
        bias = self.weights(layer, 0, "filler", 0.0) if one else xs[1]
        return np.asarray(
            xs[0] + over(bias, xs[0].ndim, layer.message.sub("bias_param").get("axis"))
        )

    def do_eltwise(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("eltwise_param")
        operation = own.get("operation")
        if operation == "SUM":
            factors = own.get("coeff") or [1.0] * len(xs)
            return np.asarray(sum(c * x for c, x in zip(factors, xs, strict=True)))
        reduce: Callable[..., Any] = np.prod if operation == "PROD" else np.max
        return np.asarray(reduce(np.stack(xs), axis=0))

    def do_concat(self, layer: Layer, xs: list[Array]) -> Array:
        return np.concatenate(xs, layer.message.sub("concat_param").get("axis"))

    def do_slice(self, layer: Layer, xs: list[Array]) -> list[Array]:
        own = layer.message.sub("slice_param")
        points = own.get("slice_point") or len(layer.tops)
        return list(np.split(xs[0], points, own.get("axis")))

    def do_dropout(self, layer: Layer, xs: list[Array]) -> Array:
        ratio = layer.message.sub("dropout_param").get("dropout_ratio")
        if self.net.state.phase == "TEST":
            return xs[0]
        return np.asarray(xs[0] * (self.rng.random(xs[0].shape) >= ratio) / (1 - ratio))

    def do_flatten(self, layer: Layer, xs: list[Array]) -> Array:
        return xs[0].reshape(self.shapes.blobs[layer.tops[0]])

    do_reshape = do_flatten

    def do_crop(self, layer: Layer, xs: list[Array]) -> Array:
        return np.asarray(xs[0][self.kept(layer, xs)])

    def kept(self, layer: Layer, xs: list[Array]) -> tuple[slice, ...]:
        own = layer.message.sub("crop_param")
        offset = (own.get("offset") or [0])[0]
        return tuple(
            slice(offset, offset + size) if i >= own.get("axis") else slice(None)
            for i, size in enumerate(xs[1].shape)
        )

    def do_im2col(self, layer: Layer, xs: list[Array]) -> Array:
        size = layer.message.sub("convolution_param").get("kernel_size")[0]
        h, w = (length - size + 1 for length in xs[0].shape[2:])
        taps = [xs[0][:, :, i : i + h, j : j + w] for i in range(size) for j in range(size)]
        return np.concatenate(taps, 1)

    def do_batchreindex(self, _layer: Layer, xs: list[Array]) -> Array:
        return np.asarray(xs[0][xs[1].astype(int)])

    def do_argmax(self, layer: Layer, xs: list[Array]) -> Array:
        axis = layer.message.sub("argmax_param").get("axis")
        return np.asarray(xs[0].argmax(axis, keepdims=True))

    def do_parameter(self, layer: Layer, _xs: list[Array]) -> Array:
        return np.zeros(self.shapes.blobs[layer.tops[0]])

    def do_split(self, layer: Layer, xs: list[Array]) -> list[Array]:
        return xs * len(layer.tops)

    def do_silence(self, _layer: Layer, _xs: list[Array]) -> list[Array]:
        return []

    def do_accuracy(self, layer: Layer, _xs: list[Array]) -> list[Array]:
        return [np.zeros(())] * len(layer.tops)

    def do_tile(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("tile_param")
        return np.concatenate([xs[0]] * own.get("tiles"), own.get("axis"))

    def do_reduction(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("reduction_param")
        x = xs[0].reshape(*xs[0].shape[: own.get("axis")], -1)
        x = {"ASUM": abs(x), "SUMSQ": x * x}.get(own.get("operation"), x)
        y = x.mean(-1) if own.get("operation") == "MEAN" else x.sum(-1)
        return np.asarray(own.get("coeff") * y)

    def do_spp(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("spp_param")
        x = xs[0]
        pieces = []
        for level in range(own.get("pyramid_height")):
            bins = 2**level
            k = [-(-size // bins) for size in x.shape[2:]]
            p = [(a * bins - size + 1) // 2 for a, size in zip(k, x.shape[2:], strict=True)]
            pieces.append(_pool(x, own.get("pool"), k, k, p, (bins, bins)).reshape(len(x), -1))
        return np.concatenate(pieces, 1)

    def do_lstm(self, layer: Layer, xs: list[Array]) -> Array:
        static = len(xs) > 2
        w, r = (self.weights(layer, i, "weight_filler") for i in (0, 2 + static))
        b = self.weights(layer, 1, "bias_filler")
        if static:
            b = b + xs[2] @ self.weights(layer, 2, "weight_filler").T
        h = c = np.zeros((xs[0].shape[1], r.shape[1]))
        tops = []
        for x in xs[0]:
            i, f, o, g = np.split(x @ w.T + b + h @ r.T, 4, axis=1)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            tops.append(h)
        return np.stack(tops)

    def do_rnn(self, layer: Layer, xs: list[Array]) -> Array:
        w, r, u = (self.weights(layer, i, "weight_filler") for i in (0, 2, 3))
        b, d = (self.weights(layer, i, "bias_filler") for i in (1, 4))
        h = np.zeros((xs[0].shape[1], r.shape[1]))
        tops = []
        for x in xs[0]:
            h = np.tanh(x @ w.T + b + h @ r.T)
            tops.append(np.tanh(h @ u.T + d))
        return np.stack(tops)

    # Values by themselves

    def do_relu(self, layer: Layer, xs: list[Array]) -> Array:
        slope = layer.message.sub("relu_param").get("negative_slope")
        return np.where(xs[0] > 0, xs[0], slope * xs[0])

    def do_prelu(self, layer: Layer, xs: list[Array]) -> Array:
        slope = over(self.weights(layer, 0, "filler", 0.25), xs[0].ndim, 1)
        return np.where(xs[0] > 0, xs[0], slope * xs[0])

    def do_elu(self, layer: Layer, xs: list[Array]) -> Array:
        alpha = layer.message.sub("elu_param").get("alpha")
        return np.where(xs[0] > 0, xs[0], alpha * np.expm1(np.minimum(xs[0], 0)))

    def do_sigmoid(self, _layer: Layer, xs: list[Array]) -> Array:
        return np.asarray(1 / (1 + np.exp(-xs[0])))

    def do_tanh(self, _layer: Layer, xs: list[Array]) -> Array:
        return np.tanh(xs[0])

    def do_absval(self, _layer: Layer, xs: list[Array]) -> Array:
        return np.asarray(abs(xs[0]))

    def do_bnll(self, _layer: Layer, xs: list[Array]) -> Array:
        return np.logaddexp(0, xs[0])

    def do_swish(self, layer: Layer, xs: list[Array]) -> Array:
        beta = layer.message.sub("swish_param").get("beta")
        return np.asarray(xs[0] / (1 + np.exp(-beta * xs[0])))

    def do_clip(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("clip_param")
        return np.clip(xs[0], own.get("min"), own.get("max"))

    def do_threshold(self, layer: Layer, xs: list[Array]) -> Array:
        return (xs[0] > layer.message.sub("threshold_param").get("threshold")).astype(float)

    def do_power(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("power_param")
        return np.asarray((own.get("shift") + own.get("scale") * xs[0]) ** own.get("power"))

    def do_exp(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("exp_param")
        inner = own.get("shift") + own.get("scale") * xs[0]
        base = own.get("base")
        return np.exp(inner) if base == -1 else np.asarray(base**inner)

    def do_log(self, layer: Layer, xs: list[Array]) -> Array:
        own = layer.message.sub("log_param")
        y = np.log(own.get("shift") + own.get("scale") * xs[0])
        return y if own.get("base") == -1 else np.asarray(y / np.log(own.get("base")))

    # Losses

    def do_softmax(self, layer: Layer, xs: list[Array]) -> Array:
        return softmax(xs[0], layer.message.sub("softmax_param").get("axis"))

    def do_softmaxwithloss(self, layer: Layer, xs: list[Array]) -> Array:
        p = softmax(xs[0], layer.message.sub("softmax_param").get("axis"))
        label = xs[1].astype(int).reshape(p.shape[0], 1, *p.shape[2:])
        losses = -np.log(np.maximum(np.take_along_axis(p, label, 1), 1.17549435e-38))
        param = layer.message.sub("loss_param")
        divisor = {"VALID": losses.size, "FULL": losses.size, "NONE": 1}.get(
            param.get("normalization"), len(p)
        )
        return np.asarray(losses.sum() / divisor)

    def do_multinomiallogisticloss(self, _layer: Layer, xs: list[Array]) -> Array:
        p = xs[0].reshape(len(xs[0]), -1)
        chosen = p[np.arange(len(p)), xs[1].astype(int).ravel()]
        return np.asarray(-np.log(np.maximum(chosen, 1e-20)).mean())

    def do_sigmoidcrossentropyloss(self, _layer: Layer, xs: list[Array]) -> Array:
        return np.asarray(
            (np.logaddexp(0, xs[0]) - xs[1].reshape(xs[0].shape) * xs[0]).sum() / len(xs[0])
        )

    def do_euclideanloss(self, _layer: Layer, xs: list[Array]) -> Array:
        return np.asarray(((xs[0] - xs[1].reshape(xs[0].shape)) ** 2).sum() / len(xs[0]) / 2)

    def do_hingeloss(self, layer: Layer, xs: list[Array]) -> Array:
        z = xs[0].reshape(len(xs[0]), -1).copy()
        z[np.arange(len(z)), xs[1].astype(int).ravel()] *= -1
        z = np.maximum(0, 1 + z)
        squared = layer.message.sub("hinge_loss_param").get("norm") == "L2"
        return np.asarray((z * z if squared else z).sum() / len(z))

    def do_contrastiveloss(self, layer: Layer, xs: list[Array]) -> Array:
        square = ((xs[0] - xs[1]) ** 2).reshape(len(xs[0]), -1).sum(1)
        own = layer.message.sub("contrastive_loss_param")
        apart = np.maximum(0, own.get("margin") - np.sqrt(square)) ** 2
        if own.get("legacy_version"):
            apart = np.maximum(0, own.get("margin") - square)
        kind = xs[2].astype(int).ravel()
        return np.asarray(np.where(kind, square, apart).mean() / 2)


def window(own: Message, kernel: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
    def pair(name: str, default: int) -> list[int]:
        if name != "dilation" and own.has(f"{name}_h"):
            return [own.get(f"{name}_h"), own.get(f"{name}_w")]
        given = own.get(name) or [default]
        return list(given if len(given) == len(kernel) else given * len(kernel))

    return kernel, pair("stride", 1), pair("pad", 0), pair("dilation", 1)


def over(values: Any, axes: int, start: int) -> Any:
    """Values shaped so that they spread over a blob from axis ``start`` on."""
    return values.reshape((1,) * start + values.shape + (1,) * (axes - start - values.ndim))


def softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def pooled(own: Message, x: Any, shape: Any) -> Any:
    def pair(name: str, single: str) -> list[int]:
        if own.has(f"{single}_h"):
            return [own.get(f"{single}_h"), own.get(f"{single}_w")]
        return [own.get(name)] * 2

    kernel = pair("kernel_size", "kernel")
    stride, pad = pair("stride", "stride"), pair("pad", "pad")
    if own.get("global_pooling"):
        kernel = list(x.shape[2:])
    return _pool(x, own.get("pool"), kernel, stride, pad, shape[2:])


def _pool(x: Any, method: str, kernel: Any, stride: Any, pad: Any, out: Any) -> Any:
    y = np.zeros((*x.shape[:2], *out))
    for i, j in product(range(out[0]), range(out[1])):
        h, w = i * stride[0] - pad[0], j * stride[1] - pad[1]
        he, we = min(h + kernel[0], x.shape[2] + pad[0]), min(w + kernel[1], x.shape[3] + pad[1])
        size = (he - h) * (we - w)
        piece = x[:, :, max(h, 0) : he, max(w, 0) : we]
        y[:, :, i, j] = piece.max((2, 3)) if method == "MAX" else piece.sum((2, 3)) / size
    return y
