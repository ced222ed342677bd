// An identity that its owner ended for good.
import { end, join, keepWords } from "../support/chain.ts";
import { connected } from "../support/contacts.ts";
import { keyIn, open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

test.use({ withBroker: true });

const ENDED =
  "The identity anna was ended by its owner. Nothing can be done in its name any more. If that was not you, get the identity back with your 24 words, within 72 hours.";

test("an identity that was ended is out at once, says so to its owner, and to whoever reads its card", async ({ page, browser, server, watch }) => {
  const chain = await register(page, watch, "anna");
  await keepWords(page);
  const laptop = await Visitor.fresh(browser, server);
  await join(laptop.page, page, "anna");
  await connected(page, "anna");
  await connected(laptop.page, "anna");

  await end(chain, watch.seedOf(chain), server);
  for (const owner of [page, laptop.page]) {
    await expect(owner.locator("#connection")).toHaveAttribute("data-state", "refused");
    await open(owner, "/identity");
    await expect(owner.locator("#standing")).toHaveText(ENDED);
    await expect(owner.locator("#standing").getByRole("link"), "the way back").toHaveAttribute("href", "/recover");
    for (const section of ["backup", "devices", "claims", "release"]) {
      await expect(owner.locator(`#${section}`), `nothing to press in ${section}`).toBeHidden();
    }
  }
  await laptop.leave();

  const tablet = await Visitor.fresh(browser, server);
  await open(tablet.page, "/join");
  await expect(tablet.page.locator("#join")).toHaveAttribute("data-state", "start");
  await tablet.page.getByLabel("Your handle").fill("anna");
  await tablet.page.getByRole("button", { name: "Show a code" }).click();
  await expect(tablet.page.locator("#join-error"), "no code for what nobody can add").toHaveText(
    "This identity was ended by its owner. No browser can be added to it.",
  );
  await expect(tablet.page.locator("#join-offer")).toBeHidden();
  await tablet.leave();

  const bob = await Visitor.called("bob", browser, server);
  await open(bob.page, "/@anna");
  await expect(bob.page.locator("#profile-ended")).toHaveText("Its owner has ended this identity. Nobody speaks for it any more.");
  expect(await keyIn(bob.page, "#profile-key")).toBe(chain);
  await expect(bob.page.locator("#proof"), "the card proves itself as before").toHaveAttribute("data-state", "verified");
  await expect(bob.page.locator("#history-events > li").first()).toContainText("The identity was ended by its owner.");
  await expect(bob.page.locator("#contact"), "nobody is there to be asked").toBeHidden();
  await bob.leave();
});

test("an identity that a thief ended is got back from the words", async ({ page, browser, server, watch }) => {
  const chain = await register(page, watch, "anna");
  const words = await keepWords(page);
  await end(chain, watch.seedOf(chain), server);
  const rescue = await Visitor.fresh(browser, server);
  await open(rescue.page, "/recover");
  await rescue.page.getByLabel("Handle", { exact: true }).fill("anna");
  await rescue.page.getByLabel("The 24 words").fill(words.join(" "));
  await rescue.page.getByRole("button", { name: "Look at the identity" }).click();
  await expect(rescue.page.locator("#recover-choices")).toContainText("The identity was ended by its owner.");
  await expect(rescue.page.getByRole("radio", { name: /^Undo the last event/ }), "the only choice").toBeChecked();
  await rescue.page.getByRole("button", { name: "Get it back" }).click();
  await expect(rescue.page.locator("#recover")).toHaveAttribute("data-state", "done");
  await connected(rescue.page, "anna");
  await open(rescue.page, "/@anna");
  await expect(rescue.page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(rescue.page.locator("#profile-ended")).toHaveCount(0);
  await expect(rescue.page.locator("#profile-fresh"), "the words rank highest").toContainText(
    "The key that signed this ranks highest, so nobody can undo it.",
  );
  await expect(rescue.page.locator("#history-events > li[data-nullified]")).toContainText("The identity was ended by its owner.");
  await rescue.leave();

  watch.expectFailedLoad("/v1/k/", 404);
  await open(page, "/identity");
  await expect(page.locator("#standing"), "the key that the thief had").toContainText("does not count any more");
});

test("a connection that is over because the identity was ended says so", async ({ page, server, watch }) => {
  const chain = await register(page, watch, "anna");
  await keepWords(page);
  await connected(page, "anna");
  await end(chain, watch.seedOf(chain), server);
  await expect(page.locator("#connection")).toHaveAttribute("data-state", "refused");
  await expect(page.locator("#connection-why")).toContainText(ENDED);
});
