// Without JavaScript: what is to be read is complete, and what cannot work says so.
import { Person } from "../support/kez.ts";
import { expect, test } from "../support/test.ts";

test.use({ javaScriptEnabled: false });

test("the landing page leads to the registration", async ({ page, server }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "Checkable by anyone" })).toBeVisible();
  await expect(page.locator(".suffix")).toHaveText(`@${server.name}`);
  await page.getByLabel("Handle").fill("anna");
  await page.getByRole("button", { name: "Claim it" }).click();
  await expect(page).toHaveURL("/register?handle=anna");
  await expect(page.getByLabel("Handle")).toHaveValue("anna");
});

test("a visiting card is complete, and claims no check that was not made", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  await page.goto("/@anna");
  await expect(page.locator("#profile-name")).toHaveText(`anna@${server.name}`);
  await expect(page.locator("#profile-key")).toHaveText(anna.key);
  await expect(page.getByRole("img", { name: /Picture of the key/ })).toBeVisible();
  await expect(page.locator("time")).toBeVisible();
  await expect(page.getByRole("link", { name: "Signed registration" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Not checked by your browser" })).toBeVisible();
  await expect(page.getByRole("button")).toHaveCount(0);
});

test("the documentation is there", async ({ page }) => {
  await page.goto("/docs");
  await expect(page.getByRole("heading", { name: "POST /v1/register" })).toBeVisible();
});

for (const path of ["/register", "/identity"]) {
  test(`${path} says what it needs`, async ({ page }) => {
    await page.goto(path);
    const needs = page.locator("noscript p");
    await expect(needs).toBeVisible();
    await expect(needs).toContainText("that needs JavaScript and WebAssembly");
    for (const button of await page.getByRole("button").all()) await expect(button).toBeDisabled();
  });
}
