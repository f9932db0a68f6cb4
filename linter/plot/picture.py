"""What a picture of training runs shows, before anything is drawn: panels, lines, marks.

One log gives a panel for the losses, one for what else the nets print, one for the learning rate.
Several logs are laid over each other: a panel for each output, with a colour for each log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median
from textwrap import shorten

from msgspec import Struct, field

from ..core.diagnostic import Severity
from ..log.run import Output, Points
from .courses import Course, Told, begin, courses
from .reduce import Line, line

LOSS, OUTPUT, ELEMENT, RATE = "loss", "output", "element", "learning rate"
"""Kinds of panels; elements are outputs of a blob that has several."""
TOTAL = "total loss"


_TOTAL_AND_HEAD = 2
_MOST_SERIES = 8
_MOST_PANELS = 6
"""More lines, or panels, are not told apart any more."""
_MOST_MARKS = 9
_MOST_NAMES = 3
_LONGEST_TITLE = 90
_LONGEST_NAME = 30
_LONGEST_WORDS = 250
_EVENTS = {"step": "learning rate stepped", "early-stop": "stopped early"}
_SPANS = {LOSS: 100.0, RATE: 9.0}
"""From so many times its lowest value on, a kind of panel has a logarithmic axis."""


class Series(Struct, frozen=True):
    """A line with its name in the legend; ``hue`` is the number of its colour."""

    name: str
    course: int
    hue: int
    test: bool
    line: Line


class Panel(Struct, frozen=True):
    """Lines over one vertical axis, all of one kind."""

    title: str
    kind: str
    series: tuple[Series, ...]
    left_out: int = 0
    """So many more series are not drawn."""

    @property
    def logarithmic(self) -> bool:
        """Whether differences are seen better on a logarithmic axis, where zeros are left out."""
        series = [values for one in self.series if (values := one.line.finite)]
        positive = [value for values in series for value in values if value > 0]
        span = _SPANS.get(self.kind)
        if span is None or not positive or max(positive) <= span * min(positive):
            return False
        return all(min(values) >= 0 and median(values) > 0 for values in series)


class Mark(Struct, frozen=True):
    """Something that happened at an iteration; ``hue`` is its log's colour, None for one log."""

    iteration: int
    words: str
    hue: int | None = None


class Picture(Struct, frozen=True):
    """All that is drawn, over one axis of iterations."""

    title: str
    panels: tuple[Panel, ...]
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        """First and last iteration."""
        found = [at for panel in self.panels for one in panel.series for at in one.line.span]
        return (min(found), max(found)) if found else (0, 0)


class _Entry(Struct):
    """A series of a course before it has a place in a panel."""

    course: Course
    kind: str
    name: str
    test: bool
    parts: list[Points] = field(default_factory=list)
    weight: float | None = None
    net: int | None = None


def picture(
    logs: Sequence[tuple[str, Sequence[Told]]], safe: Callable[[str], str] = str
) -> Picture:
    """The picture of the runs of some logs; ``safe`` is applied to what comes from them."""
    drawn, left_out = courses(logs, safe)
    entries = [entry for course in drawn for entry in _entries(course)]
    notes = [f"{left_out} more runs are not drawn"] if left_out else []
    if len(drawn) > 1:
        panels, left_out = _overlaid(entries, safe)
        if left_out:
            notes.append(f"{left_out} more outputs are not drawn")
    else:
        panels = _single(entries, safe)
    steady = _steady_rate(panels)
    if steady is not None:
        panels = [panel for panel in panels if panel.kind != RATE]
        notes.append(f"learning rate {steady:g} throughout")
    return Picture(_headline(logs, safe), tuple(panels), tuple(_marks(drawn, safe)), tuple(notes))


def _headline(logs: Sequence[tuple[str, Sequence[Told]]], safe: Callable[[str], str]) -> str:
    named = list(dict.fromkeys(name for name, _ in logs))
    shown = named[:_MOST_NAMES]
    more = f" and {len(named) - len(shown)} more" if len(named) > len(shown) else ""
    longest = _LONGEST_TITLE // max(len(shown), 1)
    return ", ".join(elided(safe(name), longest) for name in shown) + more


