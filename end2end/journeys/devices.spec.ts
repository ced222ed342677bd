// A second browser for the same identity: added by a code, named, removed.
import type { Page } from "@playwright/test";

import { ask, asking, connected } from "../support/contacts.ts";
import { join, keepWords } from "../support/chain.ts";
import { open, register } from "../support/pages.ts";
import { Sender } from "../support/sender.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

test.describe("with a broker", () => {
  test.use({ withBroker: true });

  test("a browser is added by a code, gets the same messages, and is out at once when it is removed", async ({ page, browser, server, watch }) => {
    const chain = await register(page, watch, "anna");
    await keepWords(page);
    const laptop = await Visitor.fresh(browser, server);
    const device = await join(laptop.page, page, "anna");
    expect(device).not.toBe(chain);

    const item = page.locator(`#devices-list li[data-key="${device}"]`);
    await item.getByText("Name it").click();
    await item.getByRole("textbox").fill("The old <laptop>");
    await item.getByRole("button", { name: "Save name" }).click();
    await expect(item).toContainText("The old <laptop>");
    await page.reload();
    await expect(item, "names are kept").toContainText("The old <laptop>");

    await page.goto("about:blank");
    await connected(laptop.page, "anna");
    await expect(laptop.page.locator("#backup")).toHaveAttribute("data-state", "device");
    await expect(laptop.page.locator("#devices-add"), "a device adds no devices").toBeHidden();
    await expect(laptop.page.locator("#release"), "a device releases nothing").toBeHidden();
    const bob = await Sender.called("bob", server);
    await bob.flood(chain, 1);
    await expect(asking(laptop.page, bob.self.key)).toBeVisible();
    bob.leave();

    laptop.watch.expectFailedLoad("/v1/k/", 404);
    await open(page, "/identity");
    await item.getByText("Remove it").click();
    await item.getByRole("button", { name: "It is lost or stolen" }).click();
    await expect(item).toHaveCount(0);
    await expect(laptop.page.locator("#connection")).toHaveAttribute("data-state", "refused");
    await expect(laptop.page.locator("#connection-why")).toContainText("This browser was removed from anna by its owner");
    await laptop.page.reload();
    await expect(laptop.page.locator("#standing")).toContainText("This browser was removed from anna by its owner");
    await laptop.leave();

    await open(page, "/@anna");
    await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
    await expect(page.locator("#history-events > li .event-says")).toHaveText([
      "A device was removed: it was lost.",
      "A device was added.",
      "The identity began, with this key and a recovery key.",
    ]);
  });
});

test.describe("with a broker, in touch", () => {
  test.use({ withBroker: true });

  test("a device asks as its identity, and the other verifies it by the chain", async ({ page, browser, server, watch }) => {
    const chain = await register(page, watch, "anna");
    await keepWords(page);
    const laptop = await Visitor.fresh(browser, server);
    await join(laptop.page, page, "anna");
    const bob = await Visitor.called("bob", browser, server);
    await ask(laptop.page, "bob");
    await connected(bob.page, "bob");
    await expect(asking(bob.page, chain)).toContainText("@anna");
    await bob.leave();
    await laptop.leave();
  });
});

test("a code that is wrong, for somebody else, or out of date is not signed", async ({ page, browser, server, watch }) => {
  await register(page, watch, "anna");
  await keepWords(page);
  const bob = await Visitor.called("bob", browser, server);
  await keepWords(bob.page);
  await open(page, "/identity");
  watch.expectFailedLoad("/v1/pairings/", 404);
  await page.getByLabel("Code").fill("ABCDE-FGHJK");
  await page.getByRole("button", { name: "Look it up" }).click();
  await expect(page.locator("#devices-error")).toContainText("There is no offer with this code");

  const other = await Visitor.fresh(browser, server);
  await open(other.page, "/join");
  await other.page.getByLabel("Your handle").fill("@bob");
  await other.page.getByRole("button", { name: "Show a code" }).click();
  await expect(other.page.locator("#join")).toHaveAttribute("data-state", "offering");
  await page.getByLabel("Code").fill((await other.page.locator("#join-code").textContent()) ?? "");
  await page.getByRole("button", { name: "Look it up" }).click();
  await expect(page.locator("#devices-error")).toContainText("a device of another identity");
  await expect(page.locator("#device-offer")).toBeHidden();
  await other.leave();
  await bob.leave();
});

