from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as ProtobufMessage

import caffelint
from caffelint.api import FileKind
from caffelint.core.source import Span
from caffelint.resources import load_schema
from caffelint.schema.message import Message
from caffelint.schema.upgrade import SOLVER_TYPES, upgrade_net, upgrade_solver
from caffelint.schema.upgrade_v0 import V0_TYPES, upgrade_v0_padding, upgrade_v0_to_v1
from caffelint.schema.upgrade_v1 import V1_TYPES, upgrade_data_transform, upgrade_v1_to_v2
from caffelint.syntax.tree import Field


def bound(text: str, kind: FileKind = "net") -> Message:
    parsed = caffelint.parse(text, kind=kind)
    assert parsed.typed is not None
    assert not parsed.problems
    return parsed.typed


def net(text: str) -> ProtobufMessage:
    return text_format.Parse(text, load_schema().net.new_message())


V0_DATA = 'layers { layer { name: "d" type: "data" source: "db" } top: "d" }'
DATA = 'layer { name: "d" type: "Data" data_param { source: "db" } top: "d" }'

# V0 layer blocks, and the current layers that they become.
V0_LAYERS = {
    "conv": (
        (
            'type: "conv" num_output: 4 biasterm: false kernelsize: 3 pad: 1 stride: 2 group: 2'
            ' weight_filler { type: "xavier" } bias_filler { value: 1 }'
        ),
        (
            'type: "Convolution" convolution_param { num_output: 4 bias_term: false kernel_size: 3'
            ' pad: 1 stride: 2 group: 2 weight_filler { type: "xavier" } bias_filler { value: 1 } }'
        ),
    ),
    "pool": (
        'type: "pool" pool: AVE kernelsize: 3 pad: 1 stride: 2',
        'type: "Pooling" pooling_param { pool: AVE kernel_size: 3 pad: 1 stride: 2 }',
    ),
    "innerproduct": (
        (
            'type: "innerproduct" num_output: 4 biasterm: true weight_filler { std: 2 }'
            " bias_filler { value: 1 } blobs_lr: 1 blobs_lr: 2 weight_decay: 1 blobs { num: 7 }"
        ),
        (
            'type: "InnerProduct" inner_product_param { num_output: 4 bias_term: true'
            " weight_filler { std: 2 } bias_filler { value: 1 } } blobs { num: 7 }"
            " param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 }"
        ),
    ),
    "lrn": (
        'type: "lrn" local_size: 3 alpha: 2 beta: 0.5 k: 3',
        'type: "LRN" lrn_param { local_size: 3 alpha: 2 beta: 0.5 k: 3 }',
    ),
    "dropout": (
        'type: "dropout" dropout_ratio: 0.25',
        'type: "Dropout" dropout_param { dropout_ratio: 0.25 }',
    ),
    "concat": ('type: "concat" concat_dim: 0', 'type: "Concat" concat_param { concat_dim: 0 }'),
    "infogain-loss": (
        'type: "infogain_loss" source: "h"',
        'type: "InfogainLoss" infogain_loss_param { source: "h" }',
    ),
    "data": (
        (
            'type: "data" source: "db" batchsize: 8 rand_skip: 3 scale: 0.5 meanfile: "m"'
            " cropsize: 2 mirror: true"
        ),
        (
            'type: "Data" data_param { source: "db" batch_size: 8 rand_skip: 3 }'
            ' transform_param { scale: 0.5 mean_file: "m" crop_size: 2 mirror: true }'
        ),
    ),
    "images": (
        (
            'type: "images" source: "list" batchsize: 8 rand_skip: 3 shuffle_images: true'
            " new_height: 5 new_width: 6"
        ),
        (
            'type: "ImageData" image_data_param { source: "list" batch_size: 8 rand_skip: 3'
            " shuffle: true new_height: 5 new_width: 6 }"
        ),
    ),
    "negative-size": (
        'type: "images" new_height: -1',
        'type: "ImageData" image_data_param { new_height: 4294967295 }',
    ),
    "window-data": (
        (
            'type: "window_data" source: "w" batchsize: 8 det_fg_threshold: 0.6'
            " det_bg_threshold: 0.4 det_fg_fraction: 0.3 det_context_pad: 16"
            ' det_crop_mode: "square"'
        ),
        (
            'type: "WindowData" window_data_param { source: "w" batch_size: 8 fg_threshold: 0.6'
            ' bg_threshold: 0.4 fg_fraction: 0.3 context_pad: 16 crop_mode: "square" }'
        ),
    ),
    "hdf5-data": (
        'type: "hdf5_data" source: "h" batchsize: 8',
        'type: "HDF5Data" hdf5_data_param { source: "h" batch_size: 8 }',
    ),
    "hdf5-output": (
        'type: "hdf5_output" hdf5_output_param { file_name: "o" }',
        'type: "HDF5Output" hdf5_output_param { file_name: "o" }',
    ),
    "transform-of-any-type": ('type: "relu" scale: 2', 'type: "ReLU" transform_param { scale: 2 }'),
    "no-type": ("scale: 2", "transform_param { scale: 2 }"),
}

