// Registering when something goes wrong at the worst moment.
import { Impostor } from "../support/envelope.ts";
import { Person } from "../support/kez.ts";
import { keyIn, makeKeys, open, sign, type } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { kept } from "../support/vault.ts";

for (const [which, hours] of [["fast", 1], ["slow", -1]] as const) {
  test(`a clock that is an hour ${which} is worked around, and said`, async ({ page, watch }) => {
    watch.expectFailedLoad("/v1/register", 400);
    await page.clock.setFixedTime(Date.now() + hours * 3_600_000);
    await makeKeys(page, watch, "anna");
    await page.getByRole("button", { name: "Sign and register" }).click();
    await expect(page.locator("#register")).toHaveAttribute("data-step", "done");
    await expect(page.locator("#register-note")).toContainText(/about (59|60) minutes off/);
    await page.getByRole("link", { name: "Open your profile" }).click();
    await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  });
}

test("an answer that was lost: trying again finds it done", async ({ page, watch }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const key = await makeKeys(page, watch, "anna");
  watch.expectFailedLoad("/v1/register", "net::ERR_FAILED");
  await page.route("/v1/register", async (route) => {
    expect((await route.fetch()).status()).toBe(201);
    await route.abort();
  }, { times: 1 });
  await page.getByRole("button", { name: "Sign and register" }).click();
  await expect(page.locator("#register-error")).toContainText("Trying again is safe");
  await expect(page.locator("#register-error"), "in sight on a small screen").toBeInViewport({ ratio: 1 });
  await expect(page.getByRole("button", { name: "Try again" })).toBeInViewport({ ratio: 1 });
  await expect(page.locator("#register")).toHaveAttribute("data-state", "error");
  const answer = page.waitForResponse("/v1/register");
  await page.getByRole("button", { name: "Try again" }).click();
  expect((await answer).status()).toBe(200);
  await expect(page.locator("#register")).toHaveAttribute("data-step", "done");
  await expect(page.locator("#register-error")).toBeEmpty();
  expect(await kept(page)).toMatchObject({ key, stage: "registered", handle: "anna" });
});

test("an answer that was lost: loading the page anew finds it done", async ({ page, watch }) => {
  const key = await makeKeys(page, watch, "anna");
  watch.expectFailedLoad("/v1/register", "net::ERR_FAILED");
  await page.route("/v1/register", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await page.getByRole("button", { name: "Sign and register" }).click();
  await expect(page.locator("#register-error")).not.toBeEmpty();
  await page.reload();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "held");
  expect(await kept(page)).toMatchObject({ key, stage: "registered", handle: "anna" });
});

test("a name that is taken at the last moment: the key is kept for another one", async ({ page, server, watch }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const key = await makeKeys(page, watch, "anna");
  watch.expectFailedLoad("/v1/register", 409);
  await Person.called("anna", server);
  await page.getByRole("button", { name: "Sign and register" }).click();
  await expect(page.locator("#register-error")).toContainText("anna was taken a moment ago");
  await expect(page.locator("#register-error")).toBeInViewport({ ratio: 1 });
  await expect(page.locator("#step-name")).toHaveAttribute("data-state", "open");
  await expect(page.getByLabel("Handle")).toHaveValue("anna");
  await expect(page.locator("#handle-answer")).toHaveAttribute("data-state", "taken");
  await expect(page.getByLabel("Handle")).toBeFocused();
  await expect(page.getByLabel("Handle")).toBeInViewport({ ratio: 1 });
  await type(page, "annabel", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#step-sign")).toHaveAttribute("data-state", "open");
  await expect(page.locator("#register-error")).toBeEmpty();
  expect(await keyIn(page, "#register-key")).toBe(key);
  await sign(page);
  await expect(page.locator("#step-done")).toContainText("annabel@");
});

test("a server that cannot store says so, and later it can", async ({ page, server, watch }) => {
  await makeKeys(page, watch, "anna");
  watch.expectFailedLoad("/v1/register", 503);
  watch.expect(/^server: .*the database is unavailable/);
  const error = page.locator("#register-error");
  await server.withoutDatabase(async () => {
    await page.getByRole("button", { name: "Sign and register" }).click();
    await expect(error).toContainText("Nothing is lost");
  });
  await sign(page);
});

test("something else that answers in the server's place is not believed", async ({ page, watch }) => {
  await makeKeys(page, watch, "anna");
  const record = { handle: "anna", primary: new Impostor().key, registered_at: "2026-05-25T03:00:00Z" };
  await page.route("/v1/register", (route) => route.fulfill({ status: 201, json: record }), { times: 1 });
  await page.getByRole("button", { name: "Sign and register" }).click();
  await expect(page.locator("#register-error")).toContainText("Something that is not this server answered");
  expect(await kept(page)).toMatchObject({ stage: "made" });
});

test("two tabs do not make two keys", async ({ page, context, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  const other = await context.newPage();
  await open(other, "/register");
  const key = await makeKeys(page, watch, "anna");
  await type(other, "berta", "free");
  await other.getByRole("button", { name: "Continue" }).click();
  await expect(other.locator("#register-error")).toContainText("Another tab changed the identity");
  expect(await kept(other)).toMatchObject({ key, handle: "anna" });
});
