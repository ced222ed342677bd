// Every page in every state that a person may see it in.
import type { Page } from "@playwright/test";

import { Thief, join, typeBack, wordsOn } from "./chain.ts";
import { asking } from "./contacts.ts";
import { Impostor } from "./envelope.ts";
import { Person } from "./kez.ts";
import { alive, open, register, sign, type } from "./pages.ts";
import { Sender } from "./sender.ts";
import type { Server } from "./server.ts";
import { expect } from "./test.ts";
import type { Watch } from "./watch.ts";

/** Looks at the page as it is now. */
export type Look = (name: string) => Promise<void>;

/** Finding a name. */
export async function landing(page: Page, server: Server, watch: Watch, look: Look): Promise<void> {
  watch.expectFailedLoad("/v1/u/", 404, 410, 503);
  await Person.called("anna", server);
  await (await Person.called("berta", server)).release();
  await open(page, "/");
  await look("landing");
  for (const [name, answer] of [["carla", "free"], ["anna", "taken"], ["admin", "reserved"], ["Anna!", "invalid"], ["berta", "released"]] as const) {
    await type(page, name, answer);
    await look(`landing-${answer}`);
  }
  await page.route("/v1/u/*", (route) => route.fulfill({ status: 503 }));
  await type(page, "dora", "offline");
  await look("landing-offline");
}

/** Taking a name, with everything that can go wrong on the way. */
export async function registering(page: Page, server: Server, watch: Watch, look: Look): Promise<void> {
  watch.expectFailedLoad("/v1/u/", 404);
  watch.expectFailedLoad("/v1/register", 400, 409, "net::ERR_FAILED");
  await open(page, "/register");
  await look("register-name");
  await type(page, "anna", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
  await look("register-sign");
  await page.locator("#step-sign summary").click();
  await look("register-statement");
  await page.route("/v1/register", (route) => route.abort(), { times: 1 });
  await page.getByRole("button", { name: "Sign and register" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-state", "error");
  await look("register-no-answer");
  await Person.called("anna", server);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.locator("#handle-answer")).toHaveAttribute("data-state", "taken");
  await look("register-taken");
  await type(page, "a-rather-long-name-of-32-letters", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.clock.setFixedTime(Date.now() + 3_600_000);
  await sign(page);
  await look("register-done-clock-off");
  await open(page, "/register");
  await expect(page.locator("#register")).toHaveAttribute("data-step", "held");
  await look("register-held");
  await page.route("**/*.wasm", (route) => route.abort());
  watch.expect(/\.wasm|WebAssembly|Failed to fetch/);
  await page.goto("/register");
  await expect(page.locator("html")).toHaveAttribute("data-app", "failed");
  await look("register-cannot-run");
}

/** What this browser holds. */
export async function identity(page: Page, watch: Watch, look: Look): Promise<void> {
  watch.expectFailedLoad("/v1/u/", 404, 410);
  watch.expectFailedLoad("/v1/k/", 404);
  await open(page, "/identity");
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "empty");
  await look("identity-empty");
  await open(page, "/register?handle=anna");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
  await open(page, "/identity");
  await expect(page.locator("#identity-proven")).toHaveAttribute("data-state", "proven");
  await look("identity-made");
  await page.getByRole("link", { name: "Go on registering" }).click();
  await alive(page);
  await expect(page.locator("#register-note")).not.toBeEmpty();
  await look("register-resumed");
  await sign(page);
  await look("register-done");
  await open(page, "/identity");
  await expect(page.locator("#identity-proven")).toHaveAttribute("data-state", "proven");
  await look("identity-registered");
  await page.locator("#release > summary").click();
  await page.locator("#forget > summary").click();
  await page.locator("#release-confirm").fill("anna");
  await look("identity-dangerous");
  await page.getByRole("button", { name: "Release @anna" }).click();
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "released");
  await look("identity-released");
  await page.getByRole("link", { name: "Take @anna again" }).click();
  await alive(page);
  await expect(page.locator("#handle-answer")).toContainText("may take it again");
  await look("register-again");
}

/** Visiting cards, and pages that are only read. */
export async function reading(page: Page, server: Server, watch: Watch, look: Look): Promise<void> {
  watch.expectFailedLoad("/@", 404, 410, 503);
  watch.expectFailedLoad("/v1/u/", "net::ERR_FAILED");
  await Person.called("a-rather-long-name-of-32-letters", server);
  await open(page, "/@a-rather-long-name-of-32-letters");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await look("profile-verified");
  const anna = await Person.called("anna", server);
  const forged = new Impostor().registration("anna", server.name);
  await page.route("/v1/u/anna/registration", (route) => route.fulfill({ json: forged }));
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "failed");
  await look("profile-exposed");
  await page.unroute("/v1/u/anna/registration");
  await page.route("/v1/u/anna/registration", (route) => route.abort());
  await page.getByRole("button", { name: "Check again" }).click();
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "unchecked");
  await look("profile-unchecked");
  await anna.release();
  for (const [path, name] of [["/@anna", "profile-released"], ["/@nobody", "missing"], ["/docs", "docs"]] as const) {
    await open(page, path);
    await look(name);
  }
  await server.withoutDatabase(async () => {
    await open(page, "/@berta");
    await look("profile-unavailable");
  });
}

