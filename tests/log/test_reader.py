"""What the reader makes of logs of every kind; each log is written here in Caffe's format."""

from __future__ import annotations

import io
import math
import random
from typing import Any

import pytest

from caffelint.log.book import Row
from caffelint.log.reader import Log, read
from caffelint.log.run import Probe, Run

from .caffe_log import NET_ECHO, SOLVER_ECHO, glog, loss, run, text


def read_lines(*lines: str, name: str = "train.log") -> Log:
    return read(io.BytesIO(text(lines)), name)


def only(log: Log) -> Run:
    assert len(log.runs) == 1, [one.first_line for one in log.runs]
    return log.runs[0]


def test_a_whole_run() -> None:
    one = only(read_lines(*run()))
    assert list(one.loss.iterations) == [0, 100, 200]
    assert list(one.loss.values) == pytest.approx([2.3, 2.3 - 1 / 3, 2.3 - 2 / 3], abs=1e-5)
    assert list(one.speed.values) == [4.5] * 3
    assert list(one.rates.values) == [0.01] * 3
    assert [(o.name, o.index, o.weight, len(o.points)) for o in one.train.values()] == [
        ("loss", 0, 1.0, 3)
    ]
    test = one.tests[0]
    assert list(test.tested.iterations) == [0, 100, 200, 300]
    assert [(o.name, o.weight) for o in test.outputs.values()] == [("accuracy", None), ("loss", 1)]
    assert list(test.outputs[0].points.values) == [0.5, 0.6, 0.7, 0.8]
    assert one.solver is not None
    assert one.solver.text == SOLVER_ECHO + "\n"
    (net,) = one.nets
    assert (net.text, net.file, net.test_net, net.cut) == (
        NET_ECHO + "\n", "net.prototxt", None, False,
    )  # fmt: skip
    assert (one.done, one.pid, one.started, one.last_layer) == (
        True, 1972, "1124 12:00:00.000000", "data",
    )  # fmt: skip
    assert one.duration == pytest.approx(31)
    assert one.loss.seconds[1] == pytest.approx(11)


def test_every_point_knows_its_line() -> None:
    lines = run()
    one = only(read_lines(*lines))
    for point in one.loss:
        assert f"Iteration {point.iteration} (" in lines[point.line - 1]
    for point in one.tests[0].outputs[1].points:
        assert "Test net output #1" in lines[point.line - 1]
    assert one.solver is not None
    for number, row in zip(one.solver.lines, SOLVER_ECHO.split("\n"), strict=True):
        assert lines[number - 1] == row


@pytest.mark.parametrize(
    ("line", "iteration", "value"),
    [
        ("Iteration 20, loss = 0.93", 20, 0.93),
        ("Iteration 20 (-2.5e+31 iter/s, 0.1s/100 iters), loss = 1e-05", 20, 1e-5),
        ("Iteration 1 (0.43 s), loss = 6.5", 1, 6.5),
        ("Iteration 700 (17.5 iter/s, 5.6s/100 iter), 1.1/90.9ep, loss = 5.5", 700, 5.5),
        ("    [0.0] Iteration 9 (3 iter/s, 3s/9 iter), loss = 4", 9, 4.0),
        ("Iteration 5, loss: 0.25, time: 3.4", 5, 0.25),
        ("Iteration 5, loss = nan", 5, math.nan),
        ("Iteration 5, loss = -nan", 5, math.nan),
        ("Iteration 5, loss = -nan(ind)", 5, math.nan),
        ("Iteration 5, loss = 1.#QNAN", 5, math.nan),
        ("Iteration 5, loss = -1.#IND", 5, math.nan),
        ("Iteration 5, loss = 1.#INF", 5, math.inf),
        ("Iteration 5, loss = -inf", 5, -math.inf),
    ],
)
def test_forms_of_a_displayed_loss(line: str, iteration: int, value: float) -> None:
    for whole in (line, glog(line)):
        one = only(read_lines(whole))
        assert list(one.loss.iterations) == [iteration]
        assert repr(one.loss.values[0]) == repr(value)


