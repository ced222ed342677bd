// A name whose key was changed since it was taken.
import { Person } from "../support/kez.ts";
import { keyIn, open } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

test("a changed key is proven by the log of keys, and its newness is said", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  const next = await anna.rotate();
  expect(next).not.toBe(anna.key);
  await open(page, "/@anna");
  expect(await keyIn(page, "#profile-key")).toBe(next);
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  for (const check of ["fetched", "handle", "signature", "server", "chain"]) {
    await expect(page.locator(`#proof li[data-check="${check}"]`)).toHaveAttribute("data-state", "good");
  }
  await expect(page.locator("#profile-fresh")).toContainText(/Until .* its owner can still undo that, if it was a thief\. Before you rely on it/);
  await expect(page.locator("#history-events > li")).toHaveCount(2);
  const href = await page.getByRole("link", { name: "Log of this identity's keys" }).getAttribute("href");
  const log = (await (await page.request.get(href ?? "")).json()) as { entries: unknown[] };
  expect(log.entries).toHaveLength(2);
});

test("a log that was tampered with is not believed", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  await anna.rotate();
  await page.route("**/audit", async (route) => {
    const answer = await route.fetch();
    const log = (await answer.json()) as { entries: unknown[] };
    await route.fulfill({ response: answer, json: { ...log, entries: log.entries.slice(0, 1) } });
  });
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "failed");
  await expect(page.locator('#proof li[data-check="chain"]')).toHaveAttribute("data-state", "bad");
  await expect(page.locator("#proof-error")).toContainText("an event that is not in the log of keys");
  await expect(page.locator("#history")).toBeHidden();
});

test("a key that the log does not lead to is not believed", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  await anna.rotate();
  const other = await Person.called("other", server);
  await other.rotate();
  // A server that shows another's chain for this name.
  await page.route("**/v1/u/anna", async (route) => {
    const theirs = await (await page.request.get(`${server.url}/v1/u/other`)).json();
    await route.fulfill({ json: { ...theirs, handle: "anna" } });
  });
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "failed");
  await expect(page.locator("#proof-error")).toContainText("The name was taken by a key that was never this identity's");
});