def _steady_rate(panels: Iterable[Panel]) -> float | None:
    rates = {
        value
        for panel in panels
        if panel.kind == RATE
        for one in panel.series
        for value in one.line.finite
    }
    return rates.pop() if len(rates) == 1 else None


# Series


def _entries(course: Course) -> list[_Entry]:
    """All series of a course, the total loss first, then the outputs that weigh most."""
    entries: dict[tuple[object, ...], _Entry] = {}

    def put(key: tuple[object, ...], points: Points, entry: _Entry) -> None:
        if points.seen:
            entries.setdefault(key, entry).parts.append(points)

    for run in course.runs:
        put((LOSS,), run.loss, _Entry(course, LOSS, "", test=False))
        put((RATE,), run.rates, _Entry(course, RATE, "", test=False))
        for kind, name, output in _named(run.train):
            entry = _Entry(course, kind, name, test=False, weight=output.weight)
            put((kind, name), output.points, entry)
        for net in run.tests.values():
            put(("test", net.index), net.loss, _Entry(course, LOSS, "", test=True, net=net.index))
            for kind, name, output in _named(net.outputs):
                entry = _Entry(course, kind, name, True, weight=output.weight, net=net.index)
                put((kind, net.index, name), output.points, entry)
    return sorted(_without_double(list(entries.values())), key=_importance)


def _importance(entry: _Entry) -> tuple[bool, float, bool]:
    named = bool(entry.name)
    return named, -(entry.weight or 0.0) if named else 0.0, entry.test


def _named(outputs: dict[int, Output]) -> Iterator[tuple[str, str, Output]]:
    """Outputs with kind and name; those of a blob with several elements have their number too."""
    count = Counter(output.name for output in outputs.values())
    for one in outputs.values():
        single = count[one.name] == 1
        kind = LOSS if one.weight else OUTPUT if single else ELEMENT
        yield kind, one.name if single else f"{one.name} #{one.index}", one


def _without_double(entries: list[_Entry]) -> list[_Entry]:
    """A net's only loss is what its total loss is made of, so one of the two is enough."""
    losses: dict[int | None, list[_Entry]] = {}
    for one in entries:
        if one.kind == LOSS:
            losses.setdefault(one.net, []).append(one)
    double = []
    trained = len(losses.get(None, ()))
    for group in losses.values():
        heads = [one for one in group if one.name]
        if len(heads) > 1 or not heads or trained > _TOTAL_AND_HEAD:
            continue
        if len(group) == _TOTAL_AND_HEAD:
            double.append(id(heads[0]))
        elif heads[0].weight == 1:
            heads[0].name = ""
    return [one for one in entries if id(one) not in double]


# Panels


def _single(entries: list[_Entry], safe: Callable[[str], str]) -> list[Panel]:
    """The panels of one course, one for each kind."""
    panels = []
    for kind in (LOSS, OUTPUT, ELEMENT, RATE):
        group = [one for one in entries if one.kind == kind]
        if group:
            shown = group[:_MOST_SERIES]
            names = {one.name for one in shown}
            series = tuple(
                Series(_label(one, safe, names), one.course.index, hue, one.test, _line(one))
                for one, hue in zip(shown, _hues(shown), strict=True)
            )
            title = elided(safe(_title(kind, names)), 40)
            panels.append(Panel(title, kind, series, len(group) - len(shown)))
    return panels


def _title(kind: str, names: set[str]) -> str:
    if kind in (LOSS, RATE):
        return kind
    if len(names) == 1:
        return next(iter(names))
    return "accuracy" if all("acc" in name.lower() for name in names) else "outputs"


def _hues(entries: list[_Entry]) -> list[int]:
    """A colour for each name; where there is only one name, for training and each test net."""
    names = list(dict.fromkeys(one.name for one in entries))
    if len(names) > 1:
        return [names.index(one.name) for one in entries]
    return [1 + (one.net or 0) if one.test else 0 for one in entries]


