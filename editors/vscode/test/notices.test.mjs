// The packed extension carries the licence of all code in it. Needs `npm run build`.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("..", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const notices = read("dist/ThirdPartyNotices.txt");
const inputs = Object.keys(JSON.parse(read("dist/meta.json")).inputs);
const roots = inputs.map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]);
const packages = [...new Set(roots.filter(Boolean))];

test("code of others is in the bundle", () => assert.ok(packages.length > 3));

for (const path of packages) {
  const { name, version } = JSON.parse(read(`${path}/package.json`));
  test(`the notice of ${name} is there`, () => {
    const parts = notices.split(/^-{78}$/m);
    const part = parts.find((one) => one.trim().startsWith(`${name} ${version} (`));
    assert.ok(part, "no notice");
    assert.match(part, /copyright/i);
    assert.match(part, /permission|as is/i);
  });
}

test("what is packed", () => {
  const listed = execFileSync("npx", ["--no-install", "vsce", "ls", "--no-dependencies"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.deepEqual(listed.trim().split("\n").filter((line) => !line.startsWith(">")).sort(), [
    "LICENSE",
    "README.md",
    "dist/ThirdPartyNotices.txt",
    "dist/extension.js",
    "language-configuration.json",
    "package.json",
    "syntaxes/prototxt.tmLanguage.json",
  ]);
});
