// The licences of the packages whose code is in the bundle, as one file beside it.
// usage: node notices.mjs META OUT, META being esbuild's account of what it bundled.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const LICENCE = /^(licen[cs]e|copying)(\.|$)/i;
const NOTICES = /^(third-?party-?notices|notice)(\.|$)/i;

const [, , meta, out] = process.argv;
const inputs = Object.keys(JSON.parse(readFileSync(meta, "utf8")).inputs);
const folders = inputs.map((path) => path.match(PACKAGE)?.[0]).filter(Boolean);
const parts = [...new Set(folders)].sort().map(notice);
const head = "The extension holds code of the following packages, each under its own licence.\n";
writeFileSync(out, [head, ...parts].join(`\n${"-".repeat(78)}\n\n`));

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const texts = [LICENCE, NOTICES].flatMap((kind) =>
    readdirSync(folder).filter((file) => kind.test(file)),
  );
  if (!texts.some((file) => LICENCE.test(file))) {
    throw new Error(`${name} ${version} (${license}) comes without the text of its licence`);
  }
  const words = texts.map((file) => readFileSync(join(folder, file), "utf8").trim());
  return `${name} ${version} (${license})\n\n${words.join("\n\n")}\n`;
}