V0_NETS = {
    name: (
        f'layers {{ layer {{ name: "l" {old} }} top: "t" }}',
        f'layer {{ name: "l" {new} top: "t" }}',
    )
    for name, (old, new) in V0_LAYERS.items()
}

PADDING = {
    "conv": (
        V0_DATA + 'layers { layer { name: "p" type: "padding" pad: 2 } bottom: "d" top: "p" }'
        'layers { layer { name: "c" type: "conv" kernelsize: 5 } bottom: "p" top: "c" }',
        DATA + 'layer { name: "c" type: "Convolution" bottom: "d" top: "c"'
        " convolution_param { kernel_size: 5 pad: 2 } }",
    ),
    "two-readers-and-no-pad": (
        V0_DATA + 'layers { layer { type: "padding" } bottom: "d" top: "p" }'
        'layers { layer { type: "conv" pad: 7 } bottom: "p" top: "c" }'
        'layers { layer { type: "pool" } bottom: "p" top: "q" }',
        DATA + 'layer { type: "Convolution" bottom: "d" top: "c" convolution_param { pad: 0 } }'
        'layer { type: "Pooling" bottom: "d" top: "q" pooling_param { pad: 0 } }',
    ),
    "after-an-in-place-layer": (
        V0_DATA + 'layers { layer { type: "padding" pad: 2 } bottom: "d" top: "p" }'
        'layers { layer { type: "conv" } bottom: "p" top: "p" }'
        'layers { layer { type: "relu" } bottom: "p" top: "p" }',
        DATA + 'layer { type: "Convolution" bottom: "d" top: "p" convolution_param { pad: 2 } }'
        'layer { type: "ReLU" bottom: "p" top: "p" }',
    ),
    "of-a-net-input": (
        (
            'input: "d" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 9 '
            'layers { layer { type: "padding" pad: 2 } bottom: "d" top: "p" }'
            'layers { layer { type: "conv" } bottom: "p" top: "c" }'
        ),
        (
            'layer { name: "input" type: "Input" top: "d"'
            " input_param { shape { dim: 1 dim: 3 dim: 8 dim: 9 } } }"
            'layer { type: "Convolution" bottom: "d" top: "c" convolution_param { pad: 2 } }'
        ),
    ),
}

