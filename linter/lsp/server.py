"""The protocol: requests of an editor in, answers out. What they say comes from the other modules.

Requests are answered in the event loop, which takes milliseconds; checks run in a thread, one at a
time. A change after a rest is checked at once; while somebody types, a check waits for a pause, and
one that a further change has made pointless is given up. Texts come whole with every change, so
that they cannot drift apart from the editor's.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import TextDocument

from ..core.diagnostic import Diagnostic, Edit, Place, RuleText, Severity
from ..core.naming import RuleNames
from ..core.source import Span
from ..reading import CheckError
from ..resources import load_rules, load_schema
from ..settings import Readers, written_for
from . import actions, complete, diagnose, format, hover, inlay, navigate, symbols  # noqa: A004
from .document import Document
from .positions import Positions, encodable

_log = logging.getLogger(__name__)

_REST = 0.3
"""Seconds without a change after which nobody is taken to be typing."""

_SETTLE = 0.005
"""Seconds in which changes that wait to be read are taken before shapes are worked out."""

_AT_ONCE = 0.01
"""Seconds for what an editor asks for along with a change: it is answered first."""

_SHORTEST, _LONGEST = 0.03, 0.15
"""Seconds without a key before a text is checked that somebody types. In between it is a third of
what the last check took: a large net is not checked at each key.
"""

_FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.caffelint"

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_TAGS = {
    "unnecessary": types.DiagnosticTag.Unnecessary,
    "deprecated": types.DiagnosticTag.Deprecated,
}
_ITEM_KINDS = {
    "field": types.CompletionItemKind.Field,
    "block": types.CompletionItemKind.Struct,
    "value": types.CompletionItemKind.EnumMember,
    "type": types.CompletionItemKind.Class,
    "blob": types.CompletionItemKind.Variable,
    "name": types.CompletionItemKind.Variable,
}


class _Opened:
    """An open text: what the features see of it, and what the last check found in it."""

    def __init__(self, uri: str, document: Document, encoding: str, version: int | None) -> None:
        self.uri = uri
        self.document = document
        self.version = version
        self.positions = Positions(document.text, encoding)
        self.found: tuple[Diagnostic, ...] = ()
        self.names = RuleNames(())
        self.rules: dict[str, RuleText] = {}

    def offset(self, position: types.Position) -> int:
        return self.positions.offset(position.line, position.character)

    def span(self, range_: types.Range) -> Span:
        return Span(self.offset(range_.start), self.offset(range_.end))

    def range(self, span: Span) -> types.Range:
        return types.Range(self.position(span.start), self.position(span.end))

    def position(self, offset: int) -> types.Position:
        return types.Position(*self.positions.position(offset))

    def edits(self, edits: Iterable[Edit]) -> list[types.TextEdit]:
        return [types.TextEdit(self.range(edit.span), edit.text) for edit in edits]

    @property
    def current(self) -> list[Diagnostic]:
        """The findings that are about the text as it is now."""
        return [one for one in self.found if one.place.source.text == self.document.text]


class Server(LanguageServer):
    """The server of one editor."""

    def __init__(self, version: str) -> None:
        super().__init__(
            "caffelint", version, text_document_sync_kind=types.TextDocumentSyncKind.Full
        )
        self.opened: dict[str, _Opened] = {}
        self.waiting: dict[str, asyncio.Task[None]] = {}
        """By address, the check that is asked for last; earlier ones are given up."""
        self._checking = asyncio.Lock()
        self._running: tuple[str, Event] | None = None
        """The address of the text that is being checked, and what stops that."""
        self._changed: dict[str, float] = {}
        """By address, when a text was changed last."""
        self._took: dict[str, float] = {}
        """By address, the seconds that the last whole check took."""
        self._readers: Readers = {}
        """What was read of data since a file was saved last."""
        self._told = ""
        """The mistake in the settings that was told of last."""

    # Texts

    def path_of(self, uri: str) -> Path:
        """The real path of a text. One that was never saved has the path that it is to be saved
        under, where the editor knows that, and is taken to lie in the workspace else.
        """
        scheme, _, rest = uri.partition(":")
        planned = f"file://{rest}" if scheme == "untitled" and rest.startswith("/") else ""
        path = to_fs_path(uri) or to_fs_path(planned)
        if path:
            return diagnose.real(path)
        root = Path(self.workspace.root_path or Path.cwd())
        return root / f"{uri.rpartition('/')[2].rpartition(':')[2] or 'untitled'}.prototxt"

    def take(self, uri: str) -> _Opened:
        """Take over a text as it is now."""
        text: TextDocument = self.workspace.get_text_document(uri)
        document = self._document(self.path_of(uri), encodable(text.source))
        encoding = str(getattr(self.workspace.position_encoding, "value", "utf-16"))
        one = _Opened(uri, document, encoding, text.version)
        if (before := self.opened.get(uri)) is not None:
            one.found, one.names, one.rules = before.found, before.names, before.rules
        self.opened[uri] = one
        return one

    def _document(self, path: Path, text: str) -> Document:
        try:
            config = self.desk().config(path)
            shapes = {name: tuple(sizes) for name, sizes in config.shapes.items()}
            return Document(path, text, written_for(config), shapes)
        except diagnose.SETTINGS_ERRORS:  # the check tells of it
            return Document(path, text)

    def desk(self) -> diagnose.Desk:
        """The texts that are open now."""
        texts = {one.document.path: one.document.text for one in self.opened.values()}
        return diagnose.Desk(texts, self._readers)

    def get(self, uri: str) -> _Opened:
        """An open text; one that a client asks about without opening it is read from its file."""
        return self.opened.get(uri) or self.take(uri)

    # Checks

    def check_changed(self, uri: str) -> None:
        """Check a text that was just changed."""
        now = time.monotonic()
        rested = now - self._changed.get(uri, -_REST) >= _REST
        self._changed[uri] = now
        pause = min(max(self._took.get(uri, 0) / 3, _SHORTEST), _LONGEST)
        self.check_soon(uri, _AT_ONCE if rested else pause)

    def check_soon(self, uri: str, delay: float = 0) -> None:
        """Check a text as it is after a delay, unless it is to be checked again before."""
        self._stop(uri)
        self.waiting[uri] = asyncio.get_running_loop().create_task(self._check(uri, delay))

    def read_anew(self) -> None:
        """Forget what was read of data."""
        self._readers = {}

    def _stop(self, uri: str) -> None:
        """Give up the check of a text, if it is running."""
        if self._running is not None and self._running[0] == uri:
            self._running[1].set()

    def forget(self, uri: str) -> None:
        """A text was closed."""
        self._stop(uri)
        for kept in (self.opened, self.waiting, self._changed, self._took):
            kept.pop(uri, None)

    async def _check(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        async with self._checking:
            one = self.opened.get(uri)
            if one is None or self.waiting.get(uri) is not asyncio.current_task():
                return
            # A check is not cancelled but told to stop: its thread would go on beside the next.
            stop = Event()
            self._running = (uri, stop)
            start = time.monotonic()
            check = asyncio.to_thread(self.desk().check, one.document.path, stop.is_set)
            try:
                found = await check
            except diagnose.Stopped:
                return
            except diagnose.SETTINGS_ERRORS as error:
                self._tell(f"{error}")
                return
            except (CheckError, OSError) as error:
                _log.info("not checked: %s", error)
                return
            finally:
                self._running = None
            self._took[uri] = time.monotonic() - start
            self._told = ""
            self._publish(found)

    def _tell(self, mistake: str) -> None:
        """Tell of a mistake in the settings, once until it is mended."""
        if mistake != self._told:
            self._told = mistake
            self.window_show_message(
                types.ShowMessageParams(types.MessageType.Error, f"caffelint: {mistake}")
            )

    def _publish(self, found: diagnose.Findings) -> None:
        for one in self.opened.values():
            here = found.by_file.get(one.document.path)
            if here is None:
                continue
            one.found, one.rules = tuple(here), dict(found.rules)
            one.names = found.names.get(one.document.path, one.names)
            # What was found in a text that has changed since then is about to be checked anew.
            if len(one.current) == len(one.found):
                self._send(one)

    def _send(self, one: _Opened) -> None:
        shown = [self.diagnostic(one, finding) for finding in one.current]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(one.uri, shown, one.version)
        )

    def diagnostic(self, one: _Opened, found: Diagnostic) -> types.Diagnostic:
        """A finding as the protocol has it."""
        hint = f"\n{found.hint}" if found.hint else ""
        return types.Diagnostic(
            range=one.range(found.place.span),
            message=found.message + hint,
            severity=_SEVERITIES[found.severity],
            code=found.rule,
            source="caffelint",
            tags=[_TAGS[found.tag]] if found.tag else None,
            related_information=[
                types.DiagnosticRelatedInformation(
                    self.location(one, related.place.source.name, related.place), related.message
                )
                for related in found.related
            ],
        )

    def location(self, one: _Opened, name: str, place: Place) -> types.Location:
        """A place in this text, or in another file that was checked with it."""
        if place.source.text == one.document.text:
            return types.Location(one.uri, one.range(place.span))
        positions = Positions(place.source.text, one.positions.encoding)
        start, end = (types.Position(*positions.position(at)) for at in place.span)
        path = diagnose.real(name)
        uri = next((o.uri for o in self.opened.values() if o.document.path == path), None)
        return types.Location(uri or uri_of(path), types.Range(start, end))


def uri_of(path: Path) -> str:
    """The address of a file."""
    uri = from_fs_path(str(path))
    assert uri is not None
    return str(uri)


def make_server(version: str) -> Server:
    """A server that answers all that it can do; ``start_io`` starts it."""
    server = Server(version)
    _add_texts(server)
    _add_reading(server)
    _add_navigation(server)
    _add_writing(server)
    return server


def _add_texts(server: Server) -> None:
    @server.feature(types.INITIALIZED)
    def ready(_ls: Server, _params: types.InitializedParams) -> None:
        # Here and not in the first check, which another thread makes: each is there once only.
        load_schema()
        load_rules()
        gc.collect()
        gc.freeze()  # they stay as long as the server does, and need not be walked again

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
        uri = params.text_document.uri
        ls.take(uri)
        ls.check_soon(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        ls.take(uri)
        ls.check_changed(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
        ls.read_anew()
        ls.check_soon(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        ls.forget(uri)
        ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def changed_elsewhere(ls: Server, _params: types.DidChangeWatchedFilesParams) -> None:
        ls.read_anew()
        for uri in list(ls.opened):
            ls.take(uri)
            ls.check_soon(uri, _LONGEST)


def _add_reading(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def show(ls: Server, params: types.HoverParams) -> types.Hover | None:
        one = ls.get(params.text_document.uri)
        found = hover.hover(one.document, one.offset(params.position), one.current, one.rules)
        if found is None:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, found.text)
        return types.Hover(content, one.range(found.span))

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outline(ls: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        one = ls.get(params.text_document.uri)
        return [
            types.DocumentSymbol(
                symbol.name,
                types.SymbolKind.Class if symbol.kind == "layer" else types.SymbolKind.Field,
                one.range(symbol.span),
                one.range(symbol.name_span),
                symbol.detail,
            )
            for symbol in symbols.symbols(one.document)
        ]

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def fold(ls: Server, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        one = ls.get(params.text_document.uri)
        kinds = {"region": types.FoldingRangeKind.Region, "comment": types.FoldingRangeKind.Comment}
        # Lines of the protocol may end in CR alone, so they are counted anew.
        return [
            types.FoldingRange(
                one.position(one.document.source.line_start(each.first)).line,
                one.position(one.document.source.line_start(each.last)).line,
                kind=kinds[each.kind],
            )
            for each in symbols.folds(one.document)
        ]

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def hint(ls: Server, params: types.InlayHintParams) -> list[types.InlayHint] | None:
        asked = ls.get(params.text_document.uri)
        await asyncio.sleep(_SETTLE)
        one = ls.get(params.text_document.uri)
        if one is not asked:  # the editor has asked again, or will
            return None
        return [
            types.InlayHint(
                one.position(each.offset),
                each.label,
                kind=types.InlayHintKind.Type,
                padding_left=True,
            )
            for each in inlay.hints(one.document, one.span(params.range))
        ]


def _add_navigation(server: Server) -> None:
    def linked(ls: Server, one: _Opened) -> list[navigate.Link]:
        desk = ls.desk()
        try:
            root = desk.config(one.document.path).root
            solvers = desk.solvers_of(one.document.path) if one.document.is_net else []
        except diagnose.SETTINGS_ERRORS:
            root, solvers = None, []
        return navigate.links(one.document, Path(root) if root is not None else None, solvers)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def define(ls: Server, params: types.DefinitionParams) -> list[types.Location]:
        one = ls.get(params.text_document.uri)
        at = one.offset(params.position)
        spans = navigate.definitions(one.document, at)
        if spans:
            return [types.Location(one.uri, one.range(span)) for span in spans]
        link = navigate.link_at(linked(ls, one), at)
        start = types.Range(types.Position(0, 0), types.Position(0, 0))
        return [] if link is None else [types.Location(uri_of(link.target), start)]

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def refer(ls: Server, params: types.ReferenceParams) -> list[types.Location]:
        one = ls.get(params.text_document.uri)
        spans = navigate.references(
            one.document, one.offset(params.position), params.context.include_declaration
        )
        return [types.Location(one.uri, one.range(span)) for span in spans]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlight(
        ls: Server, params: types.DocumentHighlightParams
    ) -> list[types.DocumentHighlight]:
        one = ls.get(params.text_document.uri)
        spans = navigate.references(one.document, one.offset(params.position))
        return [types.DocumentHighlight(one.range(span)) for span in spans]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_LINK)
    def link(ls: Server, params: types.DocumentLinkParams) -> list[types.DocumentLink]:
        one = ls.get(params.text_document.uri)
        return [
            types.DocumentLink(one.range(each.span), uri_of(each.target), each.tooltip)
            for each in linked(ls, one)
        ]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(
        ls: Server, params: types.PrepareRenameParams
    ) -> types.PrepareRenamePlaceholder | None:
        one = ls.get(params.text_document.uri)
        found = navigate.renamable(one.document, one.offset(params.position))
        if found is None:
            return None
        span, name = found
        return types.PrepareRenamePlaceholder(range=one.range(span), placeholder=name)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def rename(ls: Server, params: types.RenameParams) -> types.WorkspaceEdit:
        one = ls.get(params.text_document.uri)
        try:
            edits = navigate.rename(one.document, one.offset(params.position), params.new_name)
        except navigate.RenameError as error:
            raise JsonRpcInvalidParams(str(error)) from error
        return types.WorkspaceEdit(changes={one.uri: one.edits(edits)})


def _add_writing(server: Server) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=['"', "'", ":"])
    )
    def suggest(ls: Server, params: types.CompletionParams) -> types.CompletionList:
        one = ls.get(params.text_document.uri)
        able = ls.client_capabilities.text_document
        item = able.completion.completion_item if able and able.completion else None
        found = complete.complete(
            one.document,
            one.offset(params.position),
            snippets=bool(item and item.snippet_support),
        )
        shown = [_item(one, each, number) for number, each in enumerate(found)]
        return types.CompletionList(is_incomplete=False, items=shown)

    def format_lines(
        one: _Opened, first: int, last: int, options: types.FormattingOptions
    ) -> list[types.TextEdit]:
        indent = " " * options.tab_size if options.insert_spaces else "\t"
        return one.edits(format.format_lines(one.document, first, last, indent))

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def format_all(ls: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        one = ls.get(params.text_document.uri)
        return format_lines(one, 1, one.document.source.line_count, params.options)

    @server.feature(types.TEXT_DOCUMENT_RANGE_FORMATTING)
    def format_some(
        ls: Server, params: types.DocumentRangeFormattingParams
    ) -> list[types.TextEdit]:
        one = ls.get(params.text_document.uri)
        span, locate = one.span(params.range), one.document.source.locate
        # A selection that ends before a line's first character does not have that line.
        last = locate(max(span.start, span.end - 1)).line
        return format_lines(one, locate(span.start).line, last, params.options)

    kinds = [types.CodeActionKind.QuickFix, _FIX_ALL]

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=kinds, resolve_provider=True),
    )
    def act(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
        one = ls.get(params.text_document.uri)
        only = params.context.only
        found: list[types.CodeAction] = []
        if _wanted(types.CodeActionKind.QuickFix.value, only):
            near = actions.actions(one.current, one.span(params.range), one.names)
            found += [_action(ls, one, each) for each in near]
        if _wanted(_FIX_ALL, only) and actions.has_safe_fix(one.current):
            every = types.CodeAction("Fix all that is safe to fix", kind=_FIX_ALL, data=one.uri)
            found.append(every if _resolves(ls) else _resolved(ls, every))
        return found

    @server.feature(types.CODE_ACTION_RESOLVE)
    def resolve(ls: Server, action: types.CodeAction) -> types.CodeAction:
        return _resolved(ls, action)


def _item(one: _Opened, item: complete.Item, number: int) -> types.CompletionItem:
    about = types.MarkupContent(types.MarkupKind.Markdown, item.about) if item.about else None
    form = types.InsertTextFormat.Snippet if item.snippet else types.InsertTextFormat.PlainText
    return types.CompletionItem(
        label=item.label,
        kind=_ITEM_KINDS[item.kind],
        detail=item.detail or None,
        documentation=about,
        sort_text=f"{number:05}",
        insert_text_format=form,
        text_edit=types.TextEdit(one.range(item.span), item.text),
    )


def _wanted(kind: str, only: Iterable[str | types.CodeActionKind] | None) -> bool:
    """Whether a client that asks for some kinds of action wants one of this kind."""
    if only is None:
        return True
    asked = [str(getattr(one, "value", one)) for one in only]
    return any(one == "" or kind == one or kind.startswith(f"{one}.") for one in asked)


def _action(ls: Server, one: _Opened, action: actions.Action) -> types.CodeAction:
    return types.CodeAction(
        action.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[ls.diagnostic(one, action.finding)],
        is_preferred=action.preferred or None,
        edit=types.WorkspaceEdit(changes={one.uri: one.edits(action.edits)}),
    )


def _resolves(ls: Server) -> bool:
    """Whether the client asks for the edit of an action when it is chosen."""
    able = ls.client_capabilities.text_document
    action = able.code_action if able else None
    return bool(action and action.resolve_support and "edit" in action.resolve_support.properties)


def _resolved(ls: Server, action: types.CodeAction) -> types.CodeAction:
    """The action that makes all safe fixes, with the edit that it stands for."""
    one = ls.opened.get(str(action.data))
    if one is None:
        return action
    try:
        fixed = ls.desk().fixed(one.document.path)
    except (*diagnose.SETTINGS_ERRORS, CheckError, OSError) as error:
        raise JsonRpcInvalidParams(str(error)) from error
    edit = diagnose.difference(one.document.text, fixed)
    edits = one.edits([edit] if edit is not None else [])
    action.edit = types.WorkspaceEdit(changes={one.uri: edits})
    return action
