"""What the changes of a rule's ``fix:`` make of a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.engine.rule import RuleError
from caffelint.engine.ruleset import RuleSet, load
from caffelint.resources import proto_folder

from .fixing import fixed

FACTS = (proto_folder() / "facts.desc").read_bytes()

RULE = """\
id: XX001
name: a-rule
summary: s
on: layer
types: [InnerProduct]
when: 'true'
severity: warning
message: '{{layer.name}}'
why: w
fix:
  title: mend it
  safe: true
  changes: {changes}
"""
NET = """\
input: "d" input_shape {{ dim: 1 dim: 4 }}
layer {{
  name: "ip" type: "InnerProduct" bottom: "d" top: "ip"
  {body}
}}
"""


def rules(folder: Path, changes: str) -> RuleSet:
    path = folder / "XX001-a-rule.yaml"
    path.write_text(RULE.format(changes=changes), encoding="utf-8")
    return load([path], FACTS, None)


@pytest.mark.parametrize(
    ("changes", "body", "wanted"),
    [
        pytest.param(
            "[{set: '5', at: $param.num_output}]",
            "inner_product_param { num_output: 3 }  # three",
            "inner_product_param { num_output: 5 }  # three",
            id="set-what-is-written",
        ),
        pytest.param(
            "[{set: '5', at: $param.num_output}]",
            "inner_product_param { axis: 1 }",
            "inner_product_param { axis: 1 num_output: 5 }",
            id="set-what-is-not-written",
        ),
        pytest.param(
            "[{set: '5', at: $param.num_output, after: [nothing, bias_term]}]",
            "inner_product_param { bias_term: false axis: 1 }",
            "inner_product_param { bias_term: false num_output: 5 axis: 1 }",
            id="set-behind-a-sibling",
        ),
        pytest.param(
            "[{set: '0.1', at: $param.weight_filler.std}, {set: '5', at: $param.num_output}]",
            "",
            "",
            id="no-block-is-made-twice",
        ),
        pytest.param(
            "[{set: '0.1', at: $param.weight_filler.std}]",
            "loss_weight: 0",
            "loss_weight: 0\n  inner_product_param { weight_filler { std: 0.1 } }",
            id="a-block-in-a-block-is-made",
        ),
        pytest.param(
            "[{set: '5', at: $param.axis}, {set: '3', at: $param.num_output}]",
            "loss_weight: 0",
            "loss_weight: 0\n  inner_product_param { axis: 5 num_output: 3 }",
            id="two-into-one-new-block",
        ),
        pytest.param(
            "[{set: '0', at: 'param[1].decay_mult'}]",
            "param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 7 }",
            "param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }",
            id="by-number",
        ),
        pytest.param(
            "[{set: '0', at: 'param[1].decay_mult'}, {remove: loss_weight}]",
            "param { lr_mult: 1 } loss_weight: 0",
            "param { lr_mult: 1 } loss_weight: 0",
            id="all-or-nothing",
        ),
        pytest.param(
            "[{insert: 'loss_weight: 1', after: [param]}]",
            "param { lr_mult: 1 }\n  propagate_down: true",
            "param { lr_mult: 1 }\n  loss_weight: 1\n  propagate_down: true",
            id="insert-once-though-the-rule-goes-on",
        ),
        pytest.param(
            "[{insert: 'axis: 2', into: $param}]",
            "inner_product_param { axis: 1 }",
            "inner_product_param { axis: 1 }",
            id="insert-nothing-that-is-there",
        ),
        pytest.param(
            "[{insert: 'no text format', into: $param}]",
            "inner_product_param { axis: 1 }",
            "inner_product_param { axis: 1 }",
            id="insert-no-nonsense",
        ),
        pytest.param(
            "[{remove: 'axis, bias_term', from: $param}]",
            "inner_product_param { axis: 1 num_output: 3 bias_term: false }",
            "inner_product_param { num_output: 3 }",
            id="remove-several",
        ),
        pytest.param(
            "[{remove: $param.num_output}]",
            "inner_product_param { num_output: 3 }\n  loss_weight: 1",
            "loss_weight: 1",
            id="remove-the-block-that-is-empty-then",
        ),
        pytest.param(
            "[{remove: $param.num_output}]",
            "inner_product_param {\n    num_output: 3\n    # of classes\n  }",
            "inner_product_param {\n    # of classes\n  }",
            id="remove-no-block-with-a-comment",
        ),
        pytest.param(
            "[{remove: 'param[0].lr_mult'}]",
            "param { lr_mult: 1 } param { lr_mult: 2 }",
            "param { } param { lr_mult: 2 }",
            id="remove-no-block-that-counts",
        ),
        pytest.param(
            "[{remove: loss_weight}]",
            "loss_weight: [1, 2]\n  propagate_down: true",
            "propagate_down: true",
            id="remove-a-list",
        ),
        pytest.param(
            "[{move: $param.axis, into: transform_param}]",
            "inner_product_param { axis: 1 num_output: 3 }",
            "inner_product_param { axis: 1 num_output: 3 }",
            id="move-nothing-to-where-it-is-unknown",
        ),
        pytest.param(
            "[{remove: $param.num_output}]",
            "inner_product_param {\n    # of classes\n    num_output: 3\n  }",
            "inner_product_param {\n    # of classes\n  }",
            id="remove-no-block-that-starts-with-a-comment",
        ),
        pytest.param(
            "[{remove: 'axis, num_output', from: $param}]",
            "inner_product_param { axis: 1 num_output: 3 }\n  loss_weight: 1",
            "loss_weight: 1",
            id="remove-a-block-once-of-which-several-go",
        ),
        pytest.param(
            "[{remove: 'loss_weight[1]'}]",
            *["loss_weight: [1, 2]"] * 2,
            id="remove-no-item-of-a-list",
        ),
        pytest.param(
            "[{insert: 'axis: 1', into: loss_weight}]",
            *["loss_weight: 1"] * 2,
            id="insert-nothing-into-what-is-no-block",
        ),
        pytest.param(
            "[{set: '3', at: name.length}]",
            *["loss_weight: 1"] * 2,
            id="set-nothing-in-what-is-no-block",
        ),
        pytest.param(
            "[{set: '3', at: no_field}, {remove: loss_weight}]",
            *["loss_weight: 1"] * 2,
            id="nothing-where-the-net-has-no-such-field",
        ),
        pytest.param(
            "[{move: $param.axis, into: transform_param}, {remove: loss_weight}]",
            *["loss_weight: 1"] * 2,
            id="move-nothing-that-is-not-written",
        ),
        pytest.param(
            "[{rename: axis, at: $param.num_output}, {remove: loss_weight}]",
            *["loss_weight: 1"] * 2,
            id="rename-nothing-that-is-not-written",
        ),
        pytest.param(
            "[{bypass: Softmax, at: 'bottom[0]'}, {remove: loss_weight}]",
            *["loss_weight: 1"] * 2,
            id="bypass-nothing-that-is-not-there",
        ),
        pytest.param(
            "[{bypass: Input, at: 'bottom[1]'}, {remove: loss_weight}]",
            *["loss_weight: 1"] * 2,
            id="bypass-nothing-of-a-bottom-that-is-not-there",
        ),
        pytest.param(
            "[{rename: axis, at: $param.num_output}]",
            "inner_product_param { num_output: 3 }",
            "inner_product_param { axis: 3 }",
            id="rename",
        ),
        pytest.param(
            """[{set: '"{layer.suggested_filler}"', at: $param.weight_filler.type}]""",
            "inner_product_param { weight_filler { type: 'gaussian' } }",
            "inner_product_param { weight_filler { type: 'xavier' } }",
            id="placeholders-and-quotes",
        ),
        pytest.param(
            "[{set: '{solver.lr_policy}', at: $param.axis}]",
            "inner_product_param { axis: 1 }",
            "inner_product_param { axis: 1 }",
            id="no-fix-with-an-empty-placeholder",
        ),
    ],
)
def test_changes(tmp_path: Path, changes: str, body: str, wanted: str) -> None:
    assert fixed(NET.format(body=body), rules(tmp_path, changes)) == NET.format(body=wanted)


def test_no_fix_as_long_as_brackets_are_wrong(tmp_path: Path) -> None:
    text = NET.format(body="inner_product_param { num_output: 3 }")
    changing = rules(tmp_path, "[{set: '5', at: $param.num_output}]")
    assert fixed(text, changing) != text
    assert fixed(f"{text}}}", changing) == f"{text}}}"


V1 = """\
input: "d" input_dim: 1 input_dim: 4 input_dim: 1 input_dim: 1
layers {
  name: "ip" type: INNER_PRODUCT bottom: "d" top: "ip" blobs_lr: 1 blobs_lr: 2
  inner_product_param { num_output: 3 }
}
"""


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        pytest.param(
            "[{set: '5', at: $param.num_output}]",
            *("num_output: 3", "num_output: 5"),
            id="a-field-that-is-the-same",
        ),
        pytest.param(
            "[{insert: 'axis: 1', into: $param}]",
            *("num_output: 3", "num_output: 3 axis: 1"),
            id="into-a-block-that-is-the-same",
        ),
        pytest.param("""[{set: '"Embed"', at: type}]""", "", "", id="not-a-type-that-is-an-enum"),
        pytest.param("[{set: '5', at: 'param[0].lr_mult'}]", "", "", id="not-blobs-lr"),
        pytest.param("[{insert: 'param {{ lr_mult: 1 }}'}]", "", "", id="no-new-block"),
        pytest.param("[{remove: 'param[1]'}]", "", "", id="nothing-that-is-made-of-others"),
        pytest.param("[{bypass: Input, at: 'bottom[0]'}]", "", "", id="no-bypass"),
    ],
)
def test_old_forms_are_fixed_where_nothing_has_moved(
    tmp_path: Path, changes: str, old: str, new: str
) -> None:
    assert fixed(V1, rules(tmp_path, changes)) == V1.replace(old, new)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ("[]", "a fix without changes"),
        ("[{set: '1', remove: axis, at: axis}]", "not set and remove"),
        ("[{at: axis}]", "not none"),
        ("[{set: '1'}]", "set needs at"),
        ("[{mend: quotes}]", "mend cannot stand in a rule on a layer"),
        ("[{mend: nothing}]", "Invalid enum value"),
        ("[{set: '{layer.nothing}', at: axis}]", "undefined field"),
    ],
)
def test_a_fix_is_checked_when_its_rule_is_read(tmp_path: Path, changes: str, reason: str) -> None:
    with pytest.raises(RuleError, match=rf"\.yaml:\d+: .*{reason}"):
        rules(tmp_path, changes)
