// A stolen browser: what the thief does is undone from the words, and the profile tells the story.
import type { Page, Route } from "@playwright/test";

import { join, keepWords, recoverWith, Thief } from "../support/chain.ts";
import { connected } from "../support/contacts.ts";
import { alive, keyIn, open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { kept } from "../support/vault.ts";
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
    await expect(page.locator("#connection"), "the old key is out").toHaveAttribute("data-state", "refused");
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

/** What is drawn before an element's text. */
const before = (page: Page, selector: string) =>
  page.locator(selector).evaluate((element) => getComputedStyle(element, "::before").content);

test("the robbed browser gets its identity back in place", async ({ page, server, watch }) => {
  const chain = await register(page, watch, "anna");
  const words = await keepWords(page);
  await open(page, "/identity");
  await expect(page.locator("#identity-proven")).toHaveAttribute("data-state", "proven");
  expect(await before(page, "#identity-proven")).toContain("✓");
  const item = page.locator(`#devices-list li[data-key="${chain}"]`);
  await item.getByText("Name it").click();
  await item.getByRole("textbox").fill("The kitchen");
  await item.getByRole("button", { name: "Save name" }).click();

  watch.expectFailedLoad("/v1/k/", 404);
  const stolen = await new Thief(watch.seedOf(chain), server).rotateAway(chain);
  await open(page, "/identity");
  const proven = page.locator("#identity-proven");
  await expect(proven, "no tick for a key that is out").toHaveAttribute("data-state", "out");
  await expect(proven).toContainText("can no longer sign");
  expect(await before(page, "#identity-proven")).toBe("none");

  await page.getByRole("link", { name: "get the identity back with your 24 words" }).click();
  await alive(page);
  await expect(page.locator("#recover-note")).toContainText("nothing has to be removed first");
  await expect(page.getByLabel("Handle", { exact: true })).toHaveValue("anna");
  await recoverWith(page, "anna", words);
  await expect(page.getByRole("radio", { name: /^Undo the last event/ })).toBeChecked();
  await page.getByRole("button", { name: "Get it back" }).click();
  await expect(page.locator("#recover")).toHaveAttribute("data-state", "done");
  await open(page, "/identity");
  await expect(proven).toHaveAttribute("data-state", "proven");
  await expect(page.locator("#standing")).toBeEmpty();
  const own = await keyIn(page, "#identity-key");
  expect([chain, stolen]).not.toContain(own);
  expect(await kept(page)).toMatchObject({ key: own, stage: "registered", handle: "anna" });
  await open(page, "/@anna");
  expect(await keyIn(page, "#profile-key")).toBe(own);
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
});

test("a recovery in place whose answer was lost is found done, and until then the browser keeps what it has", async ({ page, server, watch }) => {
  const chain = await register(page, watch, "anna");
  const words = await keepWords(page);
  watch.expectFailedLoad("/v1/k/", 404);
  watch.expectFailedLoad("/v1/sigchains/", "net::ERR_FAILED");
  await new Thief(watch.seedOf(chain), server).rotateAway(chain);
  await recoverWith(page, "anna", words);
  await page.route("**/v1/sigchains/**/events", async (route: Route) => {
    await route.fetch();
    await route.abort();
  }, { times: 1 });
  await page.getByRole("button", { name: "Get it back" }).click();
  await expect(page.locator("#recover-error")).toContainText("Nothing is lost");
  expect(await kept(page), "the old key is still there").toMatchObject({ key: chain });
  await recoverWith(page, "anna", words);
  await expect(page.locator("#recover")).toHaveAttribute("data-state", "done");
  const now = await kept(page);
  expect(now).toMatchObject({ stage: "registered", handle: "anna" });
  expect(now?.key).not.toBe(chain);
});

test("an owner whose key still counts can change it with the words, in place", async ({ page, watch }) => {
  const chain = await register(page, watch, "anna");
  const words = await keepWords(page);
  await open(page, "/recover");
  await expect(page.locator("#recover")).toHaveAttribute("data-state", "held");
  await expect(page.locator("#recover-holds")).toContainText("anna@");
  await page.getByRole("button", { name: "Use its recovery words" }).click();
  await page.getByLabel("The 24 words").fill(words.join(" "));
  await page.getByRole("button", { name: "Look at the identity" }).click();
  await page.getByRole("button", { name: "Get it back" }).click();
  await expect(page.locator("#recover")).toHaveAttribute("data-state", "done");
  expect((await kept(page))?.key).not.toBe(chain);
});

test("a browser that holds one identity does not give it up for another", async ({ page, browser, server, watch }) => {
  const chain = await register(page, watch, "anna");
  await keepWords(page);
  const bob = await Visitor.called("bob", browser, server);
  const words = await keepWords(bob.page);
  await open(page, "/recover");
  await page.getByRole("button", { name: "Use its recovery words" }).click();
  await page.getByLabel("Handle", { exact: true }).fill("bob");
  await page.getByLabel("The 24 words").fill(words.join(" "));
  await page.getByRole("button", { name: "Look at the identity" }).click();
  await expect(page.locator("#recover-error")).toContainText("the key of another identity");
  expect(await kept(page)).toMatchObject({ key: chain });
  await bob.leave();
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