@pytest.mark.parametrize(
    "front",
    [
        pytest.param("", id="plain"),
        pytest.param("[1,0]<stderr>:", id="mpirun -tag-output"),
        pytest.param("[0] ", id="mpiexec -l"),
        pytest.param("2016-05-03T10:00:00.123Z ", id="docker"),
        pytest.param("caffe_1  | ", id="docker compose"),
        pytest.param("[2016-05-03 10:00:00] ", id="a time in brackets"),
    ],
)
@pytest.mark.parametrize("date", ["1124", "20261124"])
def test_prefixes(front: str, date: str) -> None:
    lines = [front + line.replace("I1124", f"I{date}") for line in run()]
    one = only(read_lines(*lines))
    assert len(one.loss) == 3
    assert len(one.rates) == 3
    assert len(one.tests[0].outputs[0].points) == 4
    assert one.solver is not None
    assert one.solver.text == SOLVER_ECHO + "\n"
    assert one.nets[0].text == NET_ECHO + "\n"
    assert one.loss.seconds[1] == pytest.approx(11)
    assert one.done


def test_a_log_without_prefixes() -> None:
    lines = [line.partition("] ")[2] or line for line in run()]
    one = only(read_lines(*lines))
    assert len(one.loss) == 3
    assert math.isnan(one.loss.seconds[0])
    assert one.solver is not None
    assert one.solver.text == SOLVER_ECHO + "\n"
    assert one.duration is None


@pytest.mark.parametrize(
    ("encode", "reason"),
    [
        (lambda data: data.replace(b"\n", b"\r\n"), "line ends of Windows"),
        (lambda data: data.decode().encode("utf-16"), "PowerShell"),
        (lambda data: b"\xef\xbb\xbf" + data, "a byte order mark"),
        (lambda data: data.rstrip(b"\n"), "no line end at the end"),
    ],
)
def test_encodings(encode: Any, reason: str) -> None:
    one = only(read(io.BytesIO(encode(text(run()))), "train.log"))
    assert (len(one.loss), one.done) == (3, True), reason
    assert one.solver is not None
    assert one.solver.text == SOLVER_ECHO + "\n"


def test_runs_after_each_other() -> None:
    lines = [*run(), *run(start=100, thread=2001)]
    log = read_lines(*lines)
    assert [len(one.loss) for one in log.runs] == [3, 3]
    assert log.runs[1].first_line == len(run()) + 1
    assert log.runs[0].last_line == len(run())
    assert [one.pid for one in log.runs] == [1972, 2001]
    assert all(one.solver is not None for one in log.runs)


def test_a_resumed_run_in_the_same_log() -> None:
    state = "models/snap_iter_200.solverstate"
    again = run(start=50, first=200)
    again.insert(-8, glog(f"Resuming from {state}", second=50, place="caffe.cpp:235"))
    again.insert(-8, glog(f"Restoring previous solver status from {state}", second=50))
    log = read_lines(*run()[:-4], *again)
    first, second = log.runs
    assert (first.resumed_from, second.resumed_from) == (None, 200)
    assert [event.subject for event in second.of_kind("restore")] == [state]
    assert not first.done
    assert second.done


def test_an_iteration_that_goes_back_is_another_run() -> None:
    log = read_lines(loss(100, "1"), loss(200, "2"), loss(0, "3"), loss(100, "4"))
    assert [list(one.loss.iterations) for one in log.runs] == [[100, 200], [0, 100]]


def test_tests_of_several_nets() -> None:
    one = only(
        read_lines(
            glog("Iteration 0, Testing net (#0)"),
            glog("    Test net output #0: accuracy = 0.5"),
            glog("Iteration 0, Testing net (#1)"),
            glog("    Test net output #0: accuracy = 0.25"),
            glog("Test loss: 3.5"),
            glog("Iteration 10, Testing net (#0)"),
            glog("    Test net output #0: accuracy = 0.75"),
        )
    )
    assert list(one.tests[0].outputs[0].points.values) == [0.5, 0.75]
    assert list(one.tests[0].outputs[0].points.iterations) == [0, 10]
    assert list(one.tests[1].outputs[0].points.values) == [0.25]
    assert list(one.tests[1].loss.values) == [3.5]


def test_loss_weights_and_equal_names() -> None:
    one = only(
        read_lines(
            loss(0, "3"),
            glog("    Train net output #0: loss1/loss = 2 (* 0.3 = 0.6 loss)"),
            glog("    Train net output #1: scores = 0.125"),
            glog("    Train net output #2: scores = 0.875"),
            glog("[0.1]     Train net output #3: top-5 = -nan"),
        )
    )
    found = [(o.name, o.index, o.weight, o.points.values[0]) for o in one.train.values()]
    assert found[:3] == [
        ("loss1/loss", 0, 0.3, 2),
        ("scores", 1, None, 0.125),
        ("scores", 2, None, 0.875),
    ]
    assert found[3][0] == "top-5"
    assert math.isnan(found[3][3])