V1_NETS = {
    "everything-shared": (
        (
            'name: "n" force_backward: true debug_info: true state { level: 2 }'
            'layers { name: "c" type: CONVOLUTION bottom: "a" bottom: "b" top: "c" loss_weight: 2'
            " include { phase: TEST } exclude { stage: 's' } blobs { num: 7 }"
            " convolution_param { num_output: 4 } loss_param { ignore_label: 3 }"
            " transform_param { scale: 2 } }"
        ),
        (
            'name: "n" force_backward: true debug_info: true state { level: 2 }'
            'layer { name: "c" type: "Convolution" bottom: "a" bottom: "b" top: "c" loss_weight: 2'
            " include { phase: TEST } exclude { stage: 's' } blobs { num: 7 }"
            " convolution_param { num_output: 4 } loss_param { ignore_label: 3 }"
            " transform_param { scale: 2 } }"
        ),
    ),
    "param-lists-of-different-length": (
        (
            'layers { type: RELU param: "w" blobs_lr: 1 blobs_lr: 2 weight_decay: 0'
            " blob_share_mode: PERMISSIVE blob_share_mode: STRICT blob_share_mode: PERMISSIVE }"
        ),
        (
            'layer { type: "ReLU"'
            ' param { name: "w" lr_mult: 1 decay_mult: 0 share_mode: PERMISSIVE }'
            " param { lr_mult: 2 share_mode: STRICT } param { share_mode: PERMISSIVE } }"
        ),
    ),
    "type-none": ("layers { type: NONE }", 'layer { type: "" }'),
    "no-type": ('layers { name: "x" }', 'layer { name: "x" }'),
    "block-of-another-type": (
        "layers { type: RELU pooling_param { stride: 2 } }",
        'layer { type: "ReLU" pooling_param { stride: 2 } }',
    ),
    "old-transform-fields": (
        (
            'layers { type: DATA data_param { source: "a" scale: 2 mean_file: "m" crop_size: 3 '
            "mirror: true } transform_param { scale: 1 mean_value: 4 } }"
        ),
        (
            'layer { type: "Data" data_param { source: "a" } transform_param { scale: 2'
            ' mean_file: "m" crop_size: 3 mirror: true mean_value: 4 } }'
        ),
    ),
    "old-transform-fields-fill-blocks-everywhere": (
        (
            "layers { type: DATA } layers { type: RELU }"
            " layers { type: IMAGE_DATA image_data_param { crop_size: 3 } }"
            ' layers { type: WINDOW_DATA window_data_param { source: "w" } }'
        ),
        (
            'layer { type: "Data" data_param {} transform_param {} } layer { type: "ReLU" }'
            ' layer { type: "ImageData" image_data_param {} transform_param { crop_size: 3 } }'
            ' layer { type: "WindowData" window_data_param { source: "w" } transform_param {} }'
        ),
    ),
    "old-transform-fields-in-another-type": (
        "layers { type: MEMORY_DATA data_param { scale: 2 } }",
        'layer { type: "MemoryData" data_param { scale: 2 } }',
    ),
}

INPUTS = {
    "dims-of-two": (
        (
            'layer { type: "ReLU" bottom: "b" top: "c" } input: "a" input: "b"'
            " input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4"
            " input_dim: 5 input_dim: 6 input_dim: 7 input_dim: 8"
        ),
        (
            'layer { name: "input" type: "Input" top: "a" top: "b" input_param {'
            " shape { dim: 1 dim: 2 dim: 3 dim: 4 } shape { dim: 5 dim: 6 dim: 7 dim: 8 } } }"
            'layer { type: "ReLU" bottom: "b" top: "c" }'
        ),
    ),
    "shape-outranks-dims": (
        'input: "a" input_dim: 1 input_shape { dim: 2 dim: 3 } input_shape { dim: 9 }',
        'layer { name: "input" type: "Input" top: "a" input_param { shape { dim: 2 dim: 3 } } }',
    ),
    "with-v1-layers": (
        'input: "a" input_shape { dim: 2 } layers { type: RELU bottom: "a" top: "b" }',
        (
            'layer { name: "input" type: "Input" top: "a" input_param { shape { dim: 2 } } }'
            'layer { type: "ReLU" bottom: "a" top: "b" }'
        ),
    ),
}

