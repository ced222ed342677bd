// Recovery words: shown once at registration, or made later, and typed back.
import { readFile } from "node:fs/promises";

import type { Route } from "@playwright/test";

import { typeBack, wordsOn } from "../support/chain.ts";
import { open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

test("registering makes recovery words, and the profile shows the chain that they began", async ({ page, watch }) => {
  const key = await register(page, watch, "anna");
  const words = await wordsOn(page);
  const backup = page.locator("#backup");
  await page.getByRole("button", { name: "I have written them down" }).click();
  const fields = page.locator("#backup-fields input");
  await expect(fields).toHaveCount(3);
  await fields.first().fill("abandon");
  await page.getByRole("button", { name: "Check and finish" }).click();
  await expect(page.locator("#backup-error"), "a wrong word is named").toContainText(/Word \d+ is another one/);
  await page.getByRole("button", { name: "Show the words again" }).click();
  expect(await wordsOn(page), "the same words").toEqual(words);
  await typeBack(page, words);
  await expect(backup).toContainText("A recovery key ranks above the key in this browser");
  expect(await page.content(), "the words are gone from the page").not.toContain(`<li>${words[0]}</li>`);

  await open(page, "/identity");
  await expect(backup).toHaveAttribute("data-state", "done");
  await expect(page.locator('#devices-list li[data-role="primary"]')).toHaveAttribute("data-key", key);
  await expect(page.locator('#devices-list li[data-role="recovery"]')).toHaveCount(1);

  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(page.locator('#proof li[data-check="chain"]')).toHaveAttribute("data-state", "good");
  await expect(page.locator("#history")).toHaveAttribute("data-state", "verified");
  const events = page.locator("#history-events > li");
  await expect(events).toHaveCount(1);
  await expect(events).toContainText("The identity began, with this key and a recovery key.");
});

test("words that were not kept at registration are made later, saved as a file that is read again, and printed alone", async ({ page, browser, server, watch }) => {
  await register(page, watch, "anna");
  await open(page, "/identity");
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "none");
  await expect(page.locator("#devices")).toBeHidden();
  await page.getByRole("button", { name: "Make recovery words" }).click();
  const words = await wordsOn(page);
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as a file" }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe("anna-recovery-words.txt");
  const text = await readFile(await saved.path(), "utf8");
  expect(text.split("\n").slice(4).join(" ").trim().split(/\s+/)).toEqual(words);
  await page.emulateMedia({ media: "print" });
  await expect(page.locator("#backup-list")).toBeVisible();
  await expect(page.locator("header.site-header")).toBeHidden();
  await expect(page.getByRole("button", { name: "Print" })).toBeHidden();
  await page.emulateMedia({ media: "screen" });
  await typeBack(page, words);
  await expect(page.locator("#devices")).toBeVisible();

  const rescue = await Visitor.fresh(browser, server);
  await open(rescue.page, "/recover");
  for (const carried of [text, words.map((word, at) => `${at + 1}) ${word},`).join("\n"), `\ufeff“${words.join("”\u00a0“")}”\u200b`]) {
    await rescue.page.getByLabel("Handle", { exact: true }).fill("anna");
    await rescue.page.getByLabel("The 24 words").fill(carried);
    await rescue.page.getByRole("button", { name: "Look at the identity" }).click();
    await expect(rescue.page.locator("#recover"), carried).toHaveAttribute("data-state", "choose");
    await open(rescue.page, "/recover");
  }
  await rescue.leave();
});

test("an answer that was lost while the chain began: trying again finds it done", async ({ page, watch }) => {
  await register(page, watch, "anna");
  const words = await wordsOn(page);
  watch.expectFailedLoad("/v1/sigchains/", "net::ERR_FAILED");
  const losing = async (route: Route) => {
    await route.fetch();
    await route.abort();
  };
  await page.route("**/v1/sigchains/**/events", losing, { times: 1 });
  await page.getByRole("button", { name: "I have written them down" }).click();
  for (const field of await page.locator("#backup-fields input").all()) {
    await field.fill(words[Number(await field.getAttribute("data-word")) - 1] ?? "");
  }
  await page.getByRole("button", { name: "Check and finish" }).click();
  await expect(page.locator("#backup-error")).toContainText("Your words are still good");
  await page.getByRole("button", { name: "Check and finish" }).click();
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "done");
});

test("without the list of words, or with another, there are none; with it, there are", async ({ page, watch }) => {
  await register(page, watch, "anna");
  watch.expectFailedLoad("/bip39-english.txt", "net::ERR_FAILED");
  await page.route("**/bip39-english.txt", (route) => route.abort(), { times: 1 });
  await open(page, "/identity");
  const make = page.getByRole("button", { name: "Make recovery words" });
  await make.click();
  await expect(page.locator("#backup-error")).toContainText("Check your connection");
  await page.route("**/bip39-english.txt", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace("zoo", "zap") });
  }, { times: 1 });
  await make.click();
  await expect(page.locator("#backup-error")).toContainText("is not the published one");
  await expect(page.locator("#backup-list li")).toHaveCount(0);
  await make.click();
  await typeBack(page, await wordsOn(page));
});

test("pressing twice on a slow line makes one list of words", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await open(page, "/identity");
  let asked = 0;
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  await page.route("**/bip39-english.txt", async (route) => {
    asked += 1;
    await held;
    await route.continue();
  });
  const make = page.getByRole("button", { name: "Make recovery words" });
  await make.dblclick();
  await expect(make).toBeHidden();
  go();
  await typeBack(page, await wordsOn(page));
  expect(asked).toBe(1);
});

test("words that could not be made at the end of registering are made there on a second try", async ({ page, watch }) => {
  watch.expectFailedLoad("/bip39-english.txt", "net::ERR_FAILED");
  await page.route("**/bip39-english.txt", (route) => route.abort(), { times: 1 });
  await register(page, watch, "anna");
  await expect(page.locator("#backup-error")).toContainText("Check your connection");
  await page.getByRole("button", { name: "Make recovery words" }).click();
  await typeBack(page, await wordsOn(page));
});