def test_ranks_that_write_at_the_same_time() -> None:
    ours = [f"[1,0]<stderr>:{line}" for line in run()]
    theirs = [f"[1,1]<stderr>:{line}" for line in run(thread=7)]
    mixed = [line for pair in zip(ours, theirs, strict=True) for line in pair]
    log = read_lines(*mixed)
    assert [one.rank for one in log.runs] == ["0", "1"]
    for one in log.runs:
        assert list(one.loss.iterations) == [0, 100, 200]
        assert len(one.tests[0].outputs[0].points) == 4
        assert one.done


def test_two_trainings_into_one_file() -> None:
    head = len(run()) - 21
    ours, theirs = run(), [line.replace("loss = 2", "loss = 9") for line in run(thread=7)]
    mixed = [*ours[:head], *theirs[:head]]
    mixed += [line for pair in zip(ours[head:], theirs[head:], strict=True) for line in pair]
    log = read_lines(*mixed)
    assert [one.pid for one in log.runs] == [1972, 7]
    assert [list(one.loss.iterations) for one in log.runs] == [[0, 100, 200]] * 2
    assert log.runs[0].loss.values[0] == 2.3
    assert log.runs[1].loss.values[0] == 9.3


@pytest.mark.parametrize(
    ("lines", "message", "file", "iteration"),
    [
        pytest.param(
            [
                glog("Check failed: a == b (1 vs. 2) Sizes", level="F", place="net.cpp:759"),
                "of the blobs differ",
                "*** Check failure stack trace: ***",
                "    @     0x7ff99ad07ec5  caffe::Net<>::Init()",
                "Aborted (core dumped)",
            ],
            "Check failed: a == b (1 vs. 2) Sizes of the blobs differ",
            "net.cpp",
            None,
            id="a failed check",
        ),
        pytest.param(
            [
                loss(40, "1"),
                glog(
                    "Check failed: error == cudaSuccess (2 vs. 0)  out of memory",
                    level="F",
                    place="E:\\caffe\\src\\syncedmem.cpp:56",
                ),
            ],
            "Check failed: error == cudaSuccess (2 vs. 0)  out of memory",
            "syncedmem.cpp",
            40,
            id="out of memory on Windows",
        ),
        pytest.param([loss(40, "1"), "Killed"], "Killed", "", 40, id="killed"),
        pytest.param(
            [loss(40, "1"), "./train.sh: line 5: 12345 Killed                  caffe train"],
            "Killed",
            "",
            40,
            id="killed in a script",
        ),
        pytest.param(
            [loss(40, "1"), "Segmentation fault (core dumped)"],
            "Segmentation fault (core dumped)",
            "",
            40,
            id="segmentation fault",
        ),
        pytest.param(
            [
                loss(40, "1"),
                '*** Aborted at 1453316567 (unix time) try "date -d @1453316567" ***',
                "PC: @     0x7ff99ad07ec5 (unknown)",
                "*** SIGSEGV (@0x0) received by PID 17443 (TID 0x7f) from PID 0; stack trace: ***",
            ],
            "*** SIGSEGV (@0x0) received by PID 17443 (TID 0x7f) from PID 0; stack trace: ***",
            "",
            40,
            id="a signal",
        ),
    ],
)
def test_ends_of_a_run(lines: list[str], message: str, file: str, iteration: int | None) -> None:
    one = only(read_lines(glog("Use CPU."), *lines))
    assert one.fatal is not None
    assert (one.fatal.message, one.fatal.file, one.fatal.iteration) == (message, file, iteration)
    assert not one.done


def test_a_run_after_an_abort_is_a_new_one() -> None:
    fatal = glog("Check failed: x", level="F", place="io.cpp:36", thread=5)
    log = read_lines(glog("Use CPU.", thread=5), fatal, *run(thread=6))
    assert [one.fatal is not None for one in log.runs] == [True, False]
    assert len(log.runs[1].loss) == 3


def test_stopped_early_is_not_done() -> None:
    one = only(
        read_lines(loss(40, "1"), glog("Optimization stopped early."), glog("Optimization Done."))
    )
    assert not one.done
    assert [event.kind for event in one.events] == ["early-stop"]


