// Builds dist/report.html: one page with its script and style inside, to be filled with data.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const DATA = "<!-- data -->"; // where Python puts its blocks

const bundle = async (entry) => {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "iife",
    target: "es2022",
    legalComments: "none", // the licences of all that is bundled are added whole, below
  });
  const [output] = Object.values(result.metafile.outputs);
  const inputs = Object.keys(output.inputs).filter((path) => output.inputs[path].bytesInOutput > 0);
  return { text: result.outputFiles[0].text.trim(), inputs };
};

/** The licences of the packages that files of them are bundled from. */
const licences = async (inputs) => {
  const folders = inputs.map((path) => path.match(/^node_modules\/(@[^/]+\/)?[^/]+/)?.[0]);
  const parts = [];
  for (const folder of [...new Set(folders.filter(Boolean))].sort()) {
    const about = JSON.parse(await readFile(`${folder}/package.json`, "utf-8"));
    const name = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    if (!name) throw new Error(`${folder} has no licence file`);
    const text = await readFile(`${folder}/${name}`, "utf-8");
    parts.push(`${about.name} ${about.version} (${about.license})\n\n${text.trim()}`);
  }
  return parts.join("\n\n\n");
};

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const script = await bundle("src/main.ts");
const style = await bundle("src/style.css");
if (/<\/script|<!--/i.test(script.text) || /<\/style/i.test(style.text)) {
  throw new Error("what is bundled would end its own element");
}
// dagre is published as one file with graphlib inside.
const bundled = [...script.inputs, "node_modules/@dagrejs/graphlib/package.json"];
const values = {
  POLICY: `default-src 'none'; script-src ${hash(script.text)}; style-src ${hash(style.text)}; base-uri 'none'; form-action 'none'`,
  STYLE: style.text,
  SCRIPT: script.text,
  LICENCES: escaped(await licences(bundled)),
  DATA,
};
const template = await readFile("src/page.html", "utf-8");
const page = template.replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
if (page.split(DATA).length !== 2) throw new Error("there must be one place for the data");
await mkdir("dist", { recursive: true });
await writeFile("dist/report.html", page);
console.log(`dist/report.html: ${Math.round(page.length / 1024)} kB`);