BATCH_NORM = {
    "three-params": (
        (
            'layer { type: "BatchNorm" param { lr_mult: 2 name: "m" } param { lr_mult: 0 }'
            " param {} }"
            'layer { type: "BatchNorm" param { lr_mult: 2 } }'
            'layer { type: "Scale" param {} param {} param {} }'
        ),
        (
            'layer { type: "BatchNorm" param { lr_mult: 0 decay_mult: 0 name: "m" }'
            " param { lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 decay_mult: 0 } }"
            'layer { type: "BatchNorm" param { lr_mult: 2 } }'
            'layer { type: "Scale" param {} param {} param {} }'
        ),
    ),
}

NETS = {
    f"{group}-{name}": pair
    for group, pairs in {
        "v0": V0_NETS,
        "padding": PADDING,
        "v1": V1_NETS,
        "input": INPUTS,
        "batch-norm": BATCH_NORM,
    }.items()
    for name, pair in pairs.items()
}

old_nets = pytest.mark.parametrize(("old", "new"), list(NETS.values()), ids=list(NETS))


@old_nets
def test_net_becomes_current(old: str, new: str) -> None:
    upgraded, problems = upgrade_net(bound(old))
    assert problems == []
    assert upgraded.to_protobuf() == net(new)


@old_nets
def test_given_net_stays_as_it_was(old: str, new: str) -> None:
    given = bound(old)
    upgrade_net(given)
    assert given.to_protobuf() == net(old)
    assert given.nodes.keys() == bound(old).nodes.keys()


@old_nets
def test_upgrade_is_done_once(old: str, new: str) -> None:
    upgraded, _ = upgrade_net(bound(old))
    assert upgrade_net(upgraded) == (upgraded, [])


def _leaves(message: Message) -> Iterator[tuple[str, Field | None]]:
    """Every field with its place; a repeated one several times."""
    for name, value in message.values.items():
        values = value if message.type.fields[name].repeated else [value]
        for index, each in enumerate(values):
            yield name, message.field(name, index)
            if isinstance(each, Message):
                yield f"{name} itself", each.node
                yield from _leaves(each)


@old_nets
def test_everything_points_into_the_text(old: str, new: str) -> None:
    upgraded, _ = upgrade_net(bound(old))
    assert [name for name, field in _leaves(upgraded) if field is None] == []


@pytest.mark.parametrize(
    "text",
    [
        'layer { type: "ReLU" }',
        'layer { type: "BatchNorm" param { lr_mult: 0 } param { lr_mult: 0 } }',
        'layer { type: "BatchNorm"'
        + 3 * " param { lr_mult: 0 decay_mult: 0 }"
        + ' } name: "already frozen"',
        'layer { type: "Data" data_param { scale: 2 } }',
        "input_dim: 3",
    ],
)
def test_current_net_is_given_back(text: str) -> None:
    current = bound(text)
    upgraded, problems = upgrade_net(current)
    assert upgraded is current
    assert problems == []


PLACES = {
    "v0-type": (
        'layers { layer { type: "conv" kernelsize: 3 } top: "t" }',
        {"type": '"conv"', "convolution_param": "layer", "convolution_param.kernel_size": "3"},
    ),
    "padding": (
        (
            'input: "d" layers { layer { type: "padding" pad: 2 } bottom: "d" top: "p" }'
            'layers { layer { type: "pool" } bottom: "p" top: "q" }'
        ),
        {"pooling_param.pad": "2", "bottom": '"p"'},
    ),
    "padding-without-pad": (
        (
            'input: "d" layers { layer { type: "padding" } bottom: "d" top: "p" }'
            'layers { layer { type: "pool" } bottom: "p" top: "q" }'
        ),
        {"pooling_param.pad": "layer"},
    ),
    "v1-transform": (
        "layers { type: DATA data_param { crop_size: 7 } }",
        {"type": "DATA", "transform_param": "data_param", "transform_param.crop_size": "7"},
    ),
    "v1-param": (
        'layers { type: RELU param: "w" blobs_lr: 3 weight_decay: 4 }',
        {
            "param": "3",
            "param.name": '"w"',
            "param.lr_mult": "3",
            "param.decay_mult": "4",
            "param.share_mode": "3",
        },
    ),
    "v1-layer": ('layers { bottom: "x" }', {"bottom": '"x"', "top": "layers"}),
    "input": (
        'input: "a" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4',
        {"name": '"a"', "top": '"a"', "input_param.shape.dim": "1", "bottom": '"a"'},
    ),
    "batch-norm": (
        'layer { type: "BatchNorm" param { lr_mult: 5 } param {} param {} }',
        {"param.lr_mult": "5", "param.decay_mult": "param"},
    ),
}


