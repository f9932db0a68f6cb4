// The grammar, run by VS Code's own engine: which scope a piece of text gets.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const path = new URL("../syntaxes/prototxt.tmLanguage.json", import.meta.url);
await oniguruma.loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")));
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(readFileSync(path, "utf8"), "x.json"),
});
const grammar = await registry.loadGrammar("source.prototxt");

/** The innermost scope at the last character of `piece` in a text of several lines. */
function scopeOf(text, piece) {
  let stack = textmate.INITIAL;
  for (const line of text.split("\n")) {
    const found = grammar.tokenizeLine(line, stack);
    stack = found.ruleStack;
    const at = line.indexOf(piece);
    if (at >= 0) {
      const last = at + piece.length - 1;
      return found.tokens.find((one) => one.startIndex <= last && last < one.endIndex).scopes.at(-1);
    }
  }
  throw new Error(`${piece} is not in the text`);
}

const TEXT = `# a net
layer {  # caffelint: ignore[CL101] why
  name: "con\\tv1#"
  pool: MAX lr: -1.5e-3 on: true list: [1, 2]
  shape: < dim: 0x1F >
  open: "no end
  after: 'x'
}
}`;

for (const [piece, scope] of [
  ["# a", "comment.line.number-sign.prototxt"],
  ["layer", "entity.name.type.block.prototxt"],
  ["caffelint: ignore", "keyword.other.directive.prototxt"],
  ["name", "variable.other.property.prototxt"],
  ["v1#", "string.quoted.double.prototxt"],
  ["\\t", "constant.character.escape.prototxt"],
  ["MAX", "constant.other.enum.prototxt"],
  ["-1.5e-3", "constant.numeric.prototxt"],
  ["true", "constant.language.boolean.prototxt"],
  ["2", "constant.numeric.prototxt"],
  ["shape", "entity.name.type.block.prototxt"],
  ["0x1F", "constant.numeric.prototxt"],
  ["after", "variable.other.property.prototxt"],
]) {
  test(`${piece} is ${scope}`, () => assert.equal(scopeOf(TEXT, piece), scope));
}

test("a bracket too many stands out", () => {
  assert.equal(scopeOf("layer {\n}\n}  # here", "}"), "punctuation.section.block.end.prototxt");
  assert.equal(scopeOf("a: 1 }", "}"), "invalid.illegal.bracket.prototxt");
});
