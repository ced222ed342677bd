// A long history.
import { Impostor, idOf } from "../support/envelope.ts";
import { open } from "../support/pages.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

/** About as many of these as a log has room for. */
const EVENTS = 1_500;
/** The longest that the page may not answer while it verifies them, in milliseconds; a fifth of that on a good day. */
const LONGEST = 1_000;

/** Registers `handle` and brings a chain of so many events with it, as from another server. */
async function withChain(handle: string, server: Server): Promise<void> {
  const self = new Impostor();
  const send = async (method: string, path: string, body: unknown) => {
    const answer = await fetch(`${server.url}${path}`, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
  };
  await send("POST", "/v1/register", self.registration(handle, server.name));
  const genesis = { primary: self.key, rotation_keys: [self.key], server: server.name };
  const events = [self.event("genesis", { chain: self.key, seq: 1, prev: null }, genesis)];
  let claim = "";
  while (events.length < EVENTS) {
    const prev = idOf(events.at(-1) ?? self.registration(handle, server.name));
    const place = { chain: self.key, seq: events.length + 1, prev };
    const event = claim === ""
      ? self.event("claim_add", place, { claim: { type: "test", subject: `number ${events.length}`, proof: "none" } })
      : self.event("claim_remove", place, { claim });
    claim = claim === "" ? idOf(event) : "";
    events.push(event);
  }
  const received_at = `${new Date().toISOString().slice(0, 19)}Z`;
  const entries = events.map((event) => ({ event, received_at }));
  await send("PUT", `/v1/sigchains/ed25519/${self.hex}`, { chain: self.key, entries });
}

test("a history as long as any is verified without a stall, and shown in parts", async ({ page, server }) => {
  test.slow();
  await withChain("anna", server);
  await page.addInitScript(() => {
    const stalls: number[] = [];
    Object.assign(globalThis, { stalls });
    new PerformanceObserver((list) => stalls.push(...list.getEntries().map((task) => task.duration))).observe({ type: "longtask" });
  });
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified", { timeout: 60_000 });
  const stalls = await page.evaluate(() => (globalThis as unknown as { stalls: number[] }).stalls);
  expect(Math.max(0, ...stalls), `long tasks: ${stalls.join(", ")} ms`).toBeLessThan(LONGEST);
  const events = page.locator("#history-events > li");
  await expect(events).toHaveCount(50);
  await expect(page.locator("#history-says")).toContainText(`verified ${EVENTS} events`);
  await page.getByRole("button", { name: `Show all ${EVENTS} events` }).click();
  await expect(events).toHaveCount(EVENTS);
  await expect(events.last()).toContainText("The identity began, with this key alone.");
});