@pytest.mark.parametrize(("text", "places"), list(PLACES.values()), ids=list(PLACES))
def test_upgraded_fields_point_at_what_they_came_from(text: str, places: dict[str, str]) -> None:
    upgraded, _ = upgrade_net(bound(text))
    for path, written in places.items():
        message: Message = upgraded.get("layer")[0]
        *blocks, name = path.split(".")
        for block in blocks:
            value = message.get(block)
            message = value[0] if isinstance(value, list) else value
        start, end = message.span(name)
        assert (path, text[start:end]) == (path, written)


class Expected(NamedTuple):
    kind: str
    values: Mapping[str, object]
    layer: str = ""
    rejects: bool = True


# «…» is the place of the problem, ⟦…⟧ the further one.
PROBLEMS: dict[str, tuple[str, Expected]] = {
    "one-layers-among-two-layer": (
        '⟦layer⟧ { type: "ReLU" } layer { type: "ReLU" } «layers» { name: "x" type: RELU }',
        Expected(
            "layer-and-layers",
            {"form": "layers", "count": 1, "other": "layer", "other_count": 2},
            "x",
        ),
    ),
    "one-layer-among-two-layers": (
        '«layer» { name: "x" } ⟦layers⟧ { type: RELU } layers { type: RELU }',
        Expected(
            "layer-and-layers",
            {"form": "layer", "count": 1, "other": "layers", "other_count": 2},
            "x",
        ),
    ),
    "layer-after-layers": (
        '⟦layers⟧ { type: RELU } «layer» { name: "x" }',
        Expected(
            "layer-and-layers",
            {"form": "layer", "count": 1, "other": "layers", "other_count": 1},
            "x",
        ),
    ),
    "layers-after-layer": (
        '⟦layer⟧ { type: "ReLU" } «layers» { name: "x" type: RELU }',
        Expected(
            "layer-and-layers",
            {"form": "layers", "count": 1, "other": "layer", "other_count": 1},
            "x",
        ),
    ),
    "v0-type-misspelt": (
        'layers { layer { name: "x" type: «"inerproduct"» num_output: 3 } top: "t" }',
        Expected("v0-unknown-type", {"type": "inerproduct", "suggestion": "innerproduct"}, "x"),
    ),
    "v0-type-in-current-form": (
        'layers { layer { type: «"SoftmaxWithLoss"» } top: "t" }',
        Expected("v0-unknown-type", {"type": "SoftmaxWithLoss", "suggestion": "softmax_loss"}),
    ),
    "v0-type-in-v1-form": (
        'layers { layer { type: «"CONVOLUTION"» } top: "t" }',
        Expected("v0-unknown-type", {"type": "CONVOLUTION", "suggestion": "conv"}),
    ),
    "v0-type-unlike-any": (
        'layers { layer { type: «""» } top: "t" }',
        Expected("v0-unknown-type", {"type": "", "suggestion": ""}),
    ),
    "v0-parameter": (
        'layers { layer { name: "r" type: "relu" num_output: «3» } top: "t" }',
        Expected(
            "v0-unknown-parameter",
            {"field": "num_output", "type": "relu", "takers": "conv, innerproduct"},
            "r",
            rejects=False,
        ),
    ),
    "v0-parameter-without-type": (
        'layers { layer { name: "r" concat_dim: «3» } top: "t" }',
        Expected(
            "v0-unknown-parameter",
            {"field": "concat_dim", "type": "", "takers": "concat"},
            "r",
            rejects=False,
        ),
    ),
    "v0-field-of-the-outer-block": (
        'layers { layer { name: "r" type: "relu" } top: "t" «include» { phase: TEST } }',
        Expected(
            "v0-dropped-field",
            {"field": "include", "message": "V1LayerParameter"},
            "r",
            rejects=False,
        ),
    ),
    "v0-field-of-the-net": (
        '«input_shape» { dim: 2 } layers { layer { type: "relu" } top: "t" }',
        Expected(
            "v0-dropped-field", {"field": "input_shape", "message": "NetParameter"}, rejects=False
        ),
    ),
    "v0-field-never-read": (
        'layers { layer { type: "images" «new_num»: 3 } top: "t" }',
        Expected(
            "v0-dropped-field",
            {"field": "new_num", "message": "V0LayerParameter"},
            rejects=False,
        ),
    ),
    "v0-and-current-layer": (
        'layers { layer { type: "relu" } top: "t" } «layer» { type: "ReLU" }',
        Expected("v0-dropped-field", {"field": "layer", "message": "NetParameter"}, rejects=False),
    ),
    "v0-bottom": (
        V0_DATA + 'layers { layer { name: "c" type: "relu" } bottom: "d" bottom: «"data"» }',
        Expected("v0-unknown-bottom", {"bottom": "data", "suggestion": ""}, "c"),
    ),
    "v0-bottom-misspelt": (
        (
            'layers { layer { type: "data" } top: "data" }'
            'layers { layer { type: "relu" } bottom: «"dat"» top: "dat" }'
            'layers { layer { type: "relu" } bottom: "dat" }'
        ),
        Expected("v0-unknown-bottom", {"bottom": "dat", "suggestion": "data"}),
    ),
    "padding-before-another-type": (
        V0_DATA + 'layers { ⟦layer⟧ { name: "p" type: "padding" } bottom: "d" top: "p" }'
        'layers { layer { name: "r" type: "relu" } bottom: «"p"» top: "r" }',
        Expected(
            "padding-consumer",
            {
                "padding": "p",
                "bottom": "p",
                "type": "relu",
                "reason": 'only "conv" and "pool" take padding, not "relu"',
            },
            "r",
        ),
    ),
    "padding-before-two-bottoms": (
        V0_DATA + 'layers { ⟦layer⟧ { name: "p" type: "padding" } bottom: "d" top: "p" }'
        'layers { layer { name: "c" type: "conv" } bottom: "d" bottom: «"p"» top: "r" }',
        Expected(
            "padding-consumer",
            {"padding": "p", "bottom": "p", "type": "conv", "reason": "it has 2 bottoms, not 1"},
            "c",
        ),
    ),
    "padding-of-nothing": (
        (
            'layers { ⟦layer⟧ { name: "p" type: "padding" } top: "p" }'
            'layers { layer { name: "c" type: "conv" } bottom: «"p"» top: "r" }'
        ),
        Expected(
            "padding-consumer",
            {
                "padding": "p",
                "bottom": "p",
                "type": "conv",
                "reason": "the padding layer has 0 bottoms, not 1",
            },
            "c",
        ),
    ),
    "padding-with-two-tops": (
        V0_DATA + 'layers { ⟦layer⟧ { name: "p" type: "padding" } bottom: "d" top: "p" top: "q" }'
        'layers { layer { name: "c" type: "conv" } bottom: «"q"» top: "r" }',
        Expected(
            "padding-consumer",
            {
                "padding": "p",
                "bottom": "q",
                "type": "conv",
                "reason": "the padding layer has 2 tops, not 1",
            },
            "c",
        ),
    ),
    "too-few-dims": (
        (
            'input: "a" input: «"b"»'
            " input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 input_dim: 5 input_dim: ⟦6⟧"
        ),
        Expected(
            "input-dims-missing",
            {"input": "b", "field": "input_dim", "needed": 8, "given": 6},
        ),
    ),
    "too-few-shapes": (
        'input: "a" input: «"b"» input: "c" ⟦input_shape⟧ { dim: 2 }',
        Expected(
            "input-dims-missing",
            {"input": "b", "field": "input_shape", "needed": 3, "given": 1},
        ),
    ),
    "no-shape": (
        'input: «"a"» layer { type: "ReLU" bottom: "a" }',
        Expected("input-without-shape", {"input": "a"}, rejects=False),
    ),
}


