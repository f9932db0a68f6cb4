"""The pieces that moments are made of, against sums over random values."""

from __future__ import annotations

import random
from math import exp, inf, log, sqrt, tanh

import pytest

from caffelint.moments.fillers import bilinear_line, fill_of
from caffelint.moments.gauss import IDENTITY, Curve, by_quadrature, hinge, largest, step
from caffelint.moments.kernel import Kernel, constant
from caffelint.moments.logsum import cross_entropy, share_square
from caffelint.moments.signal import Part, Signal, channel_sum, joined, mixture, taken
from caffelint.moments.windows import Axis, carried, taps, taps_apart, under_taps

from ..model.build import net

# Gaussian integrals


def pairs(mean: float, deviation: float, r: float, number: int) -> list[tuple[float, float]]:
    rng = random.Random(1)
    result = []
    for _ in range(number):
        a, b = rng.gauss(0, 1), rng.gauss(0, 1)
        other = r * a + sqrt(1 - r * r) * b
        result.append((mean + deviation * a, mean + deviation * other))
    return result


CURVES = {
    "relu": hinge(0.0),
    "leaky": hinge(0.3),
    "absolute": hinge(-1.0),
    "sigmoid": by_quadrature(lambda x: 1 / (1 + exp(-x))),
    "tanh": by_quadrature(tanh),
    "step": step(0.4),
    "square": by_quadrature(lambda x: x * x, rising=False),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize(
    ("mean", "deviation", "r"),
    [(0, 1, 0.5), (0, 2, 0.95), (0, 1, -0.7), (1.5, 1, 0.6), (-1, 2, 0.3), (-0.5, 0.5, 1.0)],
)
def test_moments_of_a_curve(name: str, mean: float, deviation: float, r: float) -> None:
    curve = CURVES[name]
    values = [(curve.value(a), curve.value(b)) for a, b in pairs(mean, deviation, r, 20_000)]
    number = len(values)
    expansion = curve.expand(mean, deviation)
    square = sum(a * a for a, _ in values) / number
    assert expansion.mean == pytest.approx(
        sum(a for a, _ in values) / number, abs=0.03 * sqrt(square)
    )
    assert expansion.square == pytest.approx(square, rel=0.06, abs=0.005)
    product = sum(a * b for a, b in values) / number
    assert expansion.moment(r) == pytest.approx(product, abs=0.05 * square + 0.01)


@pytest.mark.parametrize("mean", [0.0, 0.7, -1.2])
def test_hinge_in_closed_form_is_what_summing_gives(mean: float) -> None:
    closed, summed = hinge(0.2), by_quadrature(hinge(0.2).value)
    a, b = closed.expand(mean, 1.3), summed.expand(mean, 1.3)
    assert a.mean == pytest.approx(b.mean, abs=2e-3)
    assert a.square == pytest.approx(b.square, rel=2e-3)
    assert a.slope == pytest.approx(b.slope, abs=1e-2)
    for r in (-0.5, 0.2, 0.9):
        assert a.moment(r) == pytest.approx(b.moment(r), abs=5e-3)


@pytest.mark.parametrize("curve", [hinge(0.2), hinge(-1.0), IDENTITY, step(-3.0), step(0.4)])
def test_curves_of_a_single_value(curve: Curve) -> None:
    expansion = curve.expand(-2.0, 0.0)
    assert expansion.mean == pytest.approx(curve.value(-2.0))
    assert expansion.square == pytest.approx(curve.value(-2.0) ** 2)


@pytest.mark.parametrize(
    ("curve", "scales"),
    [(hinge(0.0), True), (hinge(0.2), True), (IDENTITY, True), (CURVES["tanh"], False)],
)
def test_straight_curves_scale(curve: Curve, scales: bool) -> None:
    assert curve.scales == scales


@pytest.mark.parametrize(
    ("number", "mean", "variance"),
    # Expected values of the largest of n normal values, as in any table of order statistics.
    [(1, 0.0, 1.0), (2, 0.56419, 0.68169), (4, 1.02938, 0.49172), (9, 1.48501, 0.35735)],
)
def test_largest(number: int, mean: float, variance: float) -> None:
    assert largest(number) == pytest.approx((mean, variance), abs=1e-3)


# Softmax


@pytest.mark.parametrize(
    ("classes", "width", "passes", "most"),
    [(2, 0.5, 8000, 87.33654475), (10, 1.0, 4000, 87.33654475), (10, 5.0, 8000, 87.33654475),
     (10, 29.0, 20000, 87.33654475), (10, 29.0, 20000, 46.05170186), (10, 31.0, 20000, 87.33654475),
     (100, 10.0, 2000, 87.33654475), (500, 100.0, 500, 87.33654475)],
)  # fmt: skip
def test_softmax_of_random_scores(classes: int, width: float, passes: int, most: float) -> None:
    rng = random.Random(2)
    losses = shares = 0.0
    for _ in range(passes):
        scores = [rng.gauss(0, width) for _ in range(classes)]
        top = max(scores)
        total = sum(exp(score - top) for score in scores)
        losses += min(most, top + log(total) - scores[0])
        shares += sum(exp(2 * (score - top)) for score in scores) / total / total / classes
    assert cross_entropy(classes, width * width, most) == pytest.approx(losses / passes, rel=0.03)
    assert share_square(classes, width * width) == pytest.approx(shares / passes, rel=0.12)


@pytest.mark.parametrize(
    ("classes", "spread", "loss"),
    [(10, 0.0, log(10)), (1, 5.0, 0.0), (10, 1e-8, log(10)), (1000, inf, 87.0),
     (1000, 1e12, 87.0 * 0.999), (2, 1e12, 87.0 / 2)],
)  # fmt: skip
def test_softmax_at_its_ends(classes: int, spread: float, loss: float) -> None:
    assert cross_entropy(classes, spread, 87.0) == pytest.approx(loss, rel=1e-3)
    # One class has all of the probability, or each has the same.
    share = 1 / classes if spread > 100 else 1 / classes**2
    assert share_square(classes, spread) == pytest.approx(share, rel=1e-3)


# Fillers


@pytest.mark.parametrize(
    ("filler", "shape", "mean", "variance"),
    [
        ("", (4, 9), 0, 0),
        ('type: "constant" value: 2', (4, 9), 2, 0),
        ('type: "uniform"', (4, 9), 0.5, 1 / 12),
        ('type: "uniform" min: -1 max: 3', (4, 9), 1, 16 / 12),
        ('type: "gaussian"', (4, 9), 0, 1),
        ('type: "gaussian" mean: 1 std: 2', (4, 9), 1, 4),
        ('type: "gaussian" mean: 1 std: 2 sparse: 1', (4, 9), 0.25, 0.25 * 5 - 0.0625),
        ('type: "xavier"', (4, 9), 0, 1 / 9),
        ('type: "xavier" variance_norm: FAN_OUT', (4, 9), 0, 1 / 4),
        ('type: "xavier" variance_norm: AVERAGE', (8, 2, 3, 3), 0, 1 / 45),
        ('type: "msra"', (8, 2, 3, 3), 0, 2 / 18),
        ('type: "msra" variance_norm: FAN_OUT', (8, 2, 3, 3), 0, 2 / 72),
        ('type: "positive_unitball"', (4, 9), 1 / 9, 1 / 243),
    ],
)
def test_fillers(filler: str, shape: tuple[int, ...], mean: float, variance: float) -> None:
    block = f"convolution_param {{ weight_filler {{ {filler} }} }}"
    message = net(f'layer {{ name: "c" type: "Convolution" {block} }}').layers[0].message
    fill = fill_of(message.sub("convolution_param").sub("weight_filler"), shape)
    assert (fill.mean, fill.variance) == pytest.approx((mean, variance))
    assert fill.square == pytest.approx(mean * mean + variance)


def test_bilinear_weights() -> None:
    assert bilinear_line(4) == [0.25, 0.75, 0.75, 0.25]
    assert bilinear_line(3) == [0.5, 1.0, 0.5]


# Windows


def counted(axis: Axis, lag: int) -> float:
    """Taps with a value at both of two outputs, counted one by one."""
    total = 0
    for output in range(axis.outputs - lag):
        for tap in range(axis.kernel):
            total += all(_input(axis, out, tap) is not None for out in (output, output + lag))
    return total / (axis.outputs - lag)


def _input(axis: Axis, output: int, tap: int) -> int | None:
    if axis.up:
        place, rest = divmod(output + axis.pad - tap * axis.dilation, axis.stride)
        return place if not rest and 0 <= place < axis.inputs else None
    place = output * axis.stride + tap * axis.dilation - axis.pad
    return place if 0 <= place < axis.inputs else None


AXES = [
    Axis(10, 8, 3), Axis(10, 10, 3, 1, 1), Axis(4, 4, 5, 1, 2), Axis(9, 5, 3, 2, 1),
    Axis(9, 9, 3, 1, 2, 2), Axis(1, 1, 3, 1, 1), Axis(5, 11, 3, 2, 0, 1, True),
    Axis(5, 10, 4, 2, 1, 1, True), Axis(5, 7, 3, 1, 0, 1, True),
]  # fmt: skip


@pytest.mark.parametrize("axis", AXES)
def test_taps_are_counted(axis: Axis) -> None:
    for lag in (0, 1, 2):
        if axis.outputs > lag:
            assert taps(axis, lag) == pytest.approx(counted(axis, lag))
    shares = [
        sum(_input(axis, out, tap) is not None for out in range(axis.outputs)) / axis.outputs
        for tap in range(axis.kernel)
    ]
    assert taps_apart(axis) == pytest.approx(sum(share * share for share in shares))


@pytest.mark.parametrize("axis", [axis for axis in AXES if not axis.up])
def test_profiles_are_summed(axis: Axis) -> None:
    rng = random.Random(3)
    profile = [rng.random() for _ in range(axis.inputs)]
    mean = sum(profile) / len(profile)
    profile = [value / mean for value in profile]
    sums = [
        sum(
            profile[place]
            for tap in range(axis.kernel)
            if (place := _input(axis, output, tap)) is not None
        )
        for output in range(axis.outputs)
    ]
    roots = [
        sum(
            sqrt(profile[place])
            for output in range(axis.outputs)
            if (place := _input(axis, output, tap)) is not None
        )
        / axis.outputs
        for tap in range(axis.kernel)
    ]
    level = (sum(map(sqrt, profile)) / axis.inputs) ** 2
    whole, apart, carried_on = carried(axis, tuple(profile))
    assert whole == pytest.approx(sum(sums) / axis.outputs)
    assert apart == pytest.approx(sum(root * root for root in roots) / level)
    if carried_on is not None:
        assert carried_on == pytest.approx([s * axis.outputs / sum(sums) for s in sums])


def test_windows_that_are_nowhere_have_no_taps() -> None:
    assert (taps(Axis(3, 0, 5), 0), taps_apart(Axis(3, 0, 5))) == (0, 0)
    assert under_taps(constant(1.0), (Axis(3, 0, 5), Axis(3, 3, 1))).square == 0


def test_a_stride_brings_places_nearer() -> None:
    kernel = Kernel((0.0, 0.0, 0.0, 8.0, 7.0, 6.0, 5.0))  # at distances 0, 1, 2, 4
    axis = Axis(33, 16, 3, 2)
    assert under_taps(kernel, (axis, axis)).values[3:] == pytest.approx((72, 54, 45))


# Kernels


@pytest.mark.parametrize(
    ("down", "right", "value"),
    [(0, 0, 10), (1, 0, 6), (0, 2, 4), (0, 4, 2), (3, 0, 4 - 2 * (log(3) / log(2) - 1)), (1, 1, 4),
     (64, 0, 2)],
)  # fmt: skip
def test_moments_by_distance(down: float, right: float, value: float) -> None:
    kernel = Kernel((2.0, 0.0, 0.0, 10.0, 6.0, 4.0))
    assert kernel.at(down, right) == pytest.approx(value)
    if not right:
        assert kernel.at_distance(down) == pytest.approx(value)


def test_the_square_of_a_window_mean() -> None:
    independent = Kernel((1.0, 0.5, 0.0, 9.0))
    mean = independent.between_windows((2, 4))
    assert mean.square == pytest.approx(1 + 8 / 8)
    assert mean.twin == pytest.approx(0.5 / 8)
    shifted = independent.between_windows((2, 4), (1, 0))
    assert shifted.square == pytest.approx(1 + 8 * 4 / 64)
    assert independent.between_windows((2, 4), (2, 0)).square == pytest.approx(1)


def test_the_square_of_a_channel_mean() -> None:
    independent = Kernel((0.0, 0.0, 0.0, 6.0))
    assert independent.mean_of_pairs(2, 3, 4) == pytest.approx(6 / 24)
    same = constant(6.0)
    assert same.mean_of_pairs(2, 3, 4) == pytest.approx(6)


def test_distances_that_are_as_good_as_far_are_left_out() -> None:
    assert Kernel((1.0, 0.0, 0.0, 5.0, 3.0, 1.0, 1.00001)).trimmed().values == (1, 0, 0, 5, 3)


# Parts and signals

NOISE = Part(4, 1.0, Kernel((1.0, 1.0, 1.0, 5.0)))


def test_an_affine_change() -> None:
    changed = NOISE.affine(-2.0, 3.0)
    assert changed.mean == 1
    assert changed.kernel.values == (1, 1, 1, 17)
    assert changed.variance == pytest.approx(4 * NOISE.variance)


def test_channels_add_up() -> None:
    other = Part(2, 3.0, Kernel((9.0, 9.0, 9.0, 9.0)), between=constant(9.0))
    total = channel_sum((NOISE, other))
    assert total.square == pytest.approx((4 + 6) ** 2 + 4 * 4)
    assert total.far == pytest.approx(100)


def test_alike_channels_add_up() -> None:
    alike = Part(3, 0.0, Kernel((0.0, 0.0, 0.0, 2.0)), between=Kernel((0.0, 0.0, 0.0, 2.0)))
    assert channel_sum((alike,)).square == pytest.approx(9 * 2)
    assert mixture((alike, alike)).pairs.square == pytest.approx((2 * 18 - 6 * 2) / 30)


def test_parts_are_taken_and_joined() -> None:
    loud = Part(6, 0.0, Kernel((0.0, 0.0, 0.0, 100.0)))
    assert [part.channels for part in taken((NOISE, loud), 3, 4)] == [1, 3]
    assert [part.channels for part in joined([NOISE] * 9 + [loud])][-1] == 6
    assert len(joined([NOISE] * 30 + [loud])) <= 8
    assert sum(part.channels for part in joined([NOISE] * 30)) == 120


def test_luck_is_what_few_channels_give_that_all_samples_share() -> None:
    shared = Part(10, 0.0, constant(4.0))
    assert Signal([shared], 8).luck == pytest.approx(2 / 10)
    assert Signal([shared], 8).rms == pytest.approx(2 * exp(-0.2 / 8))
    own = Part(10, 0.0, Kernel((0.0, 0.0, 0.0, 4.0)))
    assert Signal([own], 100, (30, 30)).luck < 1e-3


def test_rms_beyond_single_precision() -> None:
    assert Signal([Part(1, 0.0, constant(1e78))], 1).rms == inf