def _line(entry: _Entry) -> Line:
    return line(entry.parts, smooth=entry.kind != RATE and not entry.test)


def _label(entry: _Entry, safe: Callable[[str], str], names: set[str]) -> str:
    if entry.kind == RATE:
        return RATE
    net = f" #{entry.net}" if entry.net else ""
    weight = "" if entry.weight in (None, 0, 1) else f" (×{entry.weight:g})"
    name = elided(safe(entry.name), _LONGEST_NAME) or (TOTAL if len(names) > 1 else LOSS)
    return f"{'test' if entry.test else 'train'}{net} {name}{weight}"


def _overlaid(entries: list[_Entry], safe: Callable[[str], str]) -> tuple[list[Panel], int]:
    """A panel for each output, those that most courses have first, the rates last; and how many
    are left out.
    """
    groups: dict[tuple[str, str], list[_Entry]] = {}
    for one in entries:
        groups.setdefault((one.kind, one.name), []).append(one)
    rates = [key for key in groups if key[0] == RATE]
    outputs = [key for key in groups if key[0] != RATE]
    outputs.sort(
        key=lambda key: (key[0] == ELEMENT, -len({one.course.index for one in groups[key]}))
    )
    total = TOTAL if sum(kind == LOSS for kind, _ in outputs) > 1 else LOSS
    panels = []
    for kind, name in outputs[:_MOST_PANELS] + rates:
        group = groups[kind, name]
        series = []
        for one in sorted(group, key=lambda one: one.course.index):
            index = one.course.index
            label = _course_label(one, group)
            series.append(Series(label, index, index, one.test, _line(one)))
        title = elided(safe(name), 40) or (total if kind == LOSS else kind)
        panels.append(Panel(title, kind, tuple(series)))
    return panels, max(0, len(outputs) - _MOST_PANELS)


def _course_label(entry: _Entry, group: list[_Entry]) -> str:
    """The course, and which of its nets where the panel has several of them."""
    name = elided(entry.course.name, _LONGEST_NAME)
    if entry.kind == RATE or len({(one.test, one.net) for one in group}) == 1:
        return name
    net = f" #{entry.net}" if entry.net else ""
    return f"{name}: {'test' if entry.test else 'train'}{net}"


# Marks


def _marks(drawn: Sequence[Course], safe: Callable[[str], str]) -> list[Mark]:
    """What happened: since when a diagnosis holds, where a run was resumed, stepped, ended."""
    happened = [(course.index, *one) for course in drawn for one in _said(course)]
    happened += [(course.index, *one) for course in drawn for one in _events(course)]
    found: dict[tuple[int, int], list[str]] = {}
    for index, iteration, words in happened:
        told = found.setdefault((index, iteration), [])
        if (said := shorten(safe(words), _LONGEST_WORDS, placeholder=" …")) not in told:
            told.append(said)
    several = len(drawn) > 1
    marks = []
    for (index, iteration), told in list(found.items())[:_MOST_MARKS]:
        of = f"{elided(drawn[index].name, _LONGEST_NAME)}: " if several else ""
        marks.append(Mark(iteration, of + "; ".join(told), index if several else None))
    return sorted(marks, key=lambda one: one.iteration)


def _said(course: Course) -> Iterator[tuple[int, str]]:
    """What the rules say, and what has ended the runs, with iterations."""
    for told in course.told:
        for each in told.diagnoses:
            if each.since is not None and each.diagnostic.severity > Severity.INFO:
                yield each.since, each.diagnostic.message
        fatal = told.run.fatal
        if fatal is not None and fatal.iteration is not None:
            yield fatal.iteration, f"ended: {fatal.message}"


def _events(course: Course) -> Iterator[tuple[int, str]]:
    for at, run in enumerate(course.runs):
        if at:
            yield begin(run), "resumed"
        for event in run.events:
            if event.kind in _EVENTS and event.iteration is not None:
                yield event.iteration, _EVENTS[event.kind]


def elided(text: str, longest: int) -> str:
    """``text``, its middle left out if it is too long: names differ at both ends."""
    if len(text) <= longest:
        return text
    head = (longest - 1) // 2
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"
