"""Layers that rearrange values: Concat, Slice, Split, Reshape, Flatten, Crop, Tile and the like.

Sources: concat_layer.cpp, slice_layer.cpp, split_layer.cpp, reshape_layer.cpp, flatten_layer.cpp,
crop_layer.cpp, tile_layer.cpp, reduction_layer.cpp, argmax_layer.cpp, filter_layer.cpp,
batch_reindex_layer.cpp.
"""

from __future__ import annotations

from .setup import Built, Dim, Setup, Shape, count, differ, in_words, shown, signed


def _old_or_new_axis(s: Setup, old: str) -> int:
    """The axis from ``axis``, or from its older unsigned form."""
    if s.own.has("axis") and s.own.has(old):
        s.refuse_both("axis", old)
    if not s.own.has(old):
        return s.axis(s.bottom, s.own.get("axis"))
    index = signed(s.own.get(old))
    # The unsigned form does not count from the end.
    if index < 0 or (s.bottom is not None and index >= len(s.bottom)):
        axes = len(s.bottom or ())
        s.refuse("axis-out-of-range", old, axis=index, axes=axes, bottom=s.bottom_name(0),
                 shape=shown(s.bottom))  # fmt: skip
    return index


def concat(s: Setup) -> Built:
    """All sizes but the one along the axis are equal; there they add up."""
    axis = _old_or_new_axis(s, "concat_dim")
    known = [(i, shape) for i, shape in enumerate(s.bottoms) if shape is not None]
    if not known:
        return Built([None])
    first_index, first = known[0]
    axis = s.axis(first, axis, blob=first_index)
    for i, shape in known[1:]:
        others = (j for j in range(len(first)) if j != axis)
        if len(first) != len(shape) or any(differ(first[j], shape[j]) for j in others):
            wanted = (*first[:axis], None, *first[axis + 1 :])
            s.refuse_shape(i, wanted, like=f'"{s.bottom_name(first_index)}"')
    if len(known) < len(s.bottoms):
        return Built([(*first[:axis], None, *first[axis + 1 :])])
    along = [shape[axis] for _, shape in known]
    total = None if None in along else sum(size for size in along if size is not None)
    return Built([s.blob(_merged([shape for _, shape in known], axis, total))])


def _merged(shapes: list[tuple[Dim, ...]], axis: int, total: Dim) -> tuple[Dim, ...]:
    """The sizes that any of the shapes knows, with the total along the axis."""
    sizes: list[Dim] = []
    for i, column in enumerate(zip(*shapes, strict=True)):
        known = next((size for size in column if size is not None), None)
        sizes.append(total if i == axis else known)
    return tuple(sizes)


