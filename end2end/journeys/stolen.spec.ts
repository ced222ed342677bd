// A stolen browser: what the thief does is undone from the words, and the profile tells the story.
import type { Route } from "@playwright/test";

import { join, keepWords, Thief } from "../support/chain.ts";
import { connected } from "../support/contacts.ts";
import { keyIn, open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

test.describe("with a broker", () => {
  test.use({ withBroker: true });

  test("three browsers: a theft is undone from the words", async ({ page, browser, server, watch }) => {
    test.slow();
    const chain = await register(page, watch, "anna");
    const words = await keepWords(page);
    const laptop = await Visitor.fresh(browser, server);
    const device = await join(laptop.page, page, "anna");
    await connected(page, "anna");

    // The first browser is stolen: its key rotates to one of the thief's, and the recovery key is dropped.
    watch.expectFailedLoad("/v1/k/", 404);
    const thief = new Thief(watch.seedOf(chain), server);
    const stolen = await thief.rotateAway(chain);
    await expect(page.locator("#connection"), "the old key is out").toHaveAttribute("data-state", "refused", { timeout: 15_000 });
    const visitor = await Visitor.fresh(browser, server);
    await open(visitor.page, "/@anna");
    expect(await keyIn(visitor.page, "#profile-key")).toBe(stolen);
    await expect(visitor.page.locator("#proof")).toHaveAttribute("data-state", "verified");
    await expect(visitor.page.locator("#profile-fresh")).toContainText("was changed within the last hour");

    // A third browser, and the words.
    const rescue = await Visitor.fresh(browser, server);
    await open(rescue.page, "/recover");
    await rescue.page.getByLabel("Handle", { exact: true }).fill("anna");
    await rescue.page.getByLabel("The 24 words").fill(words.slice(1).join(" "));
    await rescue.page.getByRole("button", { name: "Look at the identity" }).click();
    await expect(rescue.page.locator("#recover-error")).toContainText("a recovery key has 24 words, and these are 23");
    await rescue.page.getByLabel("The 24 words").fill(words.join("\n"));
    await rescue.page.getByRole("button", { name: "Look at the identity" }).click();
    await expect(rescue.page.locator("#recover")).toHaveAttribute("data-state", "choose");
    const undo = rescue.page.getByRole("radio", { name: /^Undo the last event/ });
    await expect(undo, "undoing the change of the key is suggested").toBeChecked();
    await expect(rescue.page.locator("#recover-choices")).toContainText("The identity's key was changed to this one.");
    await rescue.page.getByRole("button", { name: "Get it back" }).click();
    await expect(rescue.page.locator("#recover")).toHaveAttribute("data-state", "done");
    await expect(rescue.page.locator("#recover-devices")).toContainText("One device is still on the list");
    await connected(rescue.page, "anna");
    await expect(rescue.page.locator(`#devices-list li[data-key="${device}"]`), "the laptop stayed").toBeVisible();
    const own = await keyIn(rescue.page, "#identity-key");
    expect([chain, stolen, device]).not.toContain(own);

    // Neither the stolen key nor the thief's stands any more; the laptop does.
    for (const key of [chain, stolen]) {
      expect((await fetch(`${server.url}/v1/k/ed25519/${key.slice(8)}`)).status).toBe(404);
    }
    await connected(laptop.page, "anna");
    await open(page, "/identity");
    await expect(page.locator("#standing")).toContainText("the one in this browser does not count any more");

    await open(visitor.page, "/@anna");
    expect(await keyIn(visitor.page, "#profile-key")).toBe(own);
    await expect(visitor.page.locator("#proof")).toHaveAttribute("data-state", "verified");
    await expect(visitor.page.locator("#history-events > li .event-says")).toHaveText([
      "The identity was recovered: this is its key, and one event was undone.",
      "The identity's key was changed to this one.",
      "A device was added.",
      "The identity began, with this key and a recovery key.",
    ]);
    await expect(visitor.page.locator("#history-events > li[data-nullified]")).toContainText("Undone by a recovery.");
    for (const one of [laptop, visitor, rescue]) await one.leave();
  });
});

test("a recovery whose answer was lost is found done", async ({ page, browser, server, watch }) => {
  const chain = await register(page, watch, "anna");
  const words = await keepWords(page);
  const rescue = await Visitor.fresh(browser, server);
  await open(rescue.page, "/recover");
  await rescue.page.getByLabel("Handle", { exact: true }).fill("@anna");
  await rescue.page.getByLabel("The 24 words").fill(words.join(" "));
  await rescue.page.getByRole("button", { name: "Look at the identity" }).click();
  await expect(rescue.page.getByRole("radio").first(), "nothing has to be undone").toBeChecked();
  rescue.watch.expectFailedLoad("/v1/sigchains/", "net::ERR_FAILED");
  const losing = async (route: Route) => {
    await route.fetch();
    await route.abort();
  };
  await rescue.page.route("**/v1/sigchains/**/events", losing, { times: 1 });
  await rescue.page.getByRole("button", { name: "Get it back" }).click();
  await expect(rescue.page.locator("#recover-error")).toContainText("Nothing is lost");
  await rescue.page.getByRole("button", { name: "Look at the identity" }).click();
  await expect(rescue.page.locator("#recover")).toHaveAttribute("data-state", "done");
  await open(rescue.page, "/identity");
  await expect(rescue.page.locator("#identity-name")).toContainText("anna@");
  const own = await keyIn(rescue.page, "#identity-key");
  expect(own).not.toBe(chain);
  await expect(rescue.page.locator('#devices-list li[data-role="primary"]')).toHaveAttribute("data-key", own);
  await rescue.leave();
});

test("words of somebody else do nothing, and say so", async ({ page, browser, server, watch }) => {
  await register(page, watch, "anna");
  await keepWords(page);
  const bob = await Visitor.called("bob", browser, server);
  const words = await keepWords(bob.page);
  const rescue = await Visitor.fresh(browser, server);
  await open(rescue.page, "/recover");
  await rescue.page.getByLabel("Handle", { exact: true }).fill("anna");
  await rescue.page.getByLabel("The 24 words").fill(words.join(" "));
  await rescue.page.getByRole("button", { name: "Look at the identity" }).click();
  await expect(rescue.page.locator("#recover-error")).toContainText("they can do nothing for this identity");
  await open(bob.page, "/recover");
  await expect(bob.page.locator("#recover"), "a browser keeps one identity").toHaveAttribute("data-state", "held");
  await rescue.leave();
  await bob.leave();
});
