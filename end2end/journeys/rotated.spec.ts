// A name whose key was changed since it was taken.
import { Person } from "../support/kez.ts";
import { keyIn, open } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

test("a changed key is shown, and neither trusted nor called a fraud", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  const next = await anna.rotate();
  expect(next).not.toBe(anna.key);
  await open(page, "/@anna");
  expect(await keyIn(page, "#profile-key")).toBe(next);
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "unchecked");
  await expect(page.locator("#proof")).toContainText("The key shown is not the one that took the name");
  const href = await page.getByRole("link", { name: "Log of this identity's keys" }).getAttribute("href");
  const log = (await (await page.request.get(href ?? "")).json()) as { entries: unknown[] };
  expect(log.entries).toHaveLength(2);
});
