// Bundles broker.js into FOLDER, beside the wasm: `node broker/build.mjs FOLDER`. Its name is plain there; finish.mjs
// gives names to what is handed out.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("say where to: node broker/build.mjs FOLDER");

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
await writeFile(join(folder, "broker.js"), contents);
