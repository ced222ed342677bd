// Giving a name back, taking it again, and forgetting the key.
import { Person } from "../support/kez.ts";
import { alive, keyIn, open, register, sign, type } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { kept } from "../support/vault.ts";

test("a name is released only when it was typed, and its key may take it again", async ({ page, server, watch }) => {
  const key = await register(page, watch, "anna");
  await page.getByRole("link", { name: "Keep it safe" }).click();
  await alive(page);
  await page.locator("#release > summary").click();
  const button = page.getByRole("button", { name: "Release @anna" });
  const statement: unknown = JSON.parse(await page.locator("#release-statement").innerText());
  expect(statement).toMatchObject({ type: "kez.chat.handle_release", handle: "anna", primary: key, server: server.name });
  for (const typed of ["", "anne", "ANNA", "annab"]) {
    await page.locator("#release-confirm").fill(typed);
    await expect(button).toBeDisabled();
  }
  await page.locator("#release-confirm").fill("anna");
  const sent = page.waitForRequest("/v1/release");
  await button.click();
  expect((await sent).postDataJSON(), "what was shown is what was signed").toMatchObject({ payload: statement });
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "released");
  await expect(page.getByRole("heading", { name: "A key that released anna" }), "what is told next").toBeFocused();
  expect(await kept(page)).toMatchObject({ key, stage: "released", handle: "anna" });

  watch.expectFailedLoad("/@anna", 410);
  expect((await page.goto("/@anna"))?.status()).toBe(410);
  watch.expectFailedLoad("/v1/u/anna", 410);
  watch.expectFailedLoad("/v1/k/", 404);
  await open(page, "/identity");
  await page.getByRole("link", { name: "Take @anna again" }).click();
  await alive(page);
  await expect(page.locator("#handle-answer")).toContainText("Your key may take it again");
  await page.getByRole("button", { name: "Continue" }).click();
  await sign(page);
  await expect(page.locator("#step-done")).toContainText(`anna@${server.name} is yours`);
  await page.getByRole("link", { name: "Open your profile" }).click();
  await alive(page);
  expect(await keyIn(page, "#profile-key")).toBe(key);
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
});

test("after a release, the same key may take another name", async ({ page, watch }) => {
  const key = await register(page, watch, "anna");
  await open(page, "/identity");
  await page.locator("#release > summary").click();
  await page.locator("#release-confirm").fill("anna");
  await page.getByRole("button", { name: "Release @anna" }).click();
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "released");
  watch.expectFailedLoad("/v1/u/anna", 410);
  watch.expectFailedLoad("/v1/k/", 404);
  await open(page, "/register?handle=annabel");
  await page.getByRole("button", { name: "Continue" }).click();
  await sign(page);
  await expect(page.locator("#step-done")).toContainText("annabel@");
  expect(await kept(page)).toMatchObject({ key, stage: "registered", handle: "annabel" });
});

test("a release whose answer was lost is not asked for twice", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await open(page, "/identity");
  watch.expectFailedLoad("/v1/release", "net::ERR_FAILED", 409, 410);
  await page.route("/v1/release", async (route) => {
    await route.fetch();
    await route.abort();
  }, { times: 1 });
  await page.locator("#release > summary").click();
  await page.locator("#release-confirm").fill("anna");
  const button = page.getByRole("button", { name: "Release @anna" });
  await button.click();
  await expect(page.locator("#release-error")).toContainText("No answer from the server");
  await button.click();
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "released");
});

test("forgetting the key needs the word, and leaves nothing", async ({ page, server, watch }) => {
  const key = await register(page, watch, "anna");
  await open(page, "/identity");
  await page.locator("#forget > summary").click();
  await expect(page.locator("#forget")).toContainText("Only recovery words that you kept");
  const button = page.getByRole("button", { name: "Forget this key" });
  await page.locator("#forget-confirm").fill("forge");
  await expect(button).toBeDisabled();
  await page.locator("#forget-confirm").fill("forget");
  await button.click();
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "empty");
  await expect(page.getByRole("heading", { name: "This browser holds no key" })).toBeFocused();
  expect(await kept(page)).toBeNull();
  await page.getByRole("link", { name: "Register a handle" }).click();
  await alive(page);
  await type(page, "anna", "taken");
  await type(page, "annabel", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#step-sign")).toHaveAttribute("data-state", "open");
  expect(await keyIn(page, "#register-key"), "a new key").not.toBe(key);
  await expect(Person.called("anna", server), "the name stays with the key that is gone").rejects.toThrow("handle_taken");
});