/** Being in touch: the connection in all its states, asking, and being asked. */
export async function messages(page: Page, server: Server, watch: Watch, look: Look): Promise<void> {
  watch.expect(/^console error: WebSocket connection to/);
  watch.expect(/^server: .*"level":"ERROR"/);
  watch.expectFailedLoad("/v1/k/", 404);
  watch.expectFailedLoad("/v1/u/anna", 410);
  const key = await register(page, watch, "anna");
  const connection = page.locator("#connection");
  const state = async (wanted: string) => {
    await expect(connection).toHaveAttribute("data-state", wanted, { timeout: 90_000 });
    await look(`connection-${wanted}`);
  };
  let isSilent = true;
  await page.routeWebSocket(/.*/, (socket) => void (isSilent || socket.connectToServer()));
  await open(page, "/identity");
  await state("connecting");
  isSilent = false;
  const [bob, carla] = [await Sender.called("bob", server), await Sender.called("a-rather-long-name-of-32-letters", server)];
  await open(page, "/identity");
  await state("connected");
  await bob.flood(key, 20);
  await carla.flood(key, 1);
  await carla.send(key, bob.self.contactRequest(key, server.name));
  await expect(asking(page, bob.self.key)).toContainText("4 more not shown");
  await expect(asking(page, carla.self.key)).toBeVisible();
  await expect(page.locator("#connection-dropped")).not.toBeEmpty();
  await look("requests");
  await page.getByRole("button", { name: "Accept @bob" }).click();
  await page.getByRole("button", { name: "Decline @a-rather" }).click();
  await expect(page.locator("#declined li")).toBeVisible();
  await look("contacts");
  await page.context().setOffline(true);
  await state("offline");
  await page.context().setOffline(false);

  await open(page, "/@bob");
  await expect(page.locator("#contact")).toHaveAttribute("data-state", "ready");
  await page.locator("#contact summary").click();
  await look("contact-ready");
  await page.getByRole("button", { name: "Send a contact request" }).click();
  await expect(page.locator("#contact")).toHaveAttribute("data-state", "delivered");
  await look("contact-delivered");
  await server.broker?.stop();
  await open(page, "/@bob");
  await page.getByRole("button", { name: "Send a contact request" }).click();
  await expect(page.locator("#contact")).toHaveAttribute("data-state", "failed");
  await look("contact-failed");
  await open(page, "/identity");
  await state("retrying");
  await page.getByRole("button", { name: "Try now" }).click();
  await server.broker?.up();
  await expect(connection).toHaveAttribute("data-state", "connected", { timeout: 90_000 });
  const elsewhere = await page.context().newPage();
  await open(elsewhere, "/identity");
  await elsewhere.locator("#release > summary").click();
  await elsewhere.locator("#release-confirm").fill("anna");
  await elsewhere.getByRole("button", { name: "Release @anna" }).click();
  await state("refused");
  bob.leave();
  carla.leave();
}

/** The chain: words, devices, claims, a theft and getting it back. `other` is a page in another browser. */
export async function chain(page: Page, other: Page, server: Server, watch: Watch, look: Look, there: Look): Promise<void> {
  const key = await register(page, watch, "anna");
  const words = await wordsOn(page);
  await look("words");
  await page.getByRole("button", { name: "I have written them down" }).click();
  await page.getByRole("button", { name: "Check and finish" }).click();
  await expect(page.locator("#backup-error")).not.toBeEmpty();
  await look("words-wrong");
  await page.getByRole("button", { name: "Show the words again" }).click();
  await typeBack(page, words);
  await look("words-done");
  await open(other, "/join");
  await there("join");
  await join(other, page, "anna", there, look);
  await there("join-added");
  await page.getByLabel("Its name").fill("example.org");
  await page.getByRole("button", { name: "What do I publish?" }).click();
  await look("identity-chain");
  await page.getByRole("button", { name: "It is published: sign the claim" }).click();
  await expect(page.locator("#claims-list > li")).toBeVisible();
  watch.expectFailedLoad("/v1/k/", 404);
  await new Thief(watch.seedOf(key), server).rotateAway(key);
  await open(page, "/identity");
  await expect(page.locator("#standing")).not.toBeEmpty();
  await look("identity-out");
  await open(page, "/recover");
  await expect(page.locator("#recover")).not.toHaveAttribute("data-state", "loading");
  await look("recover-in-place");
  await open(page, "/identity");
  await page.locator("#forget > summary").click();
  await page.locator("#forget-confirm").fill("forget");
  await page.getByRole("button", { name: "Forget this key" }).click();
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "empty");
  await open(page, "/recover");
  await look("recover");
  await page.getByLabel("Handle", { exact: true }).fill("anna");
  await page.getByLabel("The 24 words").fill(words.join(" "));
  await page.getByRole("button", { name: "Look at the identity" }).click();
  await expect(page.locator("#recover")).toHaveAttribute("data-state", "choose");
  await look("recover-choose");
  await page.getByRole("button", { name: "Get it back" }).click();
  await expect(page.locator("#recover")).toHaveAttribute("data-state", "done");
  await look("recover-done");
  await open(page, "/@anna");
  await expect(page.locator("#history")).toHaveAttribute("data-state", "verified");
  await look("profile-history");
}
