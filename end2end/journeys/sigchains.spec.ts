// Chains that a server of its own keeps, on another origin than the pages. What the pages may ask it is in their policy,
// and that they may is in its answers (CORS).
import { join, keepWords, typeWords, wordsOn } from "../support/chain.ts";
import { open, register } from "../support/pages.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

test.use({ withSigchains: true });

/** Until the pages' server has taken in what its sigchain server says of a key. */
async function followed(key: string, server: Server): Promise<void> {
  const record = async () => (await fetch(`${server.url}/v1/k/ed25519/${key.slice("ed25519:".length)}`)).json();
  await expect.poll(record).toMatchObject({ head: expect.stringContaining("sha256:") });
}

test("words that were typed back are in use at once, before the pages' server has heard of it", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await keepWords(page);
  await expect(page.getByRole("button", { name: "Make recovery words" })).toBeHidden();
});

test("an identity whose chain another server keeps is backed up, verified, and gets a second browser", async ({ page, browser, server, watch }) => {
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/v1/sigchains/")) asked.push(`${request.method()} ${new URL(request.url()).origin}`);
  });
  const key = await register(page, watch, "anna");
  await typeWords(page, await wordsOn(page));
  await followed(key, server);
  await open(page, "/identity");
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "done");
  expect(asked).toContain(`POST ${server.sigchains?.url}`);
  expect(asked.filter((request) => !request.endsWith(` ${server.sigchains?.url}`)), "nothing of it at the pages' server").toEqual([]);
  await page.getByLabel("Its name").fill("kez-chat.invalid");
  await page.getByRole("button", { name: "What do I publish?" }).click();
  await page.getByRole("button", { name: "It is published: sign the claim" }).click();
  await expect(page.locator("#claims-list > li")).toHaveCount(1);

  const laptop = await Visitor.fresh(browser, server);
  const device = await join(laptop.page, page, "anna");
  await followed(device, server);
  await open(laptop.page, "/identity");
  await expect(laptop.page.locator("#backup")).toHaveAttribute("data-state", "device");
  await expect(laptop.page.locator('#devices-list li[data-role="primary"]')).toHaveAttribute("data-key", key);
  await expect(laptop.page.locator('#devices-list li[data-role="device"]')).toHaveAttribute("data-key", device);
  await laptop.leave();

  const visitor = await Visitor.fresh(browser, server);
  await open(visitor.page, "/@anna");
  await expect(visitor.page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(visitor.page.locator('#proof li[data-check="chain"]')).toHaveAttribute("data-state", "good");
  await expect(visitor.page.locator("#history-events > li .event-says")).toHaveText([
    "A device was added.",
    "Claimed: the domain kez-chat.invalid.",
    "The identity began, with this key and a recovery key.",
  ]);
  const claim = visitor.page.locator("#card-claims-list > li");
  await expect(claim).toContainText("the domain kez-chat.invalid");
  await expect(claim).toHaveAttribute("data-state", /^(unchecked|unreachable|failed)$/);
  expect(await (await fetch(`${server.url}/v1/u/anna/claims`)).json(), "the server looks at it, too").toMatchObject({ claims: [{ subject: "kez-chat.invalid" }] });
  const log = visitor.page.getByRole("link", { name: "Log of this identity's keys" });
  await expect(log).toHaveAttribute("href", new RegExp(`^${server.sigchains?.url}/`));
  await visitor.leave();
});

test("a browser that was just added is one, also while the pages' server has not heard of its key", async ({ page, browser, server, watch }) => {
  const key = await register(page, watch, "anna");
  await typeWords(page, await wordsOn(page));
  await followed(key, server);
  const laptop = await Visitor.fresh(browser, server);
  const device = await join(laptop.page, page, "anna");
  await followed(device, server);
  // As it answers until the other server has told it.
  const unheard = { type: "about:blank", title: "Not found", status: 404, code: "not_found", detail: "Nobody's key." };
  const path = `/v1/k/ed25519/${device.slice("ed25519:".length)}`;
  laptop.watch.expectFailedLoad(path, 404);
  await laptop.page.route(`**${path}`, (route) => route.fulfill({ status: 404, contentType: "application/problem+json", json: unheard }));
  await open(laptop.page, "/identity");
  await expect(laptop.page.locator("#backup")).toHaveAttribute("data-state", "device");
  await expect(laptop.page.locator('#devices-list li[data-role="device"]')).toHaveAttribute("data-key", device);
  await expect(laptop.page.locator("#standing")).toBeEmpty();
  laptop.watch.expectFailedLoad("/v1/u/anna", "net::ERR_FAILED");
  await laptop.page.route("/v1/u/anna", (route) => route.abort());
  await open(laptop.page, "/identity");
  await expect(laptop.page.locator("#standing"), "no answer is not taken for one").toContainText("No answer from the server");
  await laptop.leave();
});
