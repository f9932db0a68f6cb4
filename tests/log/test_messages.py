"""Single messages of Caffe: what each tells, and that what only looks like one is not taken."""

from __future__ import annotations

import io

import pytest

from caffelint.log import book, events
from caffelint.log.book import Row
from caffelint.log.export import series
from caffelint.log.reader import Log, read
from caffelint.log.run import Probe, Run

from .caffe_log import glog, loss, text


def read_lines(*lines: str) -> Log:
    return read(io.BytesIO(text(lines)), "train.log")


def only(*lines: str) -> Run:
    (one,) = read_lines(*lines).runs
    return one


@pytest.mark.parametrize(
    "message",
    [
        "Iteration of a loop",
        "Iteration 5, loss",
        "Test of something",
        "    [Forward] is not what it says",
        "    [0.0] Iteration",
        "Gradient descent is used",
        "speed: 0s / iter",
        "speed: fast",
        "Batch 3, accuracy = good",
        "Batch normalisation is slow",
        "Loss: of memory",
        "Loss: 3.5",  # which only caffe test prints
        "Optimization is hard",
        "Starting up",
        "Use the force",
        "Using nothing",
        "This is not Caffe",
        "Creating something else",
        "Setting the table",
        "Copying is theft",
        "Restoring order",
        "Snapshotting is off",
        "MultiStep Status: none",
        "Attempting the impossible",
        "Initializing the device",
    ],
)
def test_a_warning_that_begins_like_a_message_is_kept_as_a_warning(message: str) -> None:
    one = only(loss(0, "1"), glog(message, level="W", place="mine.cpp:7"), loss(10, "1"))
    assert [(each.kind, each.subject) for each in one.events] == (
        [] if "Initializing" in message else [("message", message)]
    )
    assert list(one.loss.iterations) == [0, 10]
    assert not one.tests
    assert not one.done


@pytest.mark.parametrize(
    ("message", "kind", "subject"),
    [
        ("Test interrupted.", "interrupted", ""),
        (
            "Attempting to upgrade input file specified using deprecated V1LayerParameter: a",
            "upgrade",
            "Attempting to upgrade input file specified using deprecated V1LayerParameter: a",
        ),
        ("Snapshotting to HDF5 file a_iter_5.caffemodel.h5", "snapshot", "a_iter_5.caffemodel.h5"),
        ("Resuming from mine.solverstate", "restore", "mine.solverstate"),
    ],
)
def test_events(message: str, kind: str, subject: str) -> None:
    one = only(glog(message))
    assert [(each.kind, each.subject) for each in one.events] == [(kind, subject)]
    assert one.resumed_from is None


def test_what_every_test_repeats_is_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = [glog(f"Copying source layer {name}") for name in ("a", "b", "a", "c", "d")]
    assert [each.subject for each in only(*copies).events] == ["a", "b", "c", "d"]
    monkeypatch.setattr(book, "MOST_EVENTS", 2)
    one = only(*copies)
    assert [each.subject for each in one.events] == ["a", "b"]
    assert one.events_dropped == 2


def test_nets_are_known_by_what_is_said_before_their_echo() -> None:
    """Caffe names number and file of a test net (solver.cpp, InitTestNets), then echoes it."""
    echo = [glog("Initializing net from parameters: "), 'name: "n"']
    one = only(
        glog("Creating test net (#1) specified by test_net file: t.prototxt"),
        *echo,
        glog("Creating test net (#2) specified by net_param"),
        *echo,
        glog("Creating training net specified in net_param."),
        *echo,
        glog("Creating training net from train_net file: a.prototxt"),
        *echo,
    )
    assert [(net.test_net, net.file) for net in one.nets] == [
        (1, "t.prototxt"),
        (2, ""),
        (None, ""),
        (None, "a.prototxt"),
    ]


@pytest.mark.parametrize("message", ["Iteration {}, loss = 1", "Iteration {}, lr = 0.1",
                                     "Iteration {}, Testing net (#0)"])  # fmt: skip
def test_any_count_that_goes_back_begins_another_run(message: str) -> None:
    lines = [glog(message.format(count)) for count in (0, 10, 20, 0, 10)]
    assert [one.last_iteration for one in read_lines(*lines).runs] == [20, 10]


