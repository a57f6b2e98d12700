// Compiles convolution.ts to WebAssembly, and writes it as text into the script that the package carries:
//
//     cd frontend/engine && npm ci && npm run build
//
// What it is made from stands in its first line as a hash, so that a test can tell whether it is up to date.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

const HERE = new URL(".", import.meta.url);
const SOURCES = ["build.mjs", "convolution.ts", "package-lock.json", "package.json"];

const hash = createHash("sha256");
for (const name of SOURCES) hash.update(readFileSync(new URL(name, HERE)));

const options = ["-O3", "--runtime", "stub", "--noAssert", "--importMemory"];
const features = ["--enable", "simd", "--enable", "bulk-memory"];
const made = {};
const { error, stderr } = await asc.main(["convolution.ts", "-o", "made.wasm", ...options, ...features], {
  readFile: (name) => (name === "convolution.ts" ? readFileSync(new URL(name, HERE), "utf8") : null),
  writeFile: (name, content) => (made[name] = content),
  listFiles: () => [],
});
if (error) throw new Error(stderr.toString());

const text = Buffer.from(made["made.wasm"]).toString("base64");
writeFileSync(
  new URL("../../cnnviz/browser/convolution.js", HERE),
  `// Made by frontend/engine from sources ${hash.digest("hex")}.\nexport const CONVOLUTION =\n  "${text}";\n`,
);
console.log(`${made["made.wasm"].length} bytes`);
