"""The facts of a run: what its log shows, as the ``Run`` message that rules look at.

Numbers and moments only; what is bad about them is for the rules to say.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median, quantiles

from msgspec import Struct, field
from msgspec.structs import replace

from ..core.source import Span
from ..engine import vocabulary as facts_of
from ..engine.diagnosis import moment_at
from ..engine.run import Target
from ..model.net import Net
from ..model.sizes import net_batch
from ..schema.message import Message
from . import signs, trends
from .curves import (
    Rows,
    curve,
    late_half,
    level,
    losses_of,
    moment,
    rows_of,
    summed,
    test_losses,
)
from .heads import LARGEST, SOFTMAX, Loss, accuracy_name, guessed_classes, losses
from .rebuilt import LogSource
from .run import Fatal, Output, Point, Run

# How near to the largest loss of softmax a printed mean of it is.
_AT_LARGEST = 1e-5

# Rows that are all multiples of the loss of one saturated sample, and how exactly.
_STEP_ROWS, _STEP_OFF = 5, 2e-4

# An accuracy this close to 1 / K, as a share of it, is that of guessing among K classes.
_LIKE_GUESSING = 0.2

# Of a loss below this share of the first one, a few hard samples make the most: it swings anyway.
_LEARNED = 0.2

_RATE_GONE = 1e-3
_NOTHING = 1e-6
_EXPLODED = 100.0
# A loss this many times that of the start, or of equal scores, has risen.
_WORSE = 1.5

# A first test this far from the training loss was made on empty batch norm statistics, or is no
# mean at all.
_ODD_TEST = 2.0

_LONGEST_SHOWN = 200

# Complaints of libraries this close before a fatal message belong to it.
_LINES_BEFORE = 3

# Names of layers without weights, as they are usually called.
_WEIGHTLESS = re.compile(
    r"data|label|loss|prob|acc|relu|pool|drop|norm\d|lrn|split|concat|flatten|slice|softmax|sigmoid"
    r"|eltwise|elt|silence|reshape|permute|priorbox|crop|input|sum$|mean",
    re.IGNORECASE,
)


class Setting(Struct, frozen=True):
    """What a run was started with, as far as it is known: its solver and its nets."""

    solver: Message | None = None
    train: Net | None = None
    tests: Sequence[Net] = field(default_factory=tuple)


class LineAnchor:
    """Finds moments of a run in its log: the line where each stands."""

    def __init__(self, facts: facts_of.Run, source: LogSource) -> None:
        self._facts = facts
        self._source = source

    def find(self, path: str) -> Span | None:
        """Span of the line of a moment, by the path of the fact; None where there is none."""
        moment = moment_at(self._facts, path or "begin")
        return self._source.said(moment.line) if moment is not None else None

    def is_unread(self, path: str) -> bool:
        """A log has no placeholders."""
        del path
        return False


def run_target(facts: facts_of.Run, source: LogSource) -> Target:
    """A run as something that rules look at."""
    return Target("run", source, (LineAnchor(facts, source),), {"run": facts})


class RunFacts:
    """Builds the ``Run`` facts of one run."""

    def __init__(self, run: Run, setting: Setting) -> None:
        self._run = run
        self._setting = setting
        self._solver = setting.solver
        average = setting.solver.get("average_loss") if setting.solver is not None else 1
        display = setting.solver.get("display") if setting.solver is not None else 0
        self._average = max(1, average)
        self._overlap = max(1.0, average / display) if display > 0 else 1.0
        self._accuracy = self._accuracy_rows()

    def build(self) -> facts_of.Run:
        """All facts of the run."""
        run = self._run
        facts = facts_of.Run(
            command=run.command,
            done=run.done,
            resumed=run.resumed_from is not None,
            finetuned=bool(run.of_kind("finetune")),
            first_iteration=_first_iteration(run),
            last_iteration=run.last_iteration or 0,
            begin=moment(Point(_first_iteration(run), 0.0, run.first_line)),
            end=moment(Point(run.last_iteration or 0, 0.0, run.last_line)),
        )
        self._add_setting(facts)
        self._add_losses(facts)
        self._add_accuracy(facts)
        self._add_rates(facts)
        self._add_speed(facts)
        self._add_weights(facts)
        self._add_stop(facts)
        _shorten(facts)
        return facts

    # What it was started with

    def _add_setting(self, facts: facts_of.Run) -> None:
        solver, net = self._solver, self._setting.train
        if solver is not None:
            facts.solver_known = True
            for name in ("max_iter", "display", "test_interval", "average_loss"):
                setattr(facts, name, solver.get(name))
            facts.mode = solver.get("solver_mode")
        if net is not None:
            facts.net_known = True
            facts.batch_norm = any(layer.type == "BatchNorm" for layer in net.layers)
            facts.batch = net_batch(net)
            facts.weighing = sum(layer.weighs for layer in net.layers)

    # Losses

    def _add_losses(self, facts: facts_of.Run) -> None:
        known = losses(self._setting.train) if self._setting.train is not None else {}
        train, test = losses_of(self._run.train.values()), test_losses(self._run.tests.values())
        shared = {one.name for one in train} & {one.name for one in test}
        total = rows_of(self._run.loss)
        compared = total
        if shared and len(shared) < len(train):
            compared = summed([one for one in train if one.name in shared])
        tested = summed([one for one in test if one.name in shared or not shared])
        if not len(tested) and self._run.tests:
            tested = rows_of(next(iter(self._run.tests.values())).loss)
        tested = self._sound_tests(tested, compared)
        for output in train or [Output("loss", 0, 1.0, self._run.loss)]:
            loss = known.get(output.name, Loss(output.name, ""))
            other = next((one for one in test if one.name == output.name), None)
            facts.heads.append(self._head(loss, output, other, compared))
        facts.train = train_curve = curve(compared, self._overlap)
        facts.test = test_curve = curve(tested)
        self._add_main(facts)
        self._compare(facts, train_curve, test_curve)
        self._add_saturation(facts)
        self._add_chance(facts)
        self._add_not_finite(facts, total)
        self._add_shape(facts, total, rises=train_curve.trend == "rises")
        late = late_half(tested.values)
        if len(late) >= trends.FEWEST and level(late) > 0:
            steps = [abs(b - a) for a, b in pairwise(late)]
            facts.test_swing = round(median(steps) / level(late), 2)

    def _sound_tests(self, tested: Rows, train: Rows) -> Rows:
        """Tests without a first one that says nothing about the net.

        Before training, the statistics of batch norm are empty: mean and variance 0, so that its
        output is hundreds of times its input (batch_norm_layer.cpp, Forward_cpu).
        """
        if len(tested) < 2 or not len(train) or self._run.resumed_from is not None:
            return tested
        first, begin = tested.points[0], train.points[0]
        if first.iteration > begin.iteration or begin.value <= 0:
            return tested
        odd = not 1 / _ODD_TEST < first.value / begin.value < _ODD_TEST
        return tested.without_first() if odd else tested

    def _head(self, loss: Loss, output: Output, test: Output | None, whole: Rows) -> facts_of.Head:
        rows = rows_of(output.points)
        # One loss alone is what Caffe prints as the loss, but that is averaged; a number that does
        # not change at all shows better without.
        alone = len(losses_of(self._run.train.values())) == 1 and output.weight == 1
        if self._average > 1 and alone and trends.same_since(rows.values) is None:
            rows = whole
        tests = self._sound_tests(rows_of(test.points), rows) if test is not None else Rows(())
        classes, chance = loss.classes, loss.chance
        if not loss.type and (guess := guessed_classes(level(rows.values) if len(rows) else 0)):
            classes, chance = guess, math.log(guess)
        head = facts_of.Head(
            name=loss.name,
            type=loss.type,
            weight=output.weight or 0.0,
            classes=classes,
            classes_known=bool(loss.classes),
            chance=chance,
            train=curve(rows, self._overlap),
            test=curve(tests),
        )
        if chance > 0:
            self._add_head_chance(head, rows, tests)
        if loss.type in (SOFTMAX, ""):
            at = trends.settled_at(rows.values, LARGEST, _AT_LARGEST * LARGEST)
            if at is not None:
                head.saturated_since = moment(rows.points[at])
        return head

    def _add_head_chance(self, head: facts_of.Head, rows: Rows, tests: Rows) -> None:
        values, chance = rows.values, head.chance
        if not values:
            return
        first = self._accuracy.points[0] if len(self._accuracy) else None
        ties = first is not None and first.value == 0 and first.line < rows.points[0].line
        head.dead = signs.equal_scores(values, chance, ties=ties)
        since = signs.chance_since(
            values,
            chance,
            iterations=rows.points[-1].iteration,
            equal=head.dead,
            guessed=not head.classes_known and not head.type and not self._guesses(head.classes),
        )
        if since is None or signs.better(tests.values, chance):
            return
        before = values[:since]
        noise = trends.spread(values[since:])
        if before and chance - min(before) > 4 * noise:
            head.learned = round((chance - min(before)) / chance, 2)
        head.chance_since = moment(rows.points[since])

    def _guesses(self, classes: int) -> bool:
        """Whether the last tests were right as often as guessing among so many classes is."""
        values = self._accuracy.values
        return bool(values) and abs(level(values) * classes - 1) < _LIKE_GUESSING

    def _add_main(self, facts: facts_of.Run) -> None:
        main = max(facts.heads, key=lambda head: head.weight)
        facts.classes, facts.classes_known = main.classes, main.classes_known
        facts.chance, facts.loss_type = main.chance, main.type
        first = _first_value(main)
        if main.chance > 0 and first is not None:
            facts.start_over_chance = first / main.chance

    @staticmethod
    def _compare(facts: facts_of.Run, train: facts_of.Curve, test: facts_of.Curve) -> None:
        """How far both losses fell, and what is between them."""
        if train.first is None:
            return
        begin, end = train.first.value, train.level
        if begin > 0:
            facts.train_fall = (begin - end) / begin
        if test.first is None or test.lowest is None or test.lowest.value <= 0:
            return
        start = max(begin, test.first.value)
        facts.test_fall = (start - test.level) / start
        facts.test_rise = test.level / test.lowest.value - 1
        if begin - end > 0.05 * begin > 0:
            facts.gap = round((test.level - end) / (begin - end), 2)

    def _add_saturation(self, facts: facts_of.Run) -> None:
        heads = facts.heads
        full = [(one, one.saturated_since) for one in heads if one.saturated_since is not None]
        if full:
            facts.saturated_heads = [head.name for head, _ in full]
            last = max((since for _, since in full), key=lambda since: since.line)
            facts.saturated_since = self._on_row(last)
        main = max(heads, key=lambda head: head.weight)
        softmax = main.type == SOFTMAX or (not main.type and main.saturated_since is not None)
        first = _first_value(main)
        if softmax and first is not None and first <= LARGEST * (1 + _AT_LARGEST):
            facts.start_saturated = first / LARGEST
        self._add_steps(facts, main)

    def _add_steps(self, facts: facts_of.Run, main: facts_of.Head) -> None:
        """Whether the main loss moves in steps of the largest loss of one sample."""
        if main.type != SOFTMAX or facts.batch < 2 or self._average > 1:
            return
        outputs = [one for one in self._run.train.values() if one.name == main.name]
        values = rows_of(outputs[0].points).values[-_STEP_ROWS:] if outputs else []
        samples = [value * facts.batch / LARGEST for value in values]
        exact = all(abs(one - round(one)) <= _STEP_OFF * max(1, one) for one in samples)
        if len(samples) == _STEP_ROWS and exact and round(samples[-1]) >= 1:
            facts.saturated_samples, facts.saturated_batch = round(samples[-1]), facts.batch

    def _add_chance(self, facts: facts_of.Run) -> None:
        stuck = [(one, one.chance_since) for one in facts.heads if one.chance_since is not None]
        if not stuck:
            return
        facts.chance_heads = [head.name for head, _ in stuck]
        since = max((one for _, one in stuck), key=lambda one: one.line)
        facts.all_at_chance = len(stuck) == len(facts.heads)
        facts.chance_since = self._on_row(since) if facts.all_at_chance else since
        facts.dead = all(head.dead for head, _ in stuck)
        facts.learned_before = max(head.learned for head, _ in stuck)

    def _on_row(self, moment: facts_of.Moment) -> facts_of.Moment:
        """A moment of an output, at the line with the loss that Caffe prints before it."""
        lines = self._run.loss.lines
        at = bisect_right(lines, moment.line) - 1
        same = at >= 0 and self._run.loss.iterations[at] == moment.iteration
        return replace(moment, line=lines[at]) if same else moment

    def _add_not_finite(self, facts: facts_of.Run, total: Rows) -> None:
        outputs = losses_of(self._run.train.values())
        firsts = [one.points.first_not_finite for one in outputs] + [total.not_finite]
        tests = [one.points.first_not_finite for one in test_losses(self._run.tests.values())]
        found = sorted((one for one in firsts if one is not None), key=lambda point: point.line)
        found = found or [one for one in tests if one is not None]
        if not found:
            return
        facts.nan_since = moment(found[0])
        before = [point for point in total.points if point.line < found[0].line]
        facts.nan_at_start = len(before) < 2
        if before:
            facts.before_nan = moment(before[-1])
            usual = median(point.value for point in before[-6:])
            highest = max(point.value for point in before[-3:])
            facts.grew = len(before) > 1 and highest > 2 * min(usual, before[0].value)

    def _add_shape(self, facts: facts_of.Run, total: Rows, *, rises: bool) -> None:
        """Explosions, rises, spikes, zeros and periods of the training loss; ``rises`` tells its
        trend.
        """
        values, points = total.values, total.points
        if not values:
            return
        end, begin = level(values), max(values[0], facts.chance)
        at = next((i for i, value in enumerate(values) if value > _EXPLODED * begin > 0), None)
        if at is not None and end > 10 * begin:
            facts.exploded = moment(points[at])
        smooth = trends.smoothed(values)
        lowest = min(range(len(values)), key=smooth.__getitem__)
        noise = trends.noise(values)
        rose = rises or signs.climbs(values) or end > _WORSE * begin > 0
        if rose and lowest + 1 < len(values) and end - smooth[lowest] > 0.1 * abs(smooth[lowest]):
            facts.rise_since = moment(points[lowest + 1])
            facts.rise_from = moment(points[lowest]._replace(value=smooth[lowest]))
        zero = trends.settled_at(values, 0.0, _NOTHING)
        if zero is not None:
            facts.zero_since = moment(points[zero])
        spikes = signs.spikes(values, noise)
        facts.spikes = len(spikes)
        if spikes:
            facts.spike = moment(points[max(spikes, key=values.__getitem__)])
        lag = trends.period(values)
        if lag:
            facts.period = points[-1].iteration - points[-1 - lag].iteration
            rest = quantiles(trends.detrended(late_half(values)[-trends.PERIODIC :]), n=10)
            scale = max(abs(end), _LEARNED * begin)
            facts.swing = round((rest[-1] - rest[0]) / scale, 2) if scale else 0.0

    # Accuracy

    def _add_accuracy(self, facts: facts_of.Run) -> None:
        rows = self._accuracy
        if not len(rows):
            return
        facts.accuracy = curve(rows)
        self._add_guesses(facts, rows)
        loss = next((one for one in test_losses(self._run.tests.values())), None)
        if loss is not None and facts.classes_known and facts.loss_type == SOFTMAX:
            pairs = list(zip(rows_of(loss.points).values, rows.values, strict=False))
            facts.softmax_twice = signs.softmax_twice(pairs, facts.classes)

    def _accuracy_rows(self) -> Rows:
        """The first accuracy of the test nets; no rows where there is none."""
        tests = self._run.tests.values()
        outputs = [one for test in tests for one in test.outputs.values() if not one.weight]
        nets = self._setting.tests
        name = accuracy_name(nets[0] if nets else None, [one.name for one in outputs])
        found = next((one for one in outputs if name and one.name == name), None)
        return rows_of(found.points) if found is not None else Rows(())

    def _add_guesses(self, facts: facts_of.Run, rows: Rows) -> None:
        """Whether the accuracy is that of guessing; tests with nan count every sample as right
        (accuracy_layer.cpp: no score is larger than a nan).
        """
        first_nan = facts.nan_since.line if facts.nan_since is not None else math.inf
        sound = [point for point in rows.points if point.line < first_nan]
        values = [point.value for point in sound]
        if (at := trends.settled_at(values, 0.0, 0.0)) is not None:
            facts.accuracy_zero = moment(sound[at])
        if facts.classes < 2 or not values:
            return
        chance = 1 / facts.classes
        if (at := trends.settled_at(values, chance, signs.SIX_DIGITS)) is not None:
            facts.accuracy_chance = moment(sound[at])
        elif abs(values[-1] - chance) <= signs.SIX_DIGITS and len(values) == 1:
            facts.accuracy_chance = moment(sound[-1])
        limit = chance + (1 - chance) * min(chance, 0.1)
        facts.accuracy_guesses = max(values) <= limit
        facts.accuracy_learns = level(values) > limit

    # The rest

    def _add_rates(self, facts: facts_of.Run) -> None:
        rows = rows_of(self._run.rates)
        values = rows.values
        if not values:
            return
        facts.first_rate, facts.last_rate, facts.highest_rate = values[0], values[-1], max(values)
        gone = signs.stays_below(values, _RATE_GONE * max(values))
        if gone is not None:
            facts.rate_gone = moment(rows.points[gone])
        zero = signs.stays_below(values, 1e-37)
        if zero is not None:
            facts.rate_zero = moment(rows.points[zero])
        facts.rate_grows = values[-1] > 1.2 * median(values)

    def _add_speed(self, facts: facts_of.Run) -> None:
        speeds = [value for value in rows_of(self._run.speed).values if value > 0]
        if len(speeds) < 8:
            return
        quarter = len(speeds) // 4
        facts.first_speed, facts.last_speed = median(speeds[:quarter]), median(speeds[-quarter:])
        left = facts.max_iter - facts.last_iteration
        if left > 0 and not facts.done:
            facts.hours_left = left / facts.last_speed / 3600

    def _add_weights(self, facts: facts_of.Run) -> None:
        started = self._run.of_kind("finetune")
        ignored = self._run.of_kind("ignore")
        facts.weights = _text(started[0].subject) if started else ""
        # Test nets are filled from the same file, and ignore the same layers again.
        names = list(dict.fromkeys(event.subject for event in ignored))
        facts.ignored_layers = [_text(name) for name in names]
        facts.ignored_weighing = sum(not _WEIGHTLESS.search(name) for name in names)
        if ignored:
            first = Point(_first_iteration(self._run), 0.0, ignored[0].line)
            facts.first_ignored = moment(first)

    def _add_stop(self, facts: facts_of.Run) -> None:
        fatal, deaths = self._run.fatal, self._run.of_kind("death")
        if fatal is None and self._run.done and deaths:
            # glog tells the time first, then the signal.
            told = next((one for one in deaths if "SIG" in one.subject), deaths[0])
            fatal = Fatal(told.subject, told.line, iteration=self._run.last_iteration)
        if fatal is None:
            return
        at = Point(fatal.iteration or 0, 0.0, fatal.line)
        facts.stop = facts_of.Stop(
            message=_text(fatal.message),
            shown=_text(_cut(fatal.message)),
            file=_text(fatal.file),
            before=_text(" ".join(_cut(text) for text in self._said_before(fatal.line))),
            layer=_text(self._run.last_layer) if self._is_set_up(fatal.file) else "",
            after_end=self._run.done,
            at=moment(at),
            prior=moment(at._replace(line=at.line - 1)) if at.line > 1 else None,
        )

    def _said_before(self, line: int) -> list[str]:
        """What libraries complained about right before Caffe gave up."""
        messages = self._run.of_kind("message")
        return [one.subject for one in messages if line - _LINES_BEFORE <= one.line < line]

    def _is_set_up(self, file: str) -> bool:
        """Whether a check in a source file failed while layers were being set up."""
        run = self._run
        later = ("start", "finetune", "restore")
        if run.last_iteration is not None or any(run.of_kind(kind) for kind in later):
            return False
        return file not in ("solver.cpp", "caffe.cpp", "upgrade_proto.cpp", "insert_splits.cpp")


def _first_value(head: facts_of.Head) -> float | None:
    """The first training loss of a head."""
    first = head.train.first if head.train is not None else None
    return first.value if first is not None else None


def _shorten(facts: Struct) -> None:
    """Round all numbers to the six digits that Caffe prints."""
    for name in facts.__struct_fields__:
        value = getattr(facts, name)
        if isinstance(value, float):
            setattr(facts, name, float(f"{value:.6g}"))
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, Struct):
                _shorten(one)


def _text(value: str) -> str:
    """A text as protobuf takes it."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _cut(message: str) -> str:
    """A message short enough to be shown; of glog's line on a signal, its name."""
    if signal := re.match(r"\*\*\* (SIG[A-Z]+)", message):
        return signal[1]
    return message if len(message) <= _LONGEST_SHOWN else message[:_LONGEST_SHOWN] + "…"


def _first_iteration(run: Run) -> int:
    firsts = (run.loss.first, run.rates.first)
    return next((point.iteration for point in firsts if point is not None), run.resumed_from or 0)