def unmark(marked: str) -> tuple[str, Span, tuple[Span, ...]]:
    """The text, the span of its «…», and that of its ⟦…⟧ if there is one."""
    at = {mark[0]: mark.start() - i for i, mark in enumerate(re.finditer("[«»⟦⟧]", marked))}
    also = (Span(at["⟦"], at["⟧"]),) if "⟦" in at else ()
    return re.sub("[«»⟦⟧]", "", marked), Span(at["«"], at["»"]), also


@pytest.mark.parametrize(("marked", "want"), list(PROBLEMS.values()), ids=list(PROBLEMS))
def test_problem(marked: str, want: Expected) -> None:
    text, span, also = unmark(marked)
    given = bound(text)
    _, problems = upgrade_net(given)
    assert given.to_protobuf() == net(text)
    assert [
        (
            p.span,
            tuple(place for place, _ in p.also),
            Expected(p.kind, p.values, p.layer, p.rejects),
        )
        for p in problems
    ] == [(span, also, want)]


def test_problems_come_in_the_order_of_the_text() -> None:
    text = (
        'input: "a" input_dim: 1 layers { layer { type: "x" stride: 3 } bottom: "a" }'
        'layers { layer { type: "relu" stride: 3 } bottom: "q" } debug_info: true'
    )
    _, problems = upgrade_net(bound(text))
    assert [problem.kind for problem in problems] == [
        "input-dims-missing",
        "v0-unknown-type",
        "v0-unknown-parameter",
        "v0-unknown-bottom",
        "v0-dropped-field",
    ]


