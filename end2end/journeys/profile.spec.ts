// Visiting cards, and addresses that have none.
import { Person } from "../support/kez.ts";
import { keyIn, open } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

test("a visiting card shows who it is, proves it, and leads to what programs read", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  await open(page, "/@anna");
  await expect(page).toHaveTitle(`anna@${server.name} · kez-chat`);
  expect(await keyIn(page, "#profile-key")).toBe(anna.key);
  await expect(page.getByRole("img", { name: `Picture of the key ${anna.key.slice(8, 16)}…` })).toBeVisible();
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  for (const name of ["JSON record", "Signed registration", "WebFinger"]) {
    const href = await page.getByRole("link", { name }).getAttribute("href");
    const answer = await page.request.get(href ?? "");
    expect(answer.status(), name).toBe(200);
    expect(await answer.text(), name).toContain(anna.key);
  }
});

test("upper case in an address leads to the one true address", async ({ page, server }) => {
  await Person.called("anna", server);
  await open(page, "/@Anna");
  await expect(page).toHaveURL("/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
});

for (const path of ["/@nobody", "/@no", "/@admin", "/anna", "/@anna/more", "/%00"]) {
  test(`nothing at ${path}`, async ({ page, watch }) => {
    watch.expectFailedLoad(path, 404);
    expect((await page.goto(path))?.status()).toBe(404);
    await expect(page.getByRole("heading", { level: 1, name: "There is nothing here" })).toBeVisible();
    await page.getByRole("link", { name: "Look for a handle" }).click();
    await expect(page).toHaveURL("/");
  });
}

test("a released name says so", async ({ page, server, watch }) => {
  watch.expectFailedLoad("/@anna", 410);
  const anna = await Person.called("anna", server);
  await anna.release();
  expect((await page.goto("/@anna"))?.status()).toBe(410);
  await expect(page.getByRole("heading", { level: 1, name: `anna@${server.name} was released` })).toBeVisible();
  await expect(page.locator("#profile-key")).toHaveCount(0);
});

test("a server that cannot look it up says so, and that nothing is lost", async ({ page, server, watch }) => {
  watch.expectFailedLoad("/@anna", 503);
  await server.withoutDatabase(async () => {
    const answer = await page.goto("/@anna");
    expect(answer?.status()).toBe(503);
    expect(answer?.headers()["retry-after"]).toMatch(/^\d+$/);
    await expect(page.locator("#unavailable")).toContainText("Nothing is lost");
  });
  await Person.called("anna", server);
  await page.getByRole("link", { name: "Try again" }).click();
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
});

test.describe("copying", () => {
  test.use({ permissions: ["clipboard-write"] });

  test("the key is copied without the gaps that are drawn", async ({ page, server }) => {
    const anna = await Person.called("anna", server);
    await page.addInitScript(() => {
      // The pages' own policy lets nobody read the clipboard, so what goes in is kept.
      const write = navigator.clipboard.writeText.bind(navigator.clipboard);
      navigator.clipboard.writeText = (text) => write((document.documentElement.dataset.copied = text));
    });
    await open(page, "/@anna");
    await page.getByRole("button", { name: "Copy the key" }).click();
    await expect(page.locator("button.copy")).toHaveAttribute("data-state", "copied");
    await expect(page.locator("html")).toHaveAttribute("data-copied", anna.key);
    await expect(page.locator("button.copy")).toHaveAttribute("data-state", "idle");
  });
});
