// Bundles broker.js into FOLDER, beside the wasm: `node broker/build.mjs FOLDER [--release]`. With --release the name
// carries a hash, and compressed twins lie beside the file; without, the name is plain, as `cargo leptos watch` has it.
import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [folder, flag] = process.argv.slice(2);
if (folder === undefined) throw new Error("say where to: node broker/build.mjs FOLDER [--release]");

const { outputFiles } = await build({
  entryPoints: [join(here, "broker.js")],
  // Half of the library is curve arithmetic for keys that it would hold itself. Keys are the wasm's business.
  alias: { "@nats-io/nkeys": join(here, "no_nkeys.js") },
  bundle: true,
  charset: "utf8",
  format: "esm",
  legalComments: "none",
  minify: true,
  target: "es2022",
  write: false,
});
const { contents } = outputFiles[0];

await mkdir(folder, { recursive: true });
for (const name of await readdir(folder)) {
  if (name.startsWith("broker.")) await rm(join(folder, name));
}
if (flag === "--release") {
  const hash = createHash("sha256").update(contents).digest("base64url").slice(0, 16);
  const file = join(folder, `broker.${hash}.js`);
  await writeFile(file, contents);
  await writeFile(`${file}.br`, brotliCompressSync(contents));
  await writeFile(`${file}.gz`, gzipSync(contents, { level: 9 }));
} else {
  await writeFile(join(folder, "broker.js"), contents);
}
