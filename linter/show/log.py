"""A run of a training log in a few lines: what ran, how far, how well, how fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from statistics import median

from msgspec import Struct

from ..log.rebuilt import rebuild
from ..log.run import Event, Output, Point, Points, Run, TestNet

_MOST_OUTPUTS = 8
"""So many outputs of a net are shown; a net whose scores are no loss may print thousands."""
_RECENT = 20
"""The speed is the median over so many displays."""
_LABEL = 12


class Summary(Struct, frozen=True):
    """A run to show: ``net`` is its name, ``max_iter`` what the solver says, 0 if not known."""

    log: str
    run: Run
    runs: int
    net: str = ""
    max_iter: int = 0


def aim(run: Run, name: str) -> tuple[str, int]:
    """Name of the net and max_iter of a run, as its log has them; ``name`` is that of the log."""
    echoed = rebuild(run, name)
    net = echoed.train.message.get("name") if echoed.train and echoed.train.message else ""
    solver = echoed.solver.message if echoed.solver is not None else None
    return net, solver.get("max_iter") if solver is not None else 0


def text(summary: Summary, safe: Callable[[str], str]) -> str:
    """The run in lines; ``safe`` is applied to what comes from the log."""
    run = summary.run
    count = f"run {run.index + 1}" if summary.runs > 1 else "one run"
    rank = f", rank {run.rank}" if run.rank else ""
    rows = [f"{safe(summary.log)}: {count}{rank}, lines {run.first_line} to {run.last_line}"]
    for label, words in _facts(summary):
        rows.append(f"  {label:{_LABEL}} {safe(words)}")
    return "\n".join(rows) + "\n"


def progress(run: Run) -> str:
    """Where a run is, in one line; empty where it has told nothing."""
    last = run.loss.last
    if last is None:
        return ""
    tests = [
        f"{output.name} {_value(point)}"
        for net in run.tests.values()
        for output in list(net.outputs.values())[:_MOST_OUTPUTS]
        if (point := output.points.last) is not None
    ]
    tested = f", test {', '.join(tests)}" if tests else ""
    return f"iteration {last.iteration}: loss {last.value:.6g}{tested}"


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    run = summary.run
    yield "what", _what(summary)
    yield "iterations", _iterations(run, summary.max_iter)
    yield from _weights(run)
    if run.loss.seen:
        yield "loss", _course(run.loss, "lowest")
    for output in _some(run.train.values()):
        yield "  train", _output(output)
    for net in run.tests.values():
        yield from _test(net, several=len(run.tests) > 1)
    if run.rates.seen:
        yield "rate", _rates(run.rates)
    if run.clips.seen:
        yield "clipped", f"{run.clips.seen} gradients longer than {run.clip_limit:g}"
    speed = speed_of(run)
    if speed is not None:
        yield "speed", _speed(run, speed, summary.max_iter)
    if run.fatal is not None:
        where = f" ({run.fatal.file}:{run.fatal.file_line})" if run.fatal.file else ""
        yield "ended", f"line {run.fatal.line}: {run.fatal.message}{where}"


def _what(summary: Summary) -> str:
    run = summary.run
    net = f' of net "{summary.net}"' if summary.net else ""
    started = f", begun {run.started.partition('.')[0]}" if run.started else ""
    lasted = f", {_time(run.duration)} long" if run.duration is not None else ""
    what = "test" if run.command == "test" else "training"
    return f"{what}{net}{started}{lasted}"


def _iterations(run: Run, max_iter: int) -> str:
    first, last = run.loss.first, run.last_iteration
    if last is None:
        return "none"
    aim = f" of {max_iter}" if max_iter else ""
    begun = f"{first.iteration} to " if first is not None and first.iteration != last else ""
    if run.done:
        end = ", done"
    elif run.of_kind("early-stop"):
        end = ", stopped early"
    else:
        end = "" if run.fatal is not None else ", not ended in this log"
    return f"{begun}{last}{aim}{end}"


def _weights(run: Run) -> Iterator[tuple[str, str]]:
    for event in run.of_kind("finetune")[:1]:
        yield "weights", f"{event.subject} (line {event.line}){_ignored(run)}"
    for event in run.of_kind("restore")[:1]:
        at = f" at {run.resumed_from}" if run.resumed_from is not None else ""
        yield "resumed", f"from {event.subject}{at} (line {event.line})"


def _ignored(run: Run) -> str:
    """Layers of the weights file that the training net did not have; tests tell theirs later."""
    ignored = list(_distinct(e for e in run.of_kind("ignore") if e.iteration is None))
    if not ignored:
        return ""
    more = f" and {len(ignored) - 4} more" if len(ignored) > 4 else ""
    return f"; not in the net: {', '.join(ignored[:4])}{more}"


def _distinct(events: Iterable[Event]) -> Iterator[str]:
    yield from dict.fromkeys(event.subject for event in events)


def _some(outputs: Iterable[Output]) -> list[Output]:
    return list(outputs)[:_MOST_OUTPUTS]


def _test(net: TestNet, *, several: bool) -> Iterator[tuple[str, str]]:
    label = f"test #{net.index}" if several else "test"
    if net.tested.seen:
        yield label, f"{net.tested.seen} times"
    if net.loss.seen:
        yield "  test", f"loss {_course(net.loss, 'lowest')}"
    for output in _some(net.outputs.values()):
        yield "  test", _output(output)
    if len(net.outputs) > _MOST_OUTPUTS:
        yield "  test", f"… and {len(net.outputs) - _MOST_OUTPUTS} more values"


def _output(output: Output) -> str:
    weight = "" if output.weight in (None, 1.0) else f" (weight {output.weight:g})"
    best = "lowest" if output.weight is not None else "highest"
    return f"{output.name}{weight} {_course(output.points, best)}"


def _course(points: Points, best: str) -> str:
    """First, last and best value of a series."""
    first, last = points.first, points.last
    assert first is not None
    assert last is not None
    words = _value(last)
    if first.line != last.line:
        words = f"{_value(first)} -> {words}"
    peak = points.lowest if best == "lowest" else points.highest
    if peak is not None and peak.line not in (first.line, last.line):
        words += f", {best} {_value(peak)} at {peak.iteration}"
    bad = points.first_not_finite
    if bad is not None and bad.line != first.line:
        words += f", {_value(bad)} since {bad.iteration} (line {bad.line})"
    return words


def _rates(points: Points) -> str:
    first, last = points.first, points.last
    assert first is not None
    assert last is not None
    return _value(last) if first.value == last.value else f"{_value(first)} -> {_value(last)}"


def _value(point: Point) -> str:
    return f"{point.value:.6g}"


def speed_of(run: Run) -> float | None:
    """Iterations a second lately: as Caffe printed them, or from the times of the log."""
    printed = [value for value in run.speed.values[-_RECENT:] if 0 < value < 1e6]
    if printed:
        return median(printed)
    rows = list(zip(run.loss.iterations[-_RECENT:], run.loss.seconds[-_RECENT:], strict=True))
    if len(rows) < 2:
        return None
    iterations, seconds = rows[-1][0] - rows[0][0], rows[-1][1] - rows[0][1]
    return iterations / seconds if seconds > 0 and iterations > 0 else None


def _speed(run: Run, speed: float, max_iter: int) -> str:
    words = f"{speed:.3g} iterations a second"
    left = max_iter - (run.last_iteration or 0)
    if run.done or run.fatal is not None or left <= 0:
        return words
    return f"{words}, {_time(left / speed)} to go"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours / 24:.1f} days"
