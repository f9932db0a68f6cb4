"""Forks of Caffe: their schemas, and which of them a file is written for."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

import caffelint
from caffelint.core.source import Source
from caffelint.dialects import Read, read_as
from caffelint.model.layers import LAYER_TYPES
from caffelint.resources import load_dialects, load_fork, load_schema, proto_folder
from caffelint.schema.dialects import LayerFacts
from caffelint.syntax.parser import parse
from caffelint.told import Told, UnknownDialectError, named

INTEGERS = {
    *(FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64),
    *(FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64),
}
ALL = sorted(load_dialects().by_name)
POPULAR = [name for name in ALL if load_dialects().by_name[name].rank == 1]


def read(text: str, told: Told | None = None) -> Read:
    return read_as(parse(Source("", text)), told or Told())


def layer(type_: str, more: str = "") -> str:
    return f'layer {{ name: "x" type: "{type_}" bottom: "a" top: "x" {more} }}'


# Schemas


@pytest.mark.parametrize("name", ALL)
def test_every_dialect_makes_a_schema_with_all_that_it_tells_of(name: str) -> None:
    schema = load_fork((name,))
    fields = schema.net.fields["layer"].message
    old = schema.net.fields["layers"].message
    assert fields is not None
    assert old is not None
    old_types = old.fields["type"].enum
    assert old_types is not None
    for facts in load_dialects().by_name[name].layers:
        if facts.param:
            assert fields.fields[facts.param].message is not None, facts
        assert re.fullmatch(r"(\d+([+]|-\d+)?)?", facts.bottoms + ""), facts
        assert re.fullmatch(r"(\d+([+]|-\d+)?)?", facts.tops), facts
        assert set(facts.v1) <= old_types.numbers.keys(), facts


@pytest.mark.parametrize("name", ALL)
def test_a_dialect_only_adds(name: str) -> None:
    """All that BVLC's files may say can be said in the fork's; a single value may become a list."""
    here, there = load_fork((name,)), load_schema()
    (file,) = FileDescriptorSet.FromString((proto_folder() / "caffe.desc").read_bytes()).file
    for name_of in (message.name for message in file.message_type):
        own = here.find_message(name_of)
        assert own is not None
        for field in there.message_type(name_of).fields.values():
            kinds = {own.fields[field.name].type, field.type}
            assert len(kinds) == 1 or kinds <= INTEGERS, (name_of, field.name)


@pytest.mark.parametrize("pair", list(combinations(POPULAR, 2)), ids="+".join)
def test_any_two_of_the_popular_ones_go_together(pair: tuple[str, str]) -> None:
    schema = load_fork(pair)
    one, other = (load_fork((name,)).net.fields["layer"].message for name in pair)
    both = schema.net.fields["layer"].message
    assert one is not None
    assert other is not None
    assert both is not None
    assert both.fields.keys() == one.fields.keys() | other.fields.keys()


def test_every_dialect_is_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "dialects.md"
    rows = re.findall(r"^\| `(\S+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == ALL
    assert f"caffelint knows {len(ALL)} of them" in page.read_text(encoding="utf-8")


def test_all_together_still_make_a_schema() -> None:
    assert load_fork(tuple(ALL)).layers.keys() == set(load_dialects().all_types)


def test_layers_of_the_old_form_keep_the_blocks_of_their_fork() -> None:
    fields = load_fork(("deconvnet",)).net.fields["layer"].message
    assert fields is not None
    assert "unpooling_param" in fields.fields


# Detection


SSD = (
    layer("Permute", "permute_param { order: 0 order: 2 }"),
    layer("PriorBox", "prior_box_param { min_size: 30 }"),
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (layer("ReLU"), ""),
        (layer("Relu"), ""),
        (layer("NoSuchThing", "no_such_param { a: 1 }"), ""),
        (SSD[0], "ssd"),
        ("".join(SSD), "ssd"),
        (layer("ROIPooling", "roi_pooling_param { pooled_w: 7 pooled_h: 7 }"), "faster-rcnn"),
        (layer("PSROIPooling", "psroi_pooling_param { spatial_scale: 0.0625 }"), "r-fcn"),
        (layer("SoftmaxWithLossOHEM", "loss_param { pre_fixed_normalizer: 2 }"), "microsoft"),
        (layer("BN", 'bn_param { scale_filler { type: "constant" } }'), "segnet"),
        (layer("BN", "bn_param { frozen: true }") + layer("Interp"), "pspnet"),
        (layer("BatchNorm", "batch_norm_param { scale_bias: true }"), "nvcaffe"),
        (layer("Pooling", "pooling_param { kernel_size: 3 ceil_mode: false }"), "add-ons"),
        (layer("Axpy"), "add-ons"),
        (layer("Lstm", "lstm_param { num_output: 3 }"), "lstm"),
        (layer("ImResize", "imresize_param { factor: 8 }"), "openpose"),
        (layer("Reorg", "reorg_param { stride: 2 }"), "mobilenet-yolo"),
        (SSD[0] + layer("DepthwiseConvolution"), "add-ons+ssd"),
        (layer("Pooling", "pooling_param { kernel_size: 3 kernel_size: 2 }"), "r-c3d"),
        ('layers { name: "x" type: CONVOLUTION3D bottom: "a" top: "x" }', "c3d-1.0"),
        ('layers { name: "x" type: ROI_POOLING bottom: "a" top: "x" }', ""),
        ("base_lr: 1 larc: true", "nvcaffe"),
        ("base_lr: 1 device_id: 0 device_id: 1", "yjxiong"),
        ('base_lr: 1 lr_policy: "multifixed" stagelr: 1 stageiter: 2', "mobilenet-yolo"),
        ('base_lr: 1 lr_policy: "stepp"', ""),
    ],
)  # fmt: skip
def test_a_file_is_read_in_the_fewest_dialects_that_know_its_names(text: str, wanted: str) -> None:
    assert "+".join(read(text).schema.dialects) == wanted


def test_what_no_fork_knows_is_told_of_all_the_same() -> None:
    found = read(SSD[0] + layer("NoSuchThing", "no_such_param { a: 1 }"))
    assert found.schema.dialects == ("ssd",)
    kinds = {problem.kind: problem for problem in found.problems}
    assert kinds["unknown-field"].values["field"] == "no_such_param"
    assert kinds["unknown-field"].values["caffe"] == "SSD"
    note = kinds["written-for-fork"]
    assert not note.rejects
    assert note.values == {"dialect": "ssd", "title": "SSD", "what": "type Permute", "more": 1}
    assert [words for _, words in note.also] == ["and permute_param"]


@pytest.mark.parametrize(
    ("comment", "told", "wanted", "kinds"),
    [
        ("", Told("ssd"), ("ssd",), []),
        ("", Told("ssd+segnet"), ("ssd", "segnet"), []),
        ("", Told("bvlc"), (), ["unknown-field"]),
        ("# caffelint: dialect=ssd\n", Told(), ("ssd",), []),
        ("# caffelint: dialect = ssd,segnet\n", Told(), ("ssd", "segnet"), []),
        ("# caffelint: dialect=bvlc\n", Told("ssd"), (), ["unknown-field"]),
        ("# caffelint: dialect=sdd\n", Told("ssd"), ("ssd",), ["unknown-dialect"]),
    ],
)
def test_what_is_told_counts(
    comment: str, told: Told, wanted: tuple[str, ...], kinds: list[str]
) -> None:
    found = read(comment + SSD[0], told)
    assert found.schema.dialects == wanted
    assert [problem.kind for problem in found.problems] == kinds


def test_a_field_of_a_fork_in_a_file_for_bvlc_names_the_fork() -> None:
    (problem,) = read(SSD[0], Told("bvlc")).problems
    assert problem.values["forks"] == "ssd, happynear, hisi and 2 more"
    assert problem.values["suggestion"] == ""
    (problem,) = read(
        layer("ReLU", "loss_param { normalization: PRE_FIXED }"), Told("bvlc")
    ).problems
    assert problem.kind == "unknown-enum-value"
    assert str(problem.values["forks"]).startswith("r-fcn")


def test_an_unknown_dialect_is_an_error_that_names_the_one_that_was_meant() -> None:
    with pytest.raises(UnknownDialectError, match='"segnett"; did you mean "segnet"'):
        named("ssd+segnett")
    assert named("bvlc") == ()


def test_types_of_the_users_own_need_no_fork() -> None:
    own = Told(layers=(LayerFacts("Permute", bottoms="1", tops="1"),))
    assert read(layer("Permute"), own).schema.dialects == ()
    assert read(layer("Permute")).schema.dialects == ("ssd",)


@pytest.mark.parametrize("text", [layer("ReLU"), layer("Relu"), 'net: "a" base_lr: 0.1'])
def test_files_for_bvlc_do_not_load_the_forks(text: str) -> None:
    """Only a name that BVLC lacks costs the time to look for it elsewhere."""
    code = (
        "import sys; from caffelint.reading import read_text; from pathlib import Path;"
        "from caffelint.resources import load_dialects;"
        "read_text(Path('x'), sys.argv[1].encode());"
        "print(load_dialects.cache_info().currsize)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, text], capture_output=True, text=True, check=True
    )
    assert done.stdout == ("1\n" if "Relu" in text else "0\n")


@pytest.mark.parametrize(
    ("dialect", "verdict", "errors"),
    [(None, "reject", 1), ("bvlc", "reject", 1), ("ssd", "accept", 0), ("auto", "accept", 0)],
)
def test_the_library_reads_as_bvlc_unless_asked(
    tmp_path: Path, dialect: str | None, verdict: str, errors: int
) -> None:
    text = 'input: "a" input_shape { dim: 1 dim: 2 dim: 3 dim: 4 }' + "".join(SSD[:1])
    (tmp_path / "net.prototxt").write_text(text)
    inspected = caffelint.inspect(tmp_path / "net.prototxt", dialect=dialect)
    assert (inspected.verdict, len(inspected.problems)) == (verdict, errors)
    assert bool(caffelint.parse(text, dialect=dialect).errors) == bool(errors)


def test_the_library_refuses_an_unknown_dialect() -> None:
    with pytest.raises(ValueError, match="did you mean"):
        caffelint.parse("", dialect="sdd")


def test_bvlc_types_are_none_of_a_forks_own() -> None:
    """A dialect may widen the counts of BVLC's types; that takes both counts."""
    for dialect in load_dialects().by_name.values():
        for facts in dialect.layers:
            if facts.type in LAYER_TYPES and not facts.v1:
                assert "" not in (facts.bottoms, facts.tops), (dialect.name, facts)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (SSD[0], ["unknown-field"]),
        (layer("Permute"), ["unknown-layer-type"]),
        (layer("Relu6ish", "no_such_param { a: 1 }"), ["unknown-field", "unknown-layer-type"]),
    ],
)
def test_a_layer_of_a_fork_in_a_file_for_bvlc_is_told_of_once(
    tmp_path: Path, text: str, wanted: list[str]
) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text('input: "a" input_shape { dim: 1 dim: 2 dim: 3 dim: 4 }' + text)
    assert [one.kind for one in caffelint.inspect(path, dialect="bvlc").problems] == wanted