@pytest.mark.parametrize(
    ("line", "kind", "subject"),
    [
        ("Finetuning from bvlc.caffemodel", "finetune", "bvlc.caffemodel"),
        ("Loading pretrained model weights from a.caffemodel", "finetune", "a.caffemodel"),
        ("Wrote snapshot to: b_iter_5.caffemodel", "snapshot", "b_iter_5.caffemodel"),
        ("Ignoring source layer fc8", "ignore", "fc8"),
        ("Copying source layer conv1 Type:Convolution #blobs=2", "copy", "conv1"),
        (
            "Snapshotting to binary proto file a_iter_5.caffemodel",
            "snapshot",
            "a_iter_5.caffemodel",
        ),
        (
            "Snapshotting solver state to binary proto filea.solverstate",
            "snapshot",
            "a.solverstate",
        ),
        ("MultiStep Status: Iteration 32000, step = 1", "step", "1"),
        ("Starting Optimization", "start", ""),
    ],
)
def test_events(line: str, kind: str, subject: str) -> None:
    one = only(read_lines(glog(line)))
    assert [(event.kind, event.subject, event.line) for event in one.events] == [(kind, subject, 1)]


def test_warnings_and_errors_are_kept() -> None:
    one = only(
        read_lines(
            glog("Batch size was adjusted", level="W", place="parallel.cpp:272"),
            "[libprotobuf ERROR google/protobuf/text_format.cc:337] Error parsing: 57:14: no field",
            "[libprotobuf WARNING google/protobuf/io/coded_stream.cc:505] Reading large",
        )
    )
    assert [event.subject for event in one.of_kind("message")] == [
        "Batch size was adjusted",
        "Error parsing: 57:14: no field",
    ]


def test_a_parameter_that_cannot_be_copied() -> None:
    message = "Cannot copy param 0 weights from layer 'fc8'; shape mismatch."
    one = only(read_lines(glog(message, level="F", place="net.cpp:759")))
    assert one.fatal is not None
    assert one.fatal.message == message
    assert [event.kind for event in one.events] == ["cannot-copy"]


def test_clipped_gradients() -> None:
    clip = "Gradient clipping: scaling down gradients (L2 norm 7.5 > 1.5) by scale factor 0.2"
    one = only(read_lines(loss(3, "1"), glog(clip), glog(clip)))
    assert (list(one.clips.values), list(one.clips.iterations)) == ([7.5, 7.5], [3, 3])
    assert one.clip_limit == 1.5


def test_debug_info_belongs_to_the_iteration_that_is_named_after_it() -> None:
    one = only(
        read_lines(
            glog("Iteration 0, Testing net (#0)"),
            glog("    [Forward] Layer ip, top blob ip data: 9"),
            glog("    Test net output #0: accuracy = 0"),
            loss(0, "1"),
            glog("    [Forward] Layer ip, top blob ip data: 0.5"),
            glog("    [Forward] Layer ip, param blob 0 data: nan"),
            glog("    [Backward] Layer loss, bottom blob ip diff: 0.25"),
            glog(
                "    [Backward] All net params (data, diff): L1 norm = (1, 2); L2 norm = (3, 4)",
                level="E",
            ),
            loss(10, "1"),
            glog("    [Update] Layer ip, param 0 data: 0.1; diff: 0.01"),
        )
    )
    found = {probe: (points[0].iteration, points[0].value) for probe, points in one.debug.items()}
    assert found.pop(Probe("Forward", "ip", "param 0", "data"))[0] == 10
    assert found == {
        Probe("Test", "ip", "top ip", "data"): (0, 9),
        Probe("Forward", "ip", "top ip", "data"): (10, 0.5),
        Probe("Backward", "loss", "bottom ip", "diff"): (10, 0.25),
        Probe("Backward", "", "L1", "data"): (10, 1),
        Probe("Backward", "", "L1", "diff"): (10, 2),
        Probe("Backward", "", "L2", "data"): (10, 3),
        Probe("Backward", "", "L2", "diff"): (10, 4),
        Probe("Update", "ip", "param 0", "data"): (10, 0.1),
        Probe("Update", "ip", "param 0", "diff"): (10, 0.01),
    }


def test_caffe_test() -> None:
    one = only(
        read_lines(
            glog("Running for 2 iterations."),
            glog("Batch 0, accuracy = 0.5"),
            glog("Batch 0, loss = 1.5"),
            glog("Batch 1, accuracy = 0.75"),
            glog("Batch 1, loss = 1.25"),
            glog("Loss: 1.375"),
        )
    )
    assert one.command == "test"
    assert [(o.name, list(o.points.values)) for o in one.tests[0].outputs.values()] == [
        ("accuracy", [0.5, 0.75]),
        ("loss", [1.5, 1.25]),
    ]
    assert list(one.tests[0].loss.values) == [1.375]


