// Logs of keys that are too much for a page: it says so, instead of reading them.
import { connected, everybody } from "../support/contacts.ts";
import { type Envelope, Impostor } from "../support/envelope.ts";
import { Person } from "../support/kez.ts";
import { open, register } from "../support/pages.ts";
import { Sender } from "../support/sender.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

/** White space that makes any log larger than is read. */
const MORE = " ".repeat(4 * 1024 * 1024);

/** Begins the chain of somebody's key. */
async function begin(self: Impostor, server: Server): Promise<Envelope> {
  const body = { primary: self.key, rotation_keys: [self.key], server: server.name };
  const event = self.event("genesis", { chain: self.key, seq: 1, prev: null }, body);
  const path = `/v1/sigchains/ed25519/${self.hex}/events`;
  const answer = await fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
  if (answer.status !== 201) throw new Error(await answer.text());
  return event;
}

test("a log that is larger than the page reads is not called false, and not read", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  await anna.rotate();
  await page.route("**/audit", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()) + MORE });
  });
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toContainText("larger than this page reads");
  await expect(page.locator("#proof")).not.toHaveAttribute("data-state", "verified");
  await expect(page.locator('#proof li[data-check="chain"]')).not.toHaveAttribute("data-state", "good");
});

test("a log that does not come is given up", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  await anna.rotate();
  await page.clock.install();
  let asked = false;
  await page.route("**/audit", () => void (asked = true));
  await open(page, "/@anna");
  await expect.poll(() => asked).toBe(true);
  await page.clock.fastForward(31_000);
  await expect(page.locator("#proof")).toContainText("takes longer to fetch and verify than this page waits");
  await expect(page.locator("#proof")).not.toHaveAttribute("data-state", "verified");
});

test.describe("with a broker", () => {
  test.use({ withBroker: true });

  test("a sender whose log is too large is noted, and fetched once", async ({ page, server, watch }) => {
    const key = await register(page, watch, "anna");
    const [heavy, light] = [await Sender.called("heavy", server), await Sender.called("light", server)];
    await begin(heavy.self, server);
    let fetched = 0;
    await page.route(`**/${heavy.self.hex}/audit`, async (route) => {
      fetched += 1;
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()) + MORE });
    });
    await heavy.flood(key, 10);
    await light.flood(key, 1);
    await connected(page, "anna");
    await expect(everybody(page)).toHaveCount(1);
    await expect(page.locator("#requests")).toContainText("@light");
    await expect(page.locator("#connection-too-large")).toContainText(`${heavy.self.key} asked to be in touch`);
    expect(fetched).toBe(1);
    heavy.leave();
    light.leave();
  });

  test("requests that nobody of the identity signed have nothing fetched", async ({ page, server, watch }) => {
    // Whose the stranger's key is, the server is asked.
    watch.expectFailedLoad("/v1/k/", 404);
    const key = await register(page, watch, "anna");
    const sender = await Sender.called("carla", server);
    await begin(sender.self, server);
    const audits: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/audit")) audits.push(request.url());
    });
    const stranger = new Impostor();
    for (let sent = 0; sent < 8; sent += 1) {
      await sender.send(key, stranger.contactRequest(key, server.name, sender.self.key));
    }
    await sender.flood(key, 2);
    await connected(page, "anna");
    await expect(everybody(page)).toHaveCount(1);
    await expect(page.locator("#connection-dropped")).toHaveText("8 messages that proved nothing were thrown away.");
    expect(audits.filter((url) => url.includes(sender.self.hex))).toHaveLength(1);
    sender.leave();
  });
});