RECOVERIES = {
    "mixed-forms-in-the-order-of-the-text": (
        'layer { name: "a" } layers { name: "b" type: RELU } layer { name: "c" }',
        'layer { name: "a" } layer { name: "b" type: "ReLU" } layer { name: "c" }',
    ),
    "padding-chain-is-bypassed": (
        V0_DATA + 'layers { layer { type: "padding" pad: 1 } bottom: "d" top: "p" }'
        'layers { layer { type: "padding" pad: 2 } bottom: "p" top: "q" }'
        'layers { layer { type: "conv" } bottom: "q" top: "c" }',
        DATA + 'layer { type: "Convolution" bottom: "d" top: "c" convolution_param { pad: 2 } }',
    ),
    "missing-dims-are-left-out": (
        'input: "a" input: "b" input_dim: 1 input_dim: 2',
        (
            'layer { name: "input" type: "Input" top: "a" top: "b"'
            " input_param { shape { dim: 1 dim: 2 } shape {} } }"
        ),
    ),
    "missing-shapes-are-empty": (
        'input: "a" input: "b" input_shape { dim: 2 }',
        (
            'layer { name: "input" type: "Input" top: "a" top: "b"'
            " input_param { shape { dim: 2 } shape {} } }"
        ),
    ),
    "inputs-without-shape-are-stripped": ('name: "n" input: "a"', 'name: "n"'),
    "current-layers-of-a-v0-net-are-dropped": (
        'layer { name: "gone" } layers { layer { type: "relu" } }',
        'layer { type: "ReLU" }',
    ),
    "v1-layers-of-a-v0-net-are-emptied": (
        'layers { layer { type: "relu" } } layers { name: "x" type: RELU top: "t" }',
        'layer { type: "ReLU" } layer { top: "t" }',
    ),
}


