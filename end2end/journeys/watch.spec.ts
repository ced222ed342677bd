// Whether the other tests would notice.
import { randomBytes } from "node:crypto";

import { open, register } from "../support/pages.ts";
import { found, spellings } from "../support/secrets.ts";
import { expect, test } from "../support/test.ts";
import { Watch } from "../support/watch.ts";

test("a script that got into the page does not run, and the watch sees that it tried", async ({ page, watch }) => {
  watch.expect(/^console error: .*Content Security Policy/);
  watch.expect(/^policy violated: script-src-(elem|attr) inline/);
  await open(page, "/");
  const violated = page.evaluate(
    () => new Promise<string>((resolve) => addEventListener("securitypolicyviolation", (e) => resolve(e.effectiveDirective))),
  );
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'owned'";
    document.body.append(script);
  });
  expect(await violated).toBe("script-src-elem");
  await expect(page).not.toHaveTitle("owned");
});

test("a secret is seen wherever a page puts it", async ({ browser, server }) => {
  const context = await browser.newContext({ baseURL: server.url });
  const watch = await Watch.over(context, server.url);
  const page = await context.newPage();
  const seed = watch.seedOf(await register(page, watch, "anna"));
  expect(await watch.verdict(context, server.log)).toEqual([]);
  await page.evaluate(async (bytes) => {
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    localStorage.setItem("seed", hex);
    sessionStorage.setItem("seed", hex);
    document.body.append(hex);
    console.log(hex);
    await fetch("/v1/healthz", { headers: { "x-seed": hex } });
    await fetch("/v1/register", { method: "POST", body: new Uint8Array(bytes) });
    const request = indexedDB.open("elsewhere");
    request.onupgradeneeded = () => request.result.createObjectStore("seeds").put({ seed: [new Uint8Array(bytes)] }, 1);
    await new Promise((resolve) => (request.onsuccess = resolve));
    request.result.close();
    history.replaceState(null, "", `#${hex}`);
  }, [...seed]);
  const seen = await watch.verdict(context, [...server.log, `"level":"INFO" ${seed.toString("base64")}`]);
  const places = ["a URL", "a request's headers", "the page", "the console"].map((place) => `secret in ${place}, as hex`);
  const bodies = ["a request's body", "IndexedDB"].map((place) => `secret in ${place}, as bytes`);
  expect(seen).toEqual(expect.arrayContaining([...places, ...bodies, "secret in the server's log, as base64 after 0"]));
  for (const storage of ["localStorage", "sessionStorage"]) expect(seen.join("\n")).toContain(`${storage} holds`);
  await context.close();
});

test("a secret is found however it is spelt", () => {
  const secret = randomBytes(32);
  for (const [kind, spelt] of Object.entries(spellings(secret))) {
    expect(found([secret], Buffer.from(`before ${spelt} after`, "latin1")), kind).toContain(kind);
  }
  expect(found([secret], secret.toString("hex").toUpperCase())).toEqual(["hex"]);
  for (const before of [3, 4, 5]) {
    const blob = Buffer.concat([randomBytes(before), secret, randomBytes(7)]);
    expect(found([secret], blob.toString("base64"))).toContain(`base64 after ${before % 3}`);
    expect(found([secret], blob.toString("base64url"))).toContain(`base64url after ${before % 3}`);
    expect(found([secret], blob)).toContain("bytes");
  }
  expect(found([randomBytes(32)], secret.toString("hex"))).toEqual([]);
});
