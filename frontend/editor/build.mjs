// Bundles editor.js and CodeMirror into one file that the package carries, with the licences of all that is in it:
//
//     cd frontend/editor && npm ci && npm run build
//
// What it is made from stands in its first line as a hash, so that a test can tell whether it is up to date.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const HERE = new URL(".", import.meta.url);
const TARGET = new URL("../../cnnviz/ui/shared/", HERE);
const SOURCES = ["build.mjs", "editor.js", "package-lock.json", "package.json"];

const hash = createHash("sha256");
for (const name of SOURCES) hash.update(readFileSync(new URL(name, HERE)));

const made = await build({
  absWorkingDir: HERE.pathname,
  entryPoints: ["editor.js"],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2021",
  charset: "utf8",
  legalComments: "none", // they are in the file of licences
  metafile: true,
  write: false,
  banner: { js: `/* Made by frontend/editor from sources ${hash.digest("hex")}; licences: editor.LICENSES.txt */` },
});
writeFileSync(new URL("editor.js", TARGET), made.outputFiles[0].contents);

const inside = Object.entries(Object.values(made.metafile.outputs)[0].inputs)
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .map(([path]) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
  .filter(Boolean);
const licences = [...new Set(inside)].sort().map((name) => {
  const folder = new URL(`node_modules/${name}/`, HERE);
  const { version, license } = JSON.parse(readFileSync(new URL("package.json", folder)));
  const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  return `${name} ${version} (${license})\n\n${readFileSync(new URL(file, folder), "utf8").trim()}\n`;
});
const rule = `\n${"-".repeat(80)}\n\n`;
writeFileSync(new URL("editor.LICENSES.txt", TARGET), `What is bundled in editor.js\n${rule}${licences.join(rule)}`);
console.log(`${made.outputFiles[0].contents.length} bytes from ${licences.length} packages`);