@pytest.mark.parametrize(("old", "new"), list(RECOVERIES.values()), ids=list(RECOVERIES))
def test_net_with_a_problem_is_upgraded_all_the_same(old: str, new: str) -> None:
    upgraded, problems = upgrade_net(bound(old))
    assert problems
    assert upgraded.to_protobuf() == net(new)


STEPS: dict[str, tuple[Any, str, str]] = {
    "padding-only": (
        upgrade_v0_padding,
        (
            'input: "d" layers { layer { type: "padding" pad: 1 } bottom: "d" top: "p" }'
            'layers { layer { type: "conv" } bottom: "p" top: "c" }'
        ),
        'input: "d" layers { layer { type: "conv" pad: 1 } bottom: "d" top: "c" }',
    ),
    "v0-to-v1-only": (
        upgrade_v0_to_v1,
        'input: "d" layers { layer { type: "relu" blobs_lr: 2 } bottom: "d" top: "p" }',
        'input: "d" layers { type: RELU blobs_lr: 2 bottom: "d" top: "p" }',
    ),
    "data-transform-only": (
        upgrade_data_transform,
        "layers { type: DATA data_param { mirror: true } }",
        "layers { type: DATA data_param {} transform_param { mirror: true } }",
    ),
    "v1-to-v2-only": (
        upgrade_v1_to_v2,
        'input: "d" layers { type: DATA data_param { mirror: true } }',
        'input: "d" layer { type: "Data" data_param { mirror: true } }',
    ),
}


@pytest.mark.parametrize(("step", "old", "new"), list(STEPS.values()), ids=list(STEPS))
def test_single_step(step: Any, old: str, new: str) -> None:
    upgraded, problems = step(bound(old))
    assert problems == []
    assert upgraded.to_protobuf() == net(new)


@pytest.mark.parametrize(("old", "new"), list(SOLVER_TYPES.items()))
def test_solver_type(old: str, new: str) -> None:
    given = bound(f"base_lr: 1 solver_type: {old}", "solver")
    upgraded, problems = upgrade_solver(given)
    assert problems == []
    assert upgraded.values == {"base_lr": 1.0, "type": new}
    assert upgraded.field("type") is given.field("solver_type")
    assert given.has("solver_type")


def test_current_solver_is_given_back() -> None:
    current = bound('type: "Adam"', "solver")
    assert upgrade_solver(current) == (current, [])


def test_solver_type_twice() -> None:
    text, span, also = unmark('type: ⟦"SGD"⟧ solver_type: «ADAM»')
    upgraded, [problem] = upgrade_solver(bound(text, "solver"))
    assert upgraded.values == {"type": "SGD"}
    assert (problem.kind, problem.rejects) == ("solver-type-twice", True)
    assert problem.values == {"old": "ADAM", "type": "SGD"}
    assert problem.span == span
    assert [place for place, _ in problem.also] == list(also)


# The tables against the schema


def _layers_type() -> Any:
    return load_schema().net.fields["layers"].message


def test_every_v1_and_solver_type_of_the_schema_has_a_name() -> None:
    assert set(_layers_type().fields["type"].enum.numbers) == set(V1_TYPES)
    solver_types = load_schema().solver.fields["solver_type"].enum
    assert solver_types is not None
    assert set(solver_types.numbers) == set(SOLVER_TYPES)


@pytest.mark.parametrize("name", V0_TYPES)
def test_v0_fields_have_a_place_of_their_own_type(name: str) -> None:
    v1 = _layers_type()
    v0 = v1.fields["layer"].message
    type_ = V0_TYPES[name]
    assert type_.v1 in V1_TYPES
    target = v1.fields[type_.block].message if type_.block else v1
    # Sizes are int32 in V0, and a negative one wraps round.
    kind = {FieldDescriptor.TYPE_INT32: FieldDescriptor.TYPE_UINT32}
    for old, new in type_.fields.items():
        assert kind.get(v0.fields[old].type, v0.fields[old].type) == target.fields[new].type
        assert v0.fields[old].message == target.fields[new].message