def test_scores_of_the_first_caffe() -> None:
    one = only(
        glog("Iteration 500, Testing net"),
        glog("Test score #0: 0.75"),
        glog("Test score #1: 1.5"),
        glog("Iteration 1000, Testing net"),
        glog("Test score #0: 0.875"),
    )
    assert [(o.name, list(o.points.iterations), list(o.points.values))
            for o in one.tests[0].outputs.values()] == [
        ("score", [500, 1000], [0.75, 0.875]),
        ("score", [500], [1.5]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        "Test score #0: good",
        "Test loss: small",
        "    [Forward] Layer ip, top blob ip data: large",
        "Gradient clipping: scaling down gradients (L2 norm long > 1) by scale factor 0.1",
        "Iteration 10, lr = low",
    ],
)
def test_values_that_cannot_be_read_are_counted(message: str) -> None:
    log = read_lines(loss(0, "1"), glog(message))
    assert log.unread == 1
    assert [len(points) for one in log.runs for points in one.all_points() if points.seen] == [1, 1]


def test_series_beyond_the_most_are_counted_whatever_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book, "MOST_SERIES", 4)  # those that every run has
    messages = [
        "Iteration 0, Testing net (#0)",
        "    Test net output #0: accuracy = 0.5",
        "Test loss: 1",
        "Test score #0: 1",
        "    [Update] Layer ip, param 0 data: 1",
        "    Train net output #0: loss = 1",
        "Batch 0, accuracy = 0.5",
        "Loss: 1",
    ]
    log = read_lines(*(glog(one) for one in messages))
    assert log.series_dropped == len(messages)
    assert [len(points) for points in log.runs[0].all_points()] == [0, 0, 0, 0]


def test_threads_beyond_the_most_stay_in_their_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST_SERIES", 20)
    lines = [loss(count, "1", thread=count) for count in range(100)]
    assert list(only(*lines).loss.iterations) == list(range(100))


def test_debug_lines_beyond_the_most_have_the_iteration_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events, "_MOST_PROBES", 2)
    line = glog("    [Forward] Layer ip, top blob ip data: 1")
    one = only(loss(10, "1"), line, line, line, loss(20, "1"))
    points = one.debug[Probe("Forward", "ip", "top ip", "data")]
    assert list(points.iterations) == [10, 10, 20]


def test_debug_lines_are_exported() -> None:
    lines = [
        glog("Iteration 0, Testing net (#0)"),
        glog("    [Forward] Layer ip, top blob ip data: 0.5"),
        loss(0, "1"),
        glog("    [Update] Layer ip, param 0 data: 0.25; diff: nan"),
    ]
    found = {one["output"]: one for one in series(only(*lines)) if one["series"] == "debug"}
    assert {name: (one["phase"], one["values"]) for name, one in found.items()} == {
        "Test ip top ip data": ("test", [0.5]),
        "Update ip param 0 data": ("train", [0.25]),
        "Update ip param 0 diff": ("train", ["nan"]),
    }
    rows: list[Row] = []
    read(io.BytesIO(text(lines)), "train.log", sink=rows.append)
    told = [(row.label.phase, row.label.name) for row in rows if row.label.series == "debug"]
    assert told == [(one["phase"], name) for name, one in found.items()]


def test_a_date_that_no_calendar_has_gives_the_time_of_day() -> None:
    one = only(loss(0, "1", date="0230"), loss(10, "1", date="0230", second=5))
    assert list(one.loss.seconds) == [0, 5]


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (["and more"], "Check failed: x and more"),
        (["", "and more"], "Check failed: x and more"),
        (["Aborted (core dumped)", "and more"], "Check failed: x"),
        (["*** Check failure stack trace: ***", "and more"], "Check failed: x"),
        (["y" * 5000, "and more"], f"Check failed: x {'y' * 4096}"),
    ],
)
def test_how_far_a_fatal_message_goes(after: list[str], message: str) -> None:
    one = only(glog("Check failed: x", level="F", place="net.cpp:7"), *after)
    assert one.fatal is not None
    assert one.fatal.message == message


def test_an_echo_ends_where_another_process_speaks() -> None:
    """Of ranks that write at the same time each has its own mark before its lines."""
    one = only(
        "[1,0]<stderr>:" + glog("Initializing net from parameters: "),
        '[1,0]<stderr>:name: "n"',
        'name: "of another"',
        "[1,0]<stderr>:" + loss(0, "1"),
    )
    assert [net.text for net in one.nets] == ['name: "n"\n']
