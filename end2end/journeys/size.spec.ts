// What the pages' programs weigh, as they are sent: brotli, as the build left it.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

import { Person } from "../support/kez.ts";
import { open } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

const FOLDER = join(process.env.KEZ_SITE ?? "", "pkg");
/** What a first visit loads of `/pkg` at most, in bytes. */
const ROUTES = {
  "/": 108_000,
  "/register": 135_000,
  "/@anna": 145_000,
  "/recover": 196_000,
} as const;
/** The parts of the program, by the beginning of their names. What is in none of them is loaded with several. */
const PARTS = { "kez-chat": 100_000, split_keys: 8_000, split_messages: 24_000, split_sigchain: 72_000, chunk_: 20_000 } as const;

function sizes(): Map<string, number> {
  const parts = readdirSync(FOLDER).filter((name) => name.endsWith(".wasm.br"));
  return new Map(parts.map((name) => [name, readFileSync(join(FOLDER, name)).length]));
}

test("each part of the program has its budget", () => {
  const found = sizes();
  for (const [part, most] of Object.entries(PARTS)) {
    const of = [...found].filter(([name]) => name.startsWith(part));
    expect(of, `${part} is there`).not.toEqual([]);
    expect(of.reduce((sum, [, size]) => sum + size, 0), part).toBeLessThanOrEqual(most);
    for (const [name] of of) found.delete(name);
  }
  expect([...found.keys()], "parts without a budget").toEqual([]);
});

for (const [path, most] of Object.entries(ROUTES)) {
  test(`a first visit to ${path} has its budget`, async ({ page, server }) => {
    await Person.called("anna", server);
    const loaded = new Map<string, number>();
    page.on("request", (request) => {
      const [, name] = /\/pkg\/(.*)$/.exec(request.url()) ?? [];
      if (name) loaded.set(name, readFileSync(join(FOLDER, `${name}.br`)).length);
    });
    await open(page, path);
    await page.waitForLoadState("networkidle");
    const all = [...loaded.values()].reduce((sum, size) => sum + size, 0);
    expect(all).toBeLessThanOrEqual(most);
  });
}

test("the broker's client weighs at most 45 kB", () => {
  const parts = readdirSync(FOLDER).filter((name) => /^broker.*\.js\.br$/.test(name));
  expect(parts).toHaveLength(1);
  expect(readFileSync(join(FOLDER, parts[0] ?? "")).length).toBeLessThanOrEqual(45_000);
});

test("every name that is kept for ever is the hash of the file's bytes, and nothing else is kept for ever", async ({ page, server }) => {
  const files = readdirSync(FOLDER).filter((name) => !/\.(br|gz)$/.test(name));
  const named: string[] = [];
  for (const name of files) {
    const bytes = readFileSync(join(FOLDER, name));
    const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
    const isNamed = name.split(".").at(-2) === hash;
    if (isNamed) named.push(name);
    const kept = (await fetch(`${server.url}/pkg/${name}`)).headers.get("cache-control") ?? "";
    expect(kept.includes("immutable"), `${name}: ${kept}`).toBe(isNamed);
    for (const twin of [".br", ".gz"]) {
      const unpack = twin === ".br" ? brotliDecompressSync : gunzipSync;
      if (existsSync(join(FOLDER, name + twin))) expect(unpack(readFileSync(join(FOLDER, name + twin))), name + twin).toEqual(bytes);
    }
  }
  for (const path of ["/robots.txt", "/favicon.svg", "/bip39-english.txt", "/"]) {
    expect((await fetch(`${server.url}${path}`)).headers.get("cache-control"), path).not.toContain("immutable");
  }
  // Whatever a page loads of them has such a name, and is there.
  const loaded: string[] = [];
  page.on("request", (request) => {
    const [, name] = /\/pkg\/(.*)$/.exec(request.url()) ?? [];
    if (name) loaded.push(name);
  });
  await open(page, "/recover");
  await open(page, "/identity");
  expect(loaded.length).toBeGreaterThan(3);
  expect(loaded.filter((name) => !named.includes(name))).toEqual([]);
  const parts = files.filter((name) => name.endsWith(".wasm"));
  expect(parts.filter((name) => !named.includes(name)), "every part of the program is among them").toEqual([]);
});

test("no part carries the builder's folders, or the texts of panics", () => {
  for (const name of sizes().keys()) {
    const text = brotliDecompressSync(readFileSync(join(FOLDER, name))).toString("latin1");
    for (const trace of ["/rustc/", ".cargo/registry", ".rs:", "panicked at", "called `Option::unwrap()`"]) {
      expect(text.includes(trace), `${trace} in ${name}`).toBe(false);
    }
  }
});

test("pages that need no chain load nothing of it", async ({ page, server }) => {
  await Person.called("anna", server);
  const parts: string[] = [];
  page.on("request", (request) => {
    const part = /\/pkg\/(split_[a-z]+)/.exec(request.url());
    if (part) parts.push(part[1] ?? "");
  });
  for (const path of ["/", "/docs", "/register", "/@anna"]) {
    await open(page, path);
    await page.waitForLoadState("networkidle");
  }
  expect(parts, "the vault, at least").toContain("split_keys");
  expect(parts).not.toContain("split_sigchain");
  await open(page, "/recover");
  await expect.poll(() => parts, "this one does").toContain("split_sigchain");
});