def test_speed_of_faster_rcnn() -> None:
    one = only(
        read_lines(loss(20, "1").replace(" (4.5 iter/s, 22s/100 iters)", ""), "speed: 0.5s / iter")
    )
    assert (list(one.speed.iterations), list(one.speed.values)) == ([20], [2.0])


def test_new_year_and_midnight() -> None:
    before = glog("Iteration 0, loss = 1", date="1231")
    after = glog("Iteration 9, loss = 1", date="0101", second=5)
    assert only(read_lines(before, after)).loss.seconds[1] == 86405


def test_an_echo_that_glog_has_cut() -> None:
    lines = run()
    end = lines.index("layer {") + 3
    stop = next(i for i, line in enumerate(lines) if "Creating Layer" in line)
    one = only(read_lines(*lines[:end], *lines[stop:]))
    assert one.nets[0].cut
    assert len(one.loss) == 3


def test_values_that_cannot_be_read_are_counted() -> None:
    log = read_lines(glog("Iteration 5, loss = "), glog("    Train net output #0: loss = xyz"))
    assert log.unread == 2


def test_a_line_without_end_is_cut() -> None:
    data = b"x" * 3_000_000 + b"\n" + text([loss(5, "1")])
    assert len(only(read(io.BytesIO(data), "log")).loss) == 1


def _flat(log: Log) -> list[tuple[Any, ...]]:
    return [
        (one.index, name, *point[:3])
        for one in log.runs
        for name, points in [
            ("loss", one.loss),
            ("lr", one.rates),
            ("speed", one.speed),
            *((f"train {o.index} {o.name} {o.weight}", o.points) for o in one.train.values()),
        ]
        for point in points
    ]


def _display(count: int, second: float, *, rate: bool = True, outputs: int = 2) -> list[str]:
    lines = [loss(count, f"{count}.5", second=second)]
    lines += [
        glog(f"    Train net output #{k}: out{k} = {count}.{k} (* 0.5 = 1 loss)", second=second)
        for k in range(outputs)
    ]
    return [*lines, *([glog(f"Iteration {count}, lr = 0.1", second=second)] if rate else [])]


def test_groups_of_lines_are_read_as_line_by_line() -> None:
    """The quick way for the group of a display gives what the slow one does, which a sink needs."""
    chance = random.Random(4)
    lines: list[str] = []
    for count in range(300):
        group = _display(
            count, count * 0.3, rate=chance.random() < 0.9, outputs=chance.choice((2, 2, 2, 3))
        )
        if chance.random() < 0.1:
            group.insert(chance.randrange(len(group)), chance.choice(("hello", "", group[0][:40])))
        if chance.random() < 0.05:
            del group[chance.randrange(1, len(group))]
        if chance.random() < 0.05:
            group[1] = group[1].replace(" 1972 ", " 77 ")
        lines += group
    rows: list[Row] = []
    slow = read(io.BytesIO(text(lines)), "log", sink=rows.append)
    quick = read(io.BytesIO(text(lines)), "log")
    assert _flat(quick) == _flat(slow)
    assert len(rows) == len(_flat(slow))


def test_any_bytes_are_read_without_a_failure() -> None:
    chance = random.Random(11)
    whole = text([*run(), *run(first=100), glog("Check failed: x", level="F"), "Killed"])
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 60)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(1, 9)] = chance.randbytes(chance.randrange(9))
        cut = bytes(data[chance.randrange(200) : chance.randrange(len(data))])
        log = read(io.BytesIO(cut), "log")
        assert all(one.first_line <= one.last_line <= log.lines for one in log.runs)
    for size in (0, 1, 100, 100_000):
        read(io.BytesIO(chance.randbytes(size)), "log")
        read(io.BytesIO(b"\xff\xfe" + chance.randbytes(size)), "log")


def test_a_group_of_an_earlier_iteration_begins_another_run() -> None:
    counts = [0, 10, 20, 30, 0, 10, 20]
    lines = [line for count in counts for line in _display(count, 5, rate=False)]
    log = read_lines(*lines)
    assert [list(one.loss.iterations) for one in log.runs] == [[0, 10, 20, 30], [0, 10, 20]]
    assert [len(one.train[1].points) for one in log.runs] == [4, 3]
