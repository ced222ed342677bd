// Makes a built site ready to be handed out: `node broker/finish.mjs SITE VERSION`.
//
// Every file in SITE/pkg whose name carries a hash is named after its final bytes, so that a name never gets other content,
// whatever browsers have kept of an earlier version. A file is named once everything that it refers to has its name: first
// the parts of the wasm, then the script that loads them. The script and the loader of the parts refer to each other, so
// they become one file. SITE/pkg/site.json says for which version of the program this is, and which files its pages load.
// Compressed twins lie beside every file that gets smaller.
import { createHash } from "node:crypto";
import { readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, parse } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { build } from "esbuild";

const [site, version] = process.argv.slice(2);
if (site === undefined || version === undefined) throw new Error("say which: node broker/finish.mjs SITE VERSION");
const pkg = join(site, "pkg");

/** As many characters of the hash as make it certain that two contents have two names. */
const hashOf = (bytes) => createHash("sha256").update(bytes).digest("base64url").slice(0, 22);

/** The name with the hash of the bytes in it: name.hash.ext. */
function named(name, bytes) {
  const { name: stem, ext } = parse(name);
  return `${stem}.${hashOf(bytes)}${ext}`;
}

const files = await readdir(pkg);

// The parts of the wasm; nothing is in them that depends on another file's name.
const parts = new Map();
for (const name of files.filter((name) => name.endsWith(".wasm"))) {
  const bytes = await readFile(join(pkg, name));
  parts.set(name, named(name, bytes));
  await rename(join(pkg, name), join(pkg, parts.get(name)));
}

const { outputFiles } = await build({
  entryPoints: [join(pkg, "kez-chat.js")],
  bundle: true,
  charset: "utf8",
  format: "esm",
  legalComments: "none",
  minify: true,
  target: "es2022",
  write: false,
});
// Names stand in quotation marks, alone or behind a slash.
const script = outputFiles[0].text.replace(/(?<=["'`/])[\w-]+\.wasm(?=["'`])/g, (name) => parts.get(name) ?? name);
for (const [name, final] of parts) {
  // The page itself says where the first one is.
  if (name !== "kez-chat.wasm" && !script.includes(final)) throw new Error(`nothing loads ${name}`);
}
for (const name of files.filter((name) => name === "kez-chat.js" || /^__wasm_split\..*\.js$/.test(name) || name === "snippets")) {
  await rm(join(pkg, name), { recursive: true });
}
const assets = { script: named("kez-chat.js", script), wasm: parts.get("kez-chat.wasm") };
await writeFile(join(pkg, assets.script), script);
for (const [what, name] of [["style", "kez-chat.css"], ["broker", "broker.js"]]) {
  assets[what] = named(name, await readFile(join(pkg, name)));
  await rename(join(pkg, name), join(pkg, assets[what]));
}
await writeFile(join(pkg, "site.json"), `${JSON.stringify({ version, ...assets }, null, 2)}\n`);

for (const folder of [site, pkg]) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || /\.(br|gz)$/.test(entry.name)) continue;
    const file = join(folder, entry.name);
    const bytes = await readFile(file);
    const twins = {
      br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
      gz: gzipSync(bytes, { level: 9 }),
    };
    for (const [ext, twin] of Object.entries(twins)) {
      if (twin.length < bytes.length) await writeFile(`${file}.${ext}`, twin);
      else await rm(`${file}.${ext}`, { force: true });
    }
  }
}