def slice_(s: Setup) -> Built:
    """At the slice points, or in equal parts."""
    axis = _old_or_new_axis(s, "slice_dim")
    points: list[int] = [signed(point) for point in s.own.get("slice_point")]
    if points and len(points) != s.tops - 1:
        given, tops = in_words(len(points), "slice_point"), in_words(s.tops, "top")
        s.refuse("slice-point-count", "slice_point", given=given, tops=tops, wanted=s.tops - 1)
    for i, (before, point) in enumerate(zip([0, *points], points, strict=False)):
        if point <= before:
            s.refuse("slice-point-order", f"slice_point[{i}]", point=point, before=before)
    shape = s.bottom
    if shape is None:
        return Built([None] * s.tops)
    size = shape[axis]
    parts: list[Dim]
    if points:
        if size is not None and (s.tops > size or points[-1] > size):
            s.refuse("slice-point-beyond", f"slice_point[{len(points) - 1}]", point=points[-1],
                     size=size, axis=axis, bottom=s.bottom_name(0))  # fmt: skip
        edges = [0, *points]
        parts = [b - a for a, b in zip(edges, points, strict=False)]
        parts.append(None if size is None else size - points[-1])
    else:
        if size is not None and size % s.tops:
            s.refuse("slice-indivisible", "top", size=size, tops=s.tops, axis=axis,
                     bottom=s.bottom_name(0))  # fmt: skip
        parts = [None if size is None else size // s.tops] * s.tops
    return Built([s.blob((*shape[:axis], part, *shape[axis + 1 :])) for part in parts])


def split(s: Setup) -> Built:
    """Copies, none of which may be the bottom itself."""
    s.not_in_place()
    return s.like_bottom()


def silence(_s: Setup) -> Built:
    """Takes anything, makes nothing."""
    return Built([])


def reshape(s: Setup) -> Built:
    """0 copies a size, -1 is what is left; axes before ``axis`` and behind ``num_axes`` stay."""
    s.not_in_place()
    new: list[int] = s.own.sub("shape").get("dim")
    if new.count(-1) > 1:
        _impossible(s, "more than one size is -1")
    shape = s.bottom
    if shape is None:
        return Built([None])
    start, end = _reshaped_axes(s, shape)
    sizes: list[Dim] = list(new)
    for i, size in enumerate(new):
        if size == 0:
            if start + i >= len(shape):
                _impossible(s, f"the 0 at place {i} has no axis to copy")
            sizes[i] = shape[start + i]
    if -1 in new:
        sizes[new.index(-1)] = _inferred(s, shape, start, end, sizes)
    top = s.blob((*shape[:start], *sizes, *shape[end:]), "shape")
    if differ(count(top), count(shape)):
        _impossible(s, f"{shown(top)} has {count(top)} values, not {count(shape)}")
    return Built([top])


def _impossible(s: Setup, reason: str) -> None:
    bottom = s.bottom_name(0)
    s.refuse("reshape-impossible", "shape", bottom=bottom, shape=shown(s.bottom), reason=reason)


def _reshaped_axes(s: Setup, shape: tuple[Dim, ...]) -> tuple[int, int]:
    axis, number = s.own.get("axis"), s.own.get("num_axes")
    start = axis if axis >= 0 else len(shape) + axis + 1
    if not 0 <= start <= len(shape):
        s.refuse("axis-out-of-range", "axis", axis=axis, axes=len(shape), bottom=s.bottom_name(0),
                 shape=shown(shape))  # fmt: skip
    if number < -1:
        s.refuse("bad-num-axes", "num_axes", value=number)
    end = len(shape) if number == -1 else start + number
    if end > len(shape):
        s.refuse("extends-past-bottom", "num_axes", axis=start, number=number, shape=shown(shape),
                 bottom=s.bottom_name(0))  # fmt: skip
    return start, end


def _inferred(s: Setup, shape: tuple[Dim, ...], start: int, end: int, sizes: list[Dim]) -> Dim:
    rest = count((*shape[:start], *(size for size in sizes if size != -1), *shape[end:]))
    if rest == 0:
        divisor = "the product of the sizes other than -1"
        s.refuse("division-by-zero", "shape", divisor=divisor)
    total = count(shape)
    if rest is None or total is None:
        return _inferred_from_part(shape[start:end], sizes)
    if total % rest:
        _impossible(s, f"its {total} values do not divide by {rest}")
    return total // rest


def _inferred_from_part(replaced: tuple[Dim, ...], sizes: list[Dim]) -> Dim:
    """Unknown sizes that are copied do not matter: they cancel out."""
    given = [size for size in sizes if size != -1]
    left = list(replaced)
    for size in list(given):
        if size is None and None in left:
            left.remove(None)
            given.remove(None)
    total, rest = count(tuple(left)), count(tuple(given))
    if total is None or not rest or total % rest:
        return None
    return total // rest


def flatten(s: Setup) -> Built:
    """The axes from ``axis`` to ``end_axis`` become one."""
    s.not_in_place()
    shape = s.bottom
    start, end = s.axis(shape, s.own.get("axis")), s.axis(shape, s.own.get("end_axis"), "end_axis")
    if shape is None:
        return Built([None])
    if end + 1 < start:
        s.refuse("flatten-order", "end_axis", start=start, end=end)
    flat = count(shape, start, end + 1)
    return Built([s.blob((*shape[:start], flat, *shape[end + 1 :]))])


def crop(s: Setup) -> Built:
    """From ``axis`` on, the sizes of the second bottom, cut out at the offsets."""
    shape, like = s.bottoms
    start = s.axis(shape, s.own.get("axis"))
    offsets: list[int] = s.own.get("offset")
    if shape is None:
        return Built([None])
    if len(offsets) > 1 and start + len(offsets) != len(shape):
        given = in_words(len(offsets), "offset")
        s.refuse("crop-offset-count", "offset", given=given, wanted=len(shape) - start, axis=start)
    if like is None:
        return Built([(*shape[:start], *[None] * (len(shape) - start))])
    if len(like) < len(shape):
        s.axes_count(like, f"at least {len(shape)}", blob=1)
    for i in range(start, len(shape)):
        number = i - start if len(offsets) > 1 else 0
        offset = signed(offsets[number]) if offsets else 0
        size, wanted = shape[i], like[i]
        if size is not None and wanted is not None and size - offset < wanted:
            s.refuse(
                *("crop-out-of-bounds", f"offset[{number}]" if offset else "bottom[1]"),
                bottom=s.bottom_name(0),
                axis=i,
                size=size,
                offset=offset,
                wanted=wanted,
            )
    return Built([s.blob((*shape[:start], *like[start : len(shape)]))])


def tile(s: Setup) -> Built:
    """The axis ``tiles`` times over."""
    shape = s.bottom
    axis = s.axis(shape, s.own.get("axis"))
    s.positive("tiles", s.own.get("tiles"))
    if shape is None:
        return Built([None])
    size = shape[axis]
    tiled = None if size is None else size * s.own.get("tiles")
    return Built([s.blob((*shape[:axis], tiled, *shape[axis + 1 :]))])


def reduction(s: Setup) -> Built:
    """All axes from ``axis`` on are summed up."""
    shape = s.bottom
    axis = s.axis(shape, s.own.get("axis"))
    if shape is None:
        return Built([None])
    if s.own.get("operation") in ("SUM", "MEAN"):
        s.memory(count(shape, axis), "the sum multiplier")
    return Built([shape[:axis]])


def argmax(s: Setup) -> Built:
    """Along an axis, or over all values of an example: then the top has three axes at least."""
    shape, best = s.bottom, signed(s.own.get("top_k"))
    s.positive("top_k", best)
    axis = s.axis(shape, s.own.get("axis")) if s.own.has("axis") else None
    if shape is None:
        return Built([None])
    if not shape:
        s.axes_count(shape, "at least 1")
    classes = count(shape, 1) if axis is None else shape[axis]
    if classes is not None and best > classes:
        s.refuse("top-k-too-large", "top_k", top_k=best, classes=classes)
    if axis is not None:
        return Built([(*shape[:axis], best, *shape[axis + 1 :])])
    values = 2 if s.own.get("out_max_val") else 1
    return Built([(shape[0], values, best, *[1] * (len(shape) - 3))])


def filter_(s: Setup) -> Built:
    """Examples for which the last bottom is not 0; at start-up all of them."""
    if s.tops != len(s.bottoms) - 1:
        s.refuse("top-count", "top", found=in_words(s.tops, "top"), wanted=len(s.bottoms) - 1)
    selector = s.bottoms[-1]
    last = len(s.bottoms) - 1
    if selector is not None and any(size not in (1, None) for size in selector[1:]):
        s.refuse(
            "selector-shape", f"bottom[{last}]", bottom=s.bottom_name(last), shape=shown(selector)
        )
    for i, shape in enumerate(s.bottoms[:-1]):
        if selector and shape and differ(selector[0], shape[0]):
            s.refuse_batch(i, shape[0], last, selector[0])
    batch = s.bottoms[0][0] if s.bottoms[0] else None
    return Built([None if not shape else (batch, *shape[1:]) for shape in s.bottoms[:-1]])


def batch_reindex(s: Setup) -> Built:
    """As many examples as the second bottom has indices."""
    shape: Shape = s.bottoms[0]
    index = s.need_axes(1, 1)
    if shape is None:
        return Built([None])
    return Built([(None if index is None else index[0], *shape[1:])])
