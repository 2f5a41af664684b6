// Bundles the page into one file that needs nothing else. The same sources give the same bytes everywhere.
//   node build.mjs           writes pytest_dynadag/render/page.html
//   node build.mjs --check   fails if that file is not what the sources build to

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const asset = here("../pytest_dynadag/render/page.html");

async function bundle(entry) {
  const result = await build({
    entryPoints: [here(entry)],
    absWorkingDir: here("."),
    bundle: true,
    write: false,
    minify: true,
    charset: "utf8",
    format: "iife",
    target: ["chrome100", "firefox100", "safari15"],
    legalComments: "inline",
  });
  return result.outputFiles[0].text.trim();
}

// Only the page's own code and style may be used by a browser, whatever else got into the document.
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const script = await bundle("src/main.ts");
const style = await bundle("src/style.css");
const license = readFileSync(here("node_modules/@dagrejs/dagre/LICENSE"), "utf8").trim();
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
const fill = { POLICY: policy, STYLE: style, SCRIPT: script, LICENSE: license };
const page = readFileSync(here("src/page.html"), "utf8").replace(
  /\{\{(POLICY|STYLE|SCRIPT|LICENSE)\}\}/g,
  (_, name) => fill[name],
);

if (!process.argv.includes("--check")) {
  writeFileSync(asset, page);
  console.log(`wrote ${asset}: ${page.length} characters`);
} else if (readFileSync(asset, "utf8") !== page) {
  console.error("pytest_dynadag/render/page.html is not what page/ builds to\n  next: make page, and commit it");
  process.exit(1);
}