test("somebody who has no chain yet cannot be joined, and is told what to do", async ({ page, browser, server, watch }) => {
  await register(page, watch, "anna");
  const laptop = await Visitor.fresh(browser, server);
  await open(laptop.page, "/join");
  await laptop.page.getByLabel("Your handle").fill("anna");
  await laptop.page.getByRole("button", { name: "Show a code" }).click();
  await expect(laptop.page.locator("#join-error")).toContainText("has no recovery words yet");
  laptop.watch.expectFailedLoad("/v1/u/nobody", 404);
  await laptop.page.getByLabel("Your handle").fill("nobody");
  await laptop.page.getByRole("button", { name: "Show a code" }).click();
  await expect(laptop.page.locator("#join-error")).not.toBeEmpty();
  await laptop.leave();
});

test("a browser that was removed is added again in place", async ({ page, browser, server, watch }) => {
  const chain = await register(page, watch, "anna");
  await keepWords(page);
  const laptop = await Visitor.fresh(browser, server);
  const device = await join(laptop.page, page, "anna");
  laptop.watch.expectFailedLoad("/v1/k/", 404);
  const item = page.locator(`#devices-list li[data-key="${device}"]`);
  await item.getByText("Remove it").click();
  await item.getByRole("button", { name: "It is no longer used" }).click();
  await expect(item).toHaveCount(0);
  await open(laptop.page, "/identity");
  await laptop.page.locator("#standing").getByRole("link", { name: "add this browser again" }).click();
  await expect(laptop.page.getByLabel("Your handle")).toHaveValue("anna");
  const again = await join(laptop.page, page, "anna");
  expect([chain, device]).not.toContain(again);
  await open(laptop.page, "/identity");
  await expect(laptop.page.locator("#identity-proven")).toHaveAttribute("data-state", "proven");
  await expect(laptop.page.locator('#devices-list li[data-role="device"]')).toHaveAttribute("data-key", again);
  await laptop.leave();
});

test("a second browser shows the identity's picture as its own, and the device's among the devices", async ({ page, browser, server, watch }) => {
  const chain = await register(page, watch, "anna");
  await keepWords(page);
  const laptop = await Visitor.fresh(browser, server, { colorScheme: "dark" });
  const device = await join(laptop.page, page, "anna");
  await open(page, "/@anna");
  const picture = await page.locator("#profile-picture svg").innerHTML();
  for (const answers of [true, false]) {
    // Also where nobody can be asked what the identity's key is.
    if (!answers) {
      laptop.watch.expectFailedLoad("/v1/k/", "net::ERR_FAILED");
      await laptop.page.route("**/v1/k/**", (route) => route.abort());
    }
    await open(laptop.page, "/identity");
    await expect(laptop.page.locator("#identity")).toHaveAttribute("data-state", "registered");
    expect(await laptop.page.locator("#identity-picture svg").innerHTML()).toBe(picture);
    await expect(laptop.page.locator("#identity-key")).toHaveText(chain);
    if (!answers) continue;
    const own = laptop.page.locator(`#devices-list li[data-key="${device}"]`);
    await expect(own).toContainText("This browser");
    expect(await own.locator("svg").innerHTML()).not.toBe(picture);
  }
  const fills = (one: Page, selector: string) =>
    one.locator(`${selector} svg > *`).evaluateAll((shapes) => shapes.map((shape) => getComputedStyle(shape).fill));
  const light = await fills(page, "#profile-picture");
  expect(light).toHaveLength(4);
  expect(await fills(laptop.page, "#identity-picture"), "the same colours in the dark").toEqual(light);
  await laptop.leave();
});
