// Pages that an extension or a translator changed.
import type { Page } from "@playwright/test";

import { meddle, translate } from "../support/foreign.ts";
import { Person } from "../support/kez.ts";
import { alive, keyIn, open, register, sign, type } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

/** From the landing page to a handle, with nothing but what a person sees. */
async function takeName(page: Page): Promise<void> {
  await type(page, "anna", "free");
  await page.getByRole("button", { name: "Claim it" }).click();
  await expect(page).toHaveURL("/register?handle=anna");
  await alive(page);
  await expect(page.locator("#handle-answer")).toHaveAttribute("data-state", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
  await sign(page);
  await open(page, "/identity");
  await expect(page.locator("#identity-proven")).toHaveAttribute("data-state", "proven");
  await page.locator("#release > summary").click();
  await page.locator("#release-confirm").fill("anna");
  await expect(page.getByRole("button", { name: "Release @anna" })).toBeEnabled();
}

test("foreign elements that are there before a page starts are in nobody's way", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/anna", 404);
  await page.addInitScript(`document.addEventListener("DOMContentLoaded", ${meddle})`);
  await open(page, "/");
  await takeName(page);
});

test("foreign elements that come while the page is read are in nobody's way either", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/anna", 404);
  watch.expect(/RuntimeError|unreachable|panicked|hydration/);
  await page.addInitScript(`new MutationObserver(${meddle}).observe(document, { childList: true, subtree: true })`);
  await open(page, "/");
  await takeName(page);
});

test("what was typed before a page starts stays, and so does the keyboard", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  await page.route("**/kez-chat*.wasm", async (route) => {
    await arrived;
    await route.continue();
  });
  await page.addInitScript(`document.addEventListener("DOMContentLoaded", ${meddle})`);
  await page.goto("/");
  await page.locator("#handle").pressSequentially("ana");
  await page.locator("#handle").press("ArrowLeft");
  arrive();
  await alive(page);
  await expect(page.locator("#handle")).toBeFocused();
  await page.keyboard.type("n");
  await expect(page.locator("#handle")).toHaveValue("anna");
  await expect(page.locator("#handle-answer")).toHaveText(/anna is free/);
});

test("a page that cannot be put right says what may be the cause", async ({ page, watch }) => {
  watch.expect(/RuntimeError|unreachable|panicked|hydration|Failed to (load resource|fetch)/);
  await page.addInitScript(`new MutationObserver(${meddle}).observe(document, { childList: true, subtree: true })`);
  await page.route("/register", (route) => (route.request().resourceType() === "fetch" ? route.abort() : route.continue()));
  await page.goto("/register");
  await expect(page.locator("html")).toHaveAttribute("data-reason", "extension");
  await expect(page.locator("#app-trouble")).toContainText("most likely an extension of your browser");
  await expect(page.getByRole("button", { name: "Load the page again" })).toBeVisible();
});

test("a translated page goes on answering", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  await open(page, "/register");
  await page.evaluate(translate);
  await type(page, "anna", "free");
  await expect(page.locator("#handle-answer")).toHaveText("anna is free.", { useInnerText: true });
  await page.evaluate(translate);
  await type(page, "an", "invalid");
  await expect(page.locator("#handle-answer")).not.toContainText("free");
  await type(page, "anna", "free");
  await page.evaluate(translate);
  await page.locator("#step-name button[type=submit]").click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
  await page.evaluate(translate);
  await expect(page.locator("#step-name .step-result")).toContainText("anna@");
  await expect(page.locator("#step-sign strong"), "the chosen name").toHaveText("anna");
  await page.locator("#step-sign summary").click();
  expect(JSON.parse(await page.locator("#statement").innerText())).toMatchObject({ handle: "anna" });
  watch.expectFailedLoad("/v1/register", "net::ERR_FAILED");
  await page.route("/v1/register", (route) => route.abort(), { times: 1 });
  await page.locator("#step-sign button").click();
  await expect(page.locator("#step-sign button")).toHaveText("Try again");
  await expect(page.locator("#register-error")).toContainText("Trying again is safe");
  await page.evaluate(translate);
  await page.locator("#step-sign button").click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "done");
  await expect(page.locator("#register-error")).toBeEmpty();
  await expect(page.locator("#step-done strong").first()).toContainText("anna@");
});

test("a translated identity page goes on answering", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await open(page, "/identity");
  await expect(page.locator("#identity-proven")).toHaveAttribute("data-state", "proven");
  await page.evaluate(translate);
  await page.locator("#forget > summary").click();
  await expect(page.locator("label[for=forget-confirm] strong"), "what is to be typed").toHaveText("forget");
  await page.locator("#release > summary").click();
  await expect(page.locator("label[for=release-confirm] strong")).toHaveText("anna");
  await page.locator("#release-confirm").fill("anna");
  await page.locator("#release button").click();
  await expect(page.locator("#identity-name")).toHaveText(/A key that released anna/);
});

test("a translated profile is checked all the same, and says so", async ({ page, server, watch }) => {
  watch.expectFailedLoad("/v1/u/anna", "net::ERR_FAILED");
  const anna = await Person.called("anna", server);
  await page.route("/v1/u/anna/registration", (route) => route.abort(), { times: 1 });
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "unchecked");
  await page.evaluate(translate);
  await page.locator("#proof button").click();
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(page.locator("#proof-title")).toHaveText("Checked by your browser just now");
  expect(await keyIn(page, "#profile-key")).toBe(anna.key);
});
