"""The real server process, as an editor speaks to it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features

from .marked import NET

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLISH = types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS


class Client(LanguageClient):
    """An editor that keeps all that it is told of its texts. Notifications may come in one piece,
    and the waiting that pytest-lsp brings sees but the first of them.
    """

    def __init__(self) -> None:
        super().__init__(converter_factory=default_converter)
        self.published: list[types.PublishDiagnosticsParams] = []
        self.told = asyncio.Event()
        register_lsp_features(self, {**DEFAULT_CLIENT_FEATURES, PUBLISH: keep})

    async def findings(self, uri: str, version: int | None) -> Sequence[types.Diagnostic]:
        """What is said next of a version of a text. It waits long: the very first server of a
        checkout compiles the rules before, and others may at that time.
        """
        async with asyncio.timeout(60):
            while True:
                for each in self.published:
                    if (each.uri, each.version) == (uri, version):
                        self.published.remove(each)
                        return each.diagnostics
                self.told.clear()
                await self.told.wait()


def keep(client: Client, params: types.PublishDiagnosticsParams) -> None:
    client.published.append(params)
    client.told.set()


COMMAND = ClientServerConfig([sys.executable, "-m", "caffelint", "lsp"], Client)

BROKEN = NET.replace('bottom: "data"', 'bottom: "dat"')


@pytest_lsp.fixture(config=COMMAND, scope="module")  # type: ignore[untyped-decorator]
async def client(lsp_client: Client) -> AsyncGenerator[None]:
    await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(
                text_document=types.TextDocumentClientCapabilities(
                    document_link=types.DocumentLinkClientCapabilities(tooltip_support=True),
                    completion=types.CompletionClientCapabilities(
                        completion_item=types.ClientCompletionItemOptions(
                            snippet_support=True,
                            documentation_format=[types.MarkupKind.Markdown],
                        )
                    ),
                )
            )
        )
    )
    yield
    await lsp_client.shutdown_session()


class Text:
    """One open text, and where things are in it."""

    def __init__(self, client: Client, uri: str, text: str) -> None:
        self.client = client
        self.uri = uri
        self.id = types.TextDocumentIdentifier(self.uri)
        self.text = text
        self.version = 1
        item = types.TextDocumentItem(self.uri, "prototxt", 1, text)
        client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, self.uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def at(self, piece: str) -> types.Position:
        offset = self.text.index(piece.replace("|", "")) + piece.index("|")
        before = self.text[:offset]
        last = before.rpartition("\n")[2]
        return types.Position(before.count("\n"), len(last.encode("utf-16-le")) // 2)

    def cut(self, range_: types.Range) -> str:
        lines = self.text.split("\n")
        assert range_.start.line == range_.end.line
        line = lines[range_.start.line].encode("utf-16-le")
        return line[2 * range_.start.character : 2 * range_.end.character].decode("utf-16-le")

    async def findings(self) -> list[types.Diagnostic]:
        return list(await self.client.findings(self.uri, self.version))


Opener = Callable[..., Text]


@pytest.fixture
def opened(client: Client, tmp_path: Path) -> Opener:
    """Opens a text under a name in a directory of its own."""
    return lambda text, name="net.prototxt": Text(client, (tmp_path / name).as_uri(), text)


def edits_of(action: types.Command | types.CodeAction, text: Text) -> Sequence[types.TextEdit]:
    """What an action changes in a text."""
    assert isinstance(action, types.CodeAction)
    assert action.edit is not None
    assert action.edit.changes is not None
    return action.edit.changes[text.uri]


async def test_findings_while_typing(opened: Opener) -> None:
    one = opened(NET)
    assert [found.code for found in await one.findings()] == []
    one.change(BROKEN)
    (found,) = (each for each in await one.findings() if each.code == "CL101")
    assert one.cut(found.range) == '"dat"'
    assert found.severity == types.DiagnosticSeverity.Error
    assert found.source == "caffelint"
    one.change(NET)
    assert await one.findings() == []
    one.change("layer { name: ")
    assert await one.findings()


async def test_findings_have_tags_and_places_that_explain_them(opened: Opener) -> None:
    twice = NET + 'layer { name: "b" type: "ReLU" bottom: "data" top: "fc" }\n'
    one = opened(twice)
    found = await one.findings()
    told = [place for each in found for place in each.related_information or ()]
    assert any(one.cut(place.location.range).strip('"') == "fc" for place in told)
    old = opened(
        'input: "data"\ninput_dim: 1\ninput_dim: 3\ninput_dim: 4\ninput_dim: 4\n', "o.prototxt"
    )
    tags = [tag for each in await old.findings() for tag in each.tags or ()]
    assert types.DiagnosticTag.Deprecated in tags
    idle = opened(
        NET.replace("  inner_product_param", "  pooling_param {}\n  inner_product_param", 1),
        "i.prototxt",
    )
    (foreign,) = [each for each in await idle.findings() if each.code == "CL119"]
    assert list(foreign.tags or ()) == [types.DiagnosticTag.Unnecessary]


async def test_fixes_and_ignores(opened: Opener, client: Client) -> None:
    one = opened(BROKEN)
    found = next(each for each in await one.findings() if each.code == "CL101")
    context = types.CodeActionContext([found])
    offered = await client.text_document_code_action_async(
        types.CodeActionParams(one.id, found.range, context)
    )
    assert offered
    ignore = next(each for each in offered if each.title.startswith("Ignore CL101"))
    (edit,) = edits_of(ignore, one)
    assert "caffelint: ignore[CL101]" in edit.new_text


async def test_fix_all_mends_what_is_safe(opened: Opener, client: Client) -> None:
    one = opened(NET + 'force_backward: "true"\n')
    await one.findings()
    whole = types.Range(types.Position(0, 0), types.Position(99, 0))
    context = types.CodeActionContext([], only=[types.CodeActionKind.SourceFixAll])
    offered = await client.text_document_code_action_async(
        types.CodeActionParams(one.id, whole, context)
    )
    (every,) = offered or ()
    (edit,) = edits_of(every, one)
    assert edit.range.start.line == NET.count("\n")
    assert '"' not in edit.new_text


async def test_places_count_utf_16(opened: Opener, client: Client) -> None:
    one = opened('layer { name: "两😀" type: "Input" top: "😀b" }\nlayer { bottom: "😀b" }\n')
    where = one.at('bottom: "😀|b"')
    found = await client.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(True), one.id, where)
    )
    assert [one.cut(place.range) for place in found or ()] == ["😀b", "😀b"]


async def test_hover_completion_and_names(opened: Opener, client: Client) -> None:
    one = opened(NET)
    where = one.at('bottom: "da|ta"')
    shown = await client.text_document_hover_async(types.HoverParams(one.id, where))
    assert shown is not None
    assert isinstance(shown.contents, types.MarkupContent)
    assert "2×4" in shown.contents.value
    asked = types.CompletionParams(one.id, where)
    found = await client.text_document_completion_async(asked)
    assert isinstance(found, types.CompletionList)
    assert [item.label for item in found.items] == ["data"]
    renamed = await client.text_document_rename_async(types.RenameParams(one.id, where, "x"))
    assert renamed is not None
    assert renamed.changes is not None
    assert {edit.new_text for edit in renamed.changes[one.uri]} == {'"x"'}
    with pytest.raises(JsonRpcException, match="already"):
        await client.text_document_rename_async(types.RenameParams(one.id, where, "fc"))


async def test_outline_folding_hints_and_format(opened: Opener, client: Client) -> None:
    one = opened(NET.replace("  param", "param"))
    outline = await client.text_document_document_symbol_async(types.DocumentSymbolParams(one.id))
    assert [each.name for each in outline or ()] == ["data", "fc", "relu", "out"]
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(one.id))
    assert [(each.start_line, each.end_line) for each in folds or ()] == [(2, 5), (8, 12)]
    whole = types.Range(types.Position(0, 0), types.Position(99, 0))
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(one.id, whole))
    assert [each.label for each in hints or ()] == ["2×4"] * 4
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = await client.text_document_formatting_async(
        types.DocumentFormattingParams(one.id, options)
    )
    assert [(each.range.start.line, each.new_text) for each in edits or ()] == [
        (4, "  "),
        (10, "  "),
    ]
    some = types.Range(types.Position(4, 0), types.Position(5, 0))
    edits = await client.text_document_range_formatting_async(
        types.DocumentRangeFormattingParams(one.id, some, options)
    )
    assert [each.range.start.line for each in edits or ()] == [4]
    one.change(f"{one.text}layer {{ name: \n")
    edits = await client.text_document_range_formatting_async(
        types.DocumentRangeFormattingParams(one.id, some, options)
    )
    assert not edits


async def test_what_a_place_is_and_where_it_belongs(opened: Opener, client: Client) -> None:
    one = opened(f'{NET}# a note\n# on two lines\nforce_backward: "true"\n')
    await one.findings()

    async def hover(piece: str) -> str:
        shown = await client.text_document_hover_async(types.HoverParams(one.id, one.at(piece)))
        assert shown is not None
        assert isinstance(shown.contents, types.MarkupContent)
        return shown.contents.value

    assert "uint32" in await hover('num_|output: 4 weight_filler { type: "xavier" } }\n}\nlayer {')
    assert "CL0" in await hover('"tr|ue"')
    where = one.at('type: "ReLU" bottom: "f|c"')
    places = await client.text_document_definition_async(types.DefinitionParams(one.id, where))
    assert isinstance(places, list)
    lines = [each.range.start.line for each in places if isinstance(each, types.Location)]
    assert lines == [3]
    marks = await client.text_document_document_highlight_async(
        types.DocumentHighlightParams(one.id, where)
    )
    assert [one.cut(each.range).strip("\"'") for each in marks or ()] == ["fc"] * 4
    name = await client.text_document_prepare_rename_async(types.PrepareRenameParams(one.id, where))
    assert isinstance(name, types.PrepareRenamePlaceholder)
    assert name.placeholder == "fc"
    nothing = types.PrepareRenameParams(one.id, one.at("lr_mu|lt"))
    assert await client.text_document_prepare_rename_async(nothing) is None
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(one.id))
    comments = [each for each in folds or () if each.kind == types.FoldingRangeKind.Comment]
    assert [(each.start_line, each.end_line) for each in comments] == [(14, 15)]


@pytest.mark.parametrize(
    ("piece", "name", "offered"),
    [
        ('type: "Re|LU"', "net.prototxt", "Deconvolution"),
        ('{ type: "xav|ier" } }\n}\nlayer { name: "relu"', "net.prototxt", "msra"),
        ("phase: TE|ST", "net.prototxt", "TRAIN"),
        ('lr_policy: "f|ixed"', "solver.prototxt", "multistep"),
        ("base_|lr: 1", "solver.prototxt", "max_iter"),
    ],
)
async def test_completion(
    opened: Opener, client: Client, piece: str, name: str, offered: str
) -> None:
    one = opened(NET if name == "net.prototxt" else 'base_lr: 1 lr_policy: "fixed"\n', name)
    found = await client.text_document_completion_async(
        types.CompletionParams(one.id, one.at(piece))
    )
    assert isinstance(found, types.CompletionList)
    assert offered in [item.label for item in found.items]


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "untitled:{folder}/new.prototxt"])
async def test_a_net_that_was_never_saved(client: Client, tmp_path: Path, uri: str) -> None:
    uri = uri.replace("{folder}", tmp_path.as_posix())
    one = Text(client, uri, BROKEN)
    assert [each.code for each in await one.findings()] == ["CL101"]
    whole = types.Range(types.Position(0, 0), types.Position(99, 0))
    one.change(NET)
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(one.id, whole))
    assert hints


async def test_a_net_has_the_settings_of_where_it_is_to_be_saved(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / ".caffelint.yaml").write_text("ignore: [CL101]\n")
    one = Text(client, f"untitled:{tmp_path.as_posix()}/net.prototxt", BROKEN)
    assert await one.findings() == []


async def test_findings_in_data_stay_while_typing(
    opened: Opener, client: Client, tmp_path: Path
) -> None:
    """Data is read when it is first named, and again when a file is saved."""
    (tmp_path / "train.txt").write_text("")
    one = opened(
        'layer {\n  name: "data" type: "ImageData" top: "data" top: "label"\n'
        '  image_data_param { source: "train.txt" batch_size: 2 }\n}\n'
    )
    codes = [each.code for each in await one.findings()]
    assert "CL822" in codes
    (tmp_path / "train.txt").write_text("a.png 0\n")
    one.change(f"# a note\n{one.text}")
    found = await one.findings()
    assert sorted(str(each.code) for each in found) == sorted(map(str, codes))
    (empty,) = (each for each in found if each.code == "CL822")
    assert one.cut(empty.range) == '"train.txt"'
    client.text_document_did_save(types.DidSaveTextDocumentParams(one.id))
    assert "CL822" not in [each.code for each in await one.findings()]
    (tmp_path / "train.txt").write_text("")
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([]))
    assert "CL822" in [each.code for each in await one.findings()]


async def test_a_text_that_is_closed_has_no_findings(opened: Opener, client: Client) -> None:
    one = opened(BROKEN)
    assert await one.findings()
    client.text_document_did_close(types.DidCloseTextDocumentParams(one.id))
    assert list(await client.findings(one.uri, None)) == []


async def test_solver_leads_to_its_net_and_back(
    opened: Opener, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "net.prototxt").write_text(NET)
    solver = opened('net: "net.prototxt"\nbase_lr: 0.1\n', "solver.prototxt")
    links = await client.text_document_document_link_async(types.DocumentLinkParams(solver.id))
    net = (tmp_path / "net.prototxt").as_uri()
    assert [link.target for link in links or ()] == [net]
    places = await client.text_document_definition_async(
        types.DefinitionParams(solver.id, solver.at('net: "n|et'))
    )
    assert isinstance(places, list)
    assert [place.uri for place in places if isinstance(place, types.Location)] == [net]
    one = opened(NET)
    back = await client.text_document_document_link_async(types.DocumentLinkParams(one.id))
    assert [link.target for link in back or ()] == [solver.uri]


async def test_an_unsaved_net_counts_for_its_solver(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(NET)
    net = opened(BROKEN)
    await net.findings()
    solver = opened('net: "net.prototxt"\nbase_lr: 0.1\nmax_iter: 5\n', "solver.prototxt")
    assert "CL101" in [each.code for each in await net.findings()]
    solver.change("base_lr: 0.1\n")
    assert await solver.findings()


async def test_a_mistake_in_the_config_is_told(
    opened: Opener, client: Client, tmp_path: Path
) -> None:
    (tmp_path / ".caffelint.yaml").write_text("selekt: [CL1]\n")
    opened(NET)
    told = await asyncio.wait_for(client.wait_for_notification(types.WINDOW_SHOW_MESSAGE), 60)
    assert "selekt" in told.message


async def test_any_text_is_answered(opened: Opener, client: Client) -> None:
    for text in ("{" * 5000, "\ud800 \u2028 layer{\x00", "]" * 99, "layer { name: '", "\r\r\ufeff"):
        one = opened(text, f"x{len(text)}.prototxt")
        start = types.Position(0, 1)
        await one.findings()
        await client.text_document_hover_async(types.HoverParams(one.id, start))
        await client.text_document_completion_async(types.CompletionParams(one.id, start))
        await client.text_document_document_symbol_async(types.DocumentSymbolParams(one.id))
        await client.text_document_folding_range_async(types.FoldingRangeParams(one.id))


@pytest.mark.parametrize("editor", ["neovim", "emacs", "visual_studio_code"])
async def test_editors_as_they_present_themselves(editor: str, tmp_path: Path) -> None:
    client = await COMMAND.start()
    assert isinstance(client, Client)
    told = await client.initialize_session(
        types.InitializeParams(capabilities=client_capabilities(editor))
    )
    encoding = str(getattr(told.capabilities.position_encoding, "value", "utf-16"))
    one = Text(client, (tmp_path / "net.prototxt").as_uri(), BROKEN.replace('dat"', '😀"'))
    found = next(each for each in await one.findings() if each.code == "CL101")
    before = one.text.split("\n")[3].partition('"😀"')[0]
    assert found.range.start == types.Position(3, len(before))
    units = {"utf-8": 6, "utf-16": 4, "utf-32": 3}[encoding]
    assert found.range.end == types.Position(3, len(before) + units)
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(one.id, found.range, types.CodeActionContext([found]))
    )
    assert actions
    await client.shutdown_session()
    await client.stop()  # type: ignore[no-untyped-call]
