"""The main job: files in, a report out.

One pass per file: read, parse, bind, upgrade; then every net in every state that it is built in,
as facts under the rules. A net that a checked solver builds is checked as that solver builds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .control.suppress import MARK
from .core.collector import paused_collector
from .core.diagnostic import Diagnostic, Report
from .core.looking import Kept, name_of, note, real_path
from .core.problem import Problem
from .core.source import Source
from .data.limits import Progress, names_data, silent
from .engine.ruleset import RuleSet
from .engine.run import Target
from .engine.vocabulary import Solver
from .facts.build import FactBuilder
from .facts.signal import START_FACTS, starts_from_fillers
from .model.backward import check_overwriting
from .model.blocks import check_blocks
from .model.build import Shapes, set_up
from .model.checks import check_net, with_faults
from .model.compare import (
    Outline,
    Sketch,
    check_deploy,
    check_transforms,
    fit,
    has_its_own,
    outline,
    training_net,
)
from .model.context import UNKNOWN, Context, chosen
from .model.detectors import check_detectors
from .model.files import is_absolute, missing_directory, missing_top, resolve
from .model.launch import Launch
from .model.net import Layer, Net, short_lived_nets
from .model.phase import effective_state, include_and_exclude
from .model.shapes.setup import Shape
from .model.sizes import check_test_size, net_batch, net_images
from .model.solver import NetUse, net_uses, overridden_phase
from .model.twins import check_phases, check_twins
from .model.views import likely_views
from .parts import Part, join
from .purpose import BuiltNet, Purposes, is_trained, trains
from .reading import CheckError, File, bytes_of, differ, read_bytes, read_text
from .resources import load_rules, load_schema
from .schema.message import Message
from .settings import Configured, FileRules, Start, Starts
from .walk import files_below, prototxt_beside, total_size

if TYPE_CHECKING:
    from .cache import Results
    from .engine.run import Editor
    from .moments.outlook import Outlook
    from .workers import Each

# Several solvers of a directory often name the same few nets.
_KEPT_FILES = 16

# Less than this is checked sooner than a process is started for it.
_BYTES_FOR_ONE = 256 * 1024

# Training nets beside a deploy net that are looked at.
_MOST_BESIDE = 4


class Checker:
    """One run over some files, each with its own settings."""

    def __init__(self, ruleset: RuleSet, configured: Configured) -> None:
        self._rules = ruleset
        self.missing: set[str] = set()
        """Libraries without which some data was not looked into."""
        self.progress: Progress = silent
        """Shows how far a look at data is."""
        self.rules = FileRules(ruleset, configured, _editor)
        """The rules in each file as its config has them."""
        self.starts = Starts(configured, self.missing)
        self.skipped: list[str] = []
        """What a directory held that was not checked, each with the reason."""
        self.contents: dict[Path, bytes] = {}
        """What files hold, by their real paths, where that is not what they hold on disk."""
        self.spelled: dict[Path, Path] = {}
        """How the files to check were named, by their real paths."""
        self.results: Callable[[], Results] | None = None
        """Gives what earlier runs have found, where that may be used."""
        self._configured = configured
        self._kept: Kept[File] = Kept(_KEPT_FILES)
        self._purposes = Purposes(self._start)
        self._part = Part()
        """What is being made."""

    def check(
        self, paths: Iterable[Path], jobs: int = 1, only: Collection[Path] | None = None
    ) -> Report:
        """Check files, and the files below directories that look like prototxt, in up to ``jobs``
        processes, if there is enough for them to do. Of all these, ``only`` some, by real paths.

        Raises:
            CheckError: for a named file that cannot be read.
            caffelint.engine.rule.RuleError: for a rule that fails on the facts of these files.
            caffelint.workers.WorkerError: for a process that was ended from outside.
        """
        files: dict[Path, tuple[Path, bool]] = {}
        for path, named in files_below(paths, self.skipped):
            key = _identity(path)
            if only is not None and key not in only:
                continue
            if not named and self._configured.of(path).excludes(path):
                continue
            first, was_named = files.get(key, (path, False))
            files[key] = (first, named or was_named)
        self.spelled = {key: path for key, (path, _) in files.items()}
        size = total_size(files)
        with ExitStack() as stack:
            each: Each = lambda work, items: (work(self, item) for item in items)  # noqa: E731
            kept = None
            if self.results is not None and size >= _BYTES_FOR_ONE:
                kept = stack.enter_context(self.results().kept(self._answers()))
            most = min(jobs, 1 + size // _BYTES_FOR_ONE)
            if most > 1 and self._rules is load_rules():
                from .workers import start_workers

                given = (self._configured, self.contents, self.spelled)
                each = stack.enter_context(start_workers(most, self, _make_checker, *given))
            return self._check_all(files, each if kept is None else kept(each))

    def _check_all(self, files: Mapping[Path, tuple[Path, bool]], each: Each) -> Report:
        """Check files, by their real paths; ``each`` makes the parts of a report."""
        # Solvers decide how nets are built. Most are called solver; of one that is not, the nets
        # may be checked by themselves first, for nothing.
        parts: dict[Path, Part] = {}
        built: set[Path] = set()
        for first in (True, False):
            now = {
                key: one
                for key, one in files.items()
                if ("solver" in one[0].name.lower()) is first and key not in built
            }
            parts |= zip(now, each(Checker.check_part, list(now.values())), strict=True)
            built = {key for part in parts.values() for key in part.built}
        whole, names = join(files, parts)
        folders: dict[Path, dict[Path, Outline]] = {}
        for key, one in whole.outlines.items():
            folders.setdefault(key.parent, {})[key] = one
        deploys = [
            (Path(names[key]), folders[key.parent])
            for key in files
            if key in names and _may_be_deploy(whole.outlines.get(key))
        ]
        for part in each(Checker.check_deploy, deploys):
            whole.found += part.found
        self.skipped += whole.skipped
        self.missing |= whole.missing
        return self._report(whole, names)

    def check_part(self, file: tuple[Path, bool]) -> Part:
        """Check one file, which was named itself or not."""
        self._part = part = Part()
        self.missing.clear()  # what other files miss is told in their parts
        with paused_collector(), short_lived_nets():
            read = self._read_or_skip(*file)
            if read is not None:
                part.name, part.kind = read.source.name, read.kind
                part.found += self._check_file(read)
        part.missing |= self.missing
        return part

    def _answers(self) -> dict[str, Callable[[str], object]]:
        """What is asked for a part that is not about the file system, or not about it alone."""
        return {
            "rules": self.rules.key,
            "start": self.starts.key,
            "spelled": self._spelled,
            "launches": self._launches,
            name_of(bytes_of): self._bytes_of,
        }

    def _spelled(self, path: str) -> Path | None:
        return self.spelled.get(Path(path))

    def _launches(self, solver: str) -> list[Launch]:
        return self._start(Path(solver)).launches.find(Path(solver))

    def _bytes_of(self, path: str) -> bytes | str:
        """What a file holds, or is taken to hold."""
        given = self.contents.get(_identity(Path(path))) if self.contents else None
        return bytes_of(path) if given is None else given

    def check_text(self, name: str, data: bytes) -> Report:
        """Check one text, such as standard input, under a name."""
        with paused_collector():
            file = read_text(Path(name), data, self._start(Path(name)).written_for)
            self._part = part = Part()
            part.found += self._check_file(file)
            self.skipped += part.skipped
            return self._report(part, {file.path: name} | part.built)

    def check_started(
        self, solver: File | None, nets: Sequence[tuple[File, str]], context: Context
    ) -> Report:
        """Check what one start of Caffe has read: its solver, and its nets, the training net first,
        each with the phase it was built in. ``context`` is what the start is known to be for.
        """
        built: dict[int, BuiltNet] = {}
        for file, phase in nets:
            assert file.message is not None
            one = BuiltNet(file.source, file.message, [], file.problems)
            one = built.setdefault(id(file), one)
            state = effective_state(phase, file.message.values.get("state"), None)
            one.views.append(Net(file.message, state))
        with paused_collector():
            self._part = part = Part()
            part.found += self._check_started(solver, list(built.values()), context)
            files = [file for file in (solver, *(file for file, _ in nets)) if file is not None]
            return self._report(part, {file.path: file.source.name for file in files})

    def _check_started(
        self, solver: File | None, nets: Sequence[BuiltNet], context: Context
    ) -> Iterator[Diagnostic]:
        trained = next((view for built in nets for view in built.views if trains(view)), None)
        facts = None
        if solver is not None and solver.message is not None:
            builder = FactBuilder(solver.source, context)
            facts = builder.solver(solver.message)
            if trained is not None:
                builder.add_sizes(facts, net_batch(trained), 0)
            yield from self.rules.on_problems(solver.source, solver.problems)
        for built in nets:
            built.solver = solver.message if solver is not None else None
            yield from self.rules.on_problems(built.source, built.problems)
            yield from self._check_built(built, context, facts, trained)
        if facts is not None and solver is not None and solver.message is not None:
            target = _solver_target(builder, solver.message, facts, trained, nets)
            yield from self.rules.on_targets([target])

    def _report(self, part: Part, names: Mapping[Path, str]) -> Report:
        for source in part.commented:
            self.rules.note(source)
        return self.rules.report(part.found, names.values())

    def _start(self, path: Path) -> Start:
        """How Caffe is started on a file."""
        return self.starts.of(path, self.progress)

    def _read_or_skip(self, path: Path, named: bool) -> File | None:
        """The file, or None if it lies in a directory and is no net or solver."""
        try:
            file = self._read(path)
        except CheckError as error:
            if named:
                raise
            self._part.skipped.append(str(error))
            return None
        if file.kind or named:
            return file
        self._part.skipped.append(f"{path}: neither a net nor a solver")
        return None

    def _read(self, path: Path) -> File:
        return self._kept.get(path, partial(self._read_anew, path))

    def _read_anew(self, path: Path) -> File:
        data = self._bytes_of(str(path))
        note(name_of(bytes_of), (str(path),), lambda _: data)
        return read_bytes(path, data, self._start(path).written_for)

    def _check_file(self, file: File) -> Iterator[Diagnostic]:
        self._note(file.source)
        yield from self.rules.on_problems(file.source, file.problems)
        if file.kind == "solver":
            yield from self._check_solver(file)
        elif file.kind == "net":
            yield from self._check_net(file)

    def _note(self, source: Source) -> None:
        if MARK in source.text:
            self._part.commented.append(source)

    # A net by itself

    def _check_net(self, file: File) -> Iterator[Diagnostic]:
        assert file.message is not None
        views = likely_views(file.message)
        built = BuiltNet(
            file.source, file.message, views, file.problems, self._purposes.sources(file)
        )
        training = [view for view in views if trains(view)]
        # Of a file with several training nets, by stage, it is unknown which test belongs to which.
        trained = training[0] if len(training) == 1 else None
        context = self._purposes.context(self._start(file.path), built, None)
        yield from self._check_built(built, context, None, trained)

    def _check_built(
        self, built: BuiltNet, context: Context, solver: Any | None, trained: Net | None
    ) -> Iterator[Diagnostic]:
        """Every view of a net under the rules; ``solver`` are the facts of its solver, ``trained``
        is the net that is trained with the views for testing.
        """
        source = built.source
        start = self._start(Path(source.name))
        builder = FactBuilder(source, context, trained)
        sketches: list[Sketch] = []
        trained_shapes: Shapes | None = None
        yield from self.rules.on_problems(source, include_and_exclude(built.net.get("layer")))
        for view in built.views:
            faulty = with_faults(view, built.problems)
            in_data, data_shapes = self._look_at_data(view, source, start)
            for place, found in in_data:
                yield from self.rules.on_problems(place, found, view.state.phase)
            shapes, shape_problems = set_up(view, {**data_shapes, **start.shapes}, faulty)
            sketches.append((view, shapes))
            if view is trained:
                trained_shapes = shapes
            problems = view.problems + check_net(view) + shape_problems
            problems += check_overwriting(view) + check_blocks(view) + check_detectors(view)
            if trained is not None and not trains(view):
                if trained_shapes is None:  # it stands in a file of its own
                    trained_shapes, _ = set_up(trained)
                problems += check_transforms(trained, view) + check_phases(trained, view)
                problems += check_twins((trained, trained_shapes), (view, shapes))
            if built.weights is not None:
                from .model.transfer import check_transfer

                problems += check_transfer(view, shapes.params, built.weights, is_trained(built))
            yield from self.rules.on_problems(source, problems, view.state.phase)
            facts = Solver() if solver is None else solver
            sound = not any(problem.rejects for problem in (*built.problems, *problems))
            if sound and (start_of := self._look_ahead(built, view, shapes, context)) is not None:
                built.outlooks[view] = start_of
            ahead = built.outlooks.get(view)
            yield from self.rules.on_targets(builder.targets(view, facts, shapes, ahead))
        self._part.outlines[_identity(Path(source.name))] = outline(
            Path(source.name).name, sketches
        )

    def _look_ahead(
        self, built: BuiltNet, view: Net, shapes: Shapes, context: Context
    ) -> Outlook | None:
        """How a net starts from its fillers, if it does and a rule wants to know."""
        name = built.source.name
        if not starts_from_fillers(view, context) or not self.rules.ask(name, START_FACTS):
            return None
        from .moments.outlook import outlook

        return outlook(view, shapes, built.solver)

    def check_deploy(self, item: tuple[Path, Mapping[Path, Outline]]) -> Part:
        """A net without loss against the training net of the same directory that it belongs to.

        The item is its path with the outlines of all checked nets of its directory.
        """
        with paused_collector(), short_lived_nets():
            return Part(found=list(self._check_deploy(*item)))

    def _check_deploy(self, path: Path, known: Mapping[Path, Outline]) -> Iterator[Diagnostic]:
        own = known[_identity(path)]
        beside = self._outlines_beside(path, known)
        train = training_net(own, known.values()) or training_net(own, beside)
        if train is None or fit(own, train) or has_its_own(train, own, prototxt_beside(path)):
            return
        file = self._read(path)
        assert file.message is not None
        for view in likely_views(file.message)[:1]:
            yield from self.rules.on_problems(file.source, check_deploy(own, train, view))

    def _outlines_beside(self, path: Path, known: Collection[Path]) -> Iterator[Outline]:
        """Outlines of the training nets that lie beside a net and are not checked themselves."""
        likely = [path.with_name(n) for n in prototxt_beside(path) if "train" in n.lower()]
        for one in likely[:_MOST_BESIDE]:
            if _identity(one) in known:
                continue
            try:
                file = self._read(one)
            except CheckError:
                continue
            if file.kind == "net" and file.message is not None:
                views = likely_views(file.message)
                yield outline(one.name, [(view, set_up(view)[0]) for view in views])

    def _look_at_data(
        self, view: Net, source: Source, start: Start
    ) -> tuple[list[tuple[Source, list[Problem]]], dict[str, Shape]]:
        """Problems of the data that a net names, each with where it stands; shapes of its tops."""
        if not start.config.data or not any(map(names_data, view.layers)):
            return [], {}
        return start.data.look(view, source)

    # A solver with its nets

    def _check_solver(self, file: File) -> Iterator[Diagnostic]:
        assert file.message is not None
        solver = file.message
        nets, problems = self._build_nets(file)
        start = self._start(file.path)
        launches = [] if start.told else self._launches(str(file.path))
        note("launches", (str(file.path),), lambda _: launches)
        weights = self._purposes.sources(file) or self._purposes.launched_weights(launches)
        if weights is not None:
            problems += weights.problems
            self._part.skipped += weights.skipped
        for built in nets:
            built.weights, built.solver = weights, solver
        contexts = [self._purposes.context(start, built, solver, launches) for built in nets]
        builder = FactBuilder(file.source, contexts[0] if contexts else UNKNOWN)
        lost = missing_directory(solver.get("snapshot_prefix"), file.path, start.root)
        facts = builder.solver(solver, lost, bool(missing_directory(lost, file.path, start.root)))
        if (launch := chosen(launches)) is not None:
            builder.add_launch(facts, launch)
        trained = next((view for built in nets for view in built.views if trains(view)), None)
        if trained is not None:
            size_of = partial(self._size_of, named_in=file.path)
            builder.add_sizes(facts, net_batch(trained), net_images(trained, size_of))
        # What a template names may still have to be made.
        if any(problem.kind == "unfilled-placeholder" for problem in file.problems):
            problems = [problem for problem in problems if problem.kind != "net-not-found"]
        yield from self.rules.on_problems(file.source, problems)
        for built, context in zip(nets, contexts, strict=True):
            self._note(built.source)
            yield from self.rules.on_problems(built.source, built.problems)
            yield from self._check_built(built, context, facts, trained)
        yield from self.rules.on_targets([_solver_target(builder, solver, facts, trained, nets)])

    def _build_nets(self, file: File) -> tuple[list[BuiltNet], list[Problem]]:
        """The nets of a solver, the training net first, each in all states it is built in."""
        assert file.message is not None
        nets: dict[Path, BuiltNet] = {}
        problems: list[Problem] = []
        size_of = partial(self._size_of, named_in=file.path)
        tests = count()
        for use in net_uses(file.message):
            number = next(tests) if use.phase == "TEST" else -1
            found = self._net_of(file, use)
            if isinstance(found, Problem):
                problems.append(found)
                continue
            path, built = found
            built = nets.setdefault(path, built)
            state = effective_state(use.phase, built.net.values.get("state"), use.state)
            view = next((view for view in built.views if view.state == state), None)
            if view is None:
                view = Net(built.net, state)
                built.views.append(view)
            if number >= 0:
                problems += check_test_size(file.message, number, view, size_of)
            problems += self._sibling_net(file, use)
            if (overridden := overridden_phase(use, built.net)) is not None:
                problems.append(overridden)
        return list(nets.values()), problems

    def _size_of(self, layer: Layer, named_in: Path) -> int | None:
        start = self._start(named_in)
        if not start.config.data or not names_data(layer):
            return None
        return start.data.size(layer, named_in)

    def _find(self, name: str, named_in: Path) -> Path | None:
        return resolve(name, named_in, self._start(named_in).root)[0]

    def _sibling_net(self, file: File, use: NetUse) -> Iterator[Problem]:
        """A net beside the solver with the name of the one that it takes from elsewhere."""
        path = self._find(use.path, file.path) if use.path else None
        sibling = file.path.parent / Path(use.path).name
        if path is None or _identity(path) == _identity(sibling):
            return
        if differ(str(sibling), str(path)):
            values = {"net": use.path, "sibling": sibling.as_posix()}
            yield Problem("net-beside-not-used", use.span, values, rejects=False)

    def _net_of(self, file: File, use: NetUse) -> tuple[Path, BuiltNet] | Problem:
        """The net that a solver names, or why it cannot be had."""
        if use.inline is not None:
            # Caffe does not upgrade a net that is written inside the solver (solver.cpp).
            return file.path, BuiltNet(file.source, use.inline, [])
        root = self._start(file.path).root
        path, tried = resolve(use.path, file.path, root)
        values: dict[str, object] = {
            "net": use.path,
            "tried": ", ".join(str(folder) for folder in tried[:3]) + (", …" if tried[3:] else ""),
            "reason": "was not found",
        }
        if path is None:
            kind = "net-not-found"
            if is_absolute(use.path):
                kind, values["reason"] = "net-elsewhere", "does not exist on this machine"
            elif root is None and (top := missing_top(use.path, tried)):
                kind, values["reason"] = "net-elsewhere", f'lies in "{top}", which is not here'
            return Problem(kind, use.span, values)
        key = _identity(path)
        try:
            note("spelled", (str(key),), self._spelled)
            found = self._read(self.spelled.get(key) or _shown_path(path))
        except CheckError as error:
            reason = f"cannot be read: {str(error).rpartition(': ')[2]}"
            return Problem("net-not-found", use.span, {**values, "reason": reason})
        if found.kind != "net" or found.message is None:
            return Problem("net-is-no-net", use.span, values)
        self._part.built[key] = found.source.name
        return key, BuiltNet(found.source, found.message, [], found.problems)


@cache
def _editor() -> Editor:
    """What makes the edits of fixes; most runs need none."""
    from .fix.change import Editor

    return Editor(load_schema())


def _make_checker(
    configured: Configured, contents: Mapping[Path, bytes], spelled: Mapping[Path, Path]
) -> Checker:
    """A checker in a process of its own."""
    checker = Checker(load_rules(), configured)
    checker.contents.update(contents)
    checker.spelled.update(spelled)
    return checker


def _solver_target(
    builder: FactBuilder,
    solver: Message,
    facts: Any,
    trained: Net | None,
    nets: Sequence[BuiltNet],
) -> Target:
    """The solver with the facts of its training net."""
    if trained is None:
        return builder.solver_target(solver, facts, None)
    ahead = next((built.outlooks[trained] for built in nets if trained in built.outlooks), None)
    return builder.solver_target(solver, facts, builder.net(trained, ahead))


def _may_be_deploy(net: Outline | None) -> bool:
    return net is not None and not net.loss and bool(net.learned)


def _identity(path: Path) -> Path:
    try:
        return Path(real_path(str(path)))
    except ValueError:  # a NUL in the name; reading it will say so
        return path


def _shown_path(path: Path) -> Path:
    """The path from the working directory where it lies below it, else as it is."""
    try:
        return (
            Path(os.path.relpath(path)) if not path.is_absolute() else path.relative_to(Path.cwd())
        )
    except ValueError:
        return path
