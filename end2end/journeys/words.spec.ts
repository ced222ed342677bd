// Recovery words: shown at registration, or made later; they count once they were kept in some way, and are typed back.
import { readFile } from "node:fs/promises";

import type { Page, Route } from "@playwright/test";

import { recoverWith, typeBack, wordsOn } from "../support/chain.ts";
import { open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

/** Saves the words as a file; its text. */
async function saveWords(page: Page): Promise<string> {
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as a file" }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe("anna-recovery-words.txt");
  return readFile(await saved.path(), "utf8");
}

test("registering makes recovery words, and the profile shows the chain that they began", async ({ page, watch }) => {
  const key = await register(page, watch, "anna");
  const words = await wordsOn(page);
  const backup = page.locator("#backup");
  await page.getByRole("button", { name: "I have written them down" }).click();
  const fields = page.locator("#backup-fields input");
  await expect(fields).toHaveCount(3);
  await fields.first().fill("abandon");
  await page.getByRole("button", { name: "Check and finish" }).click();
  await expect(page.locator("#backup-error"), "a wrong word is named").toContainText(/Word \d+ doesn't match/);
  await page.getByRole("button", { name: "Show the words again" }).click();
  expect(await wordsOn(page), "the same words").toEqual(words);
  await typeBack(page, words);
  await expect(backup).toContainText("Your 24 words can replace a lost or stolen browser");
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
  const text = await saveWords(page);
  const whose = new RegExp(`^Recovery words of anna@${server.name}, made on \\d+ [A-Z][a-z]+ \\d{4}`);
  expect(text).toMatch(whose);
  expect(text.split("\n").slice(5).join(" ").trim().split(/\s+/)).toEqual(words);
  await page.emulateMedia({ media: "print" });
  await expect(page.locator("#backup-list")).toBeVisible();
  await expect(page.locator("#backup-sheet"), "the sheet says whose they are").toBeVisible();
  await expect(page.locator("#backup-sheet")).toHaveText(whose);
  await expect(page.locator("#backup-active"), "and that they work").toBeVisible();
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

test("words that were saved work, though nobody typed them back", async ({ page, browser, server, watch }) => {
  await register(page, watch, "anna");
  const words = await wordsOn(page);
  const backup = page.locator("#backup");
  await expect(backup).toHaveAttribute("data-active", "no");
  await expect(page.locator("#backup-active")).toContainText("Not active yet");
  const text = await saveWords(page);
  expect(text).toContain("\nActive: ");
  expect(text).not.toContain("NOT ACTIVE");
  await expect(backup).toHaveAttribute("data-active", "yes");
  await expect(page.locator("#backup-active")).toContainText("Active: from now on");
  expect(await wordsOn(page), "they are still there").toEqual(words);
  let asked = 0;
  page.on("dialog", (dialog) => {
    asked += 1;
    void dialog.accept();
  });
  await page.getByRole("link", { name: "Open your profile" }).click();
  await expect(page).toHaveURL("/@anna");
  expect(asked, "nothing keeps anybody").toBe(0);

  const rescue = await Visitor.fresh(browser, server);
  await recoverWith(rescue.page, "anna", words);
  await expect(rescue.page.locator("#recover")).toHaveAttribute("data-state", "choose");
  await rescue.leave();
});

for (const [how, does] of [
  ["printed", (page: Page) => page.getByRole("button", { name: "Print" }).click()],
  ["copied", (page: Page) => page.locator("#backup-list").dispatchEvent("copy")],
  ["printed from the browser's menu", (page: Page) => page.evaluate(() => dispatchEvent(new Event("beforeprint")))],
  ["said to be written down", (page: Page) => page.getByRole("button", { name: "I have written them down" }).click()],
] as const) {
  test(`words that were ${how} work`, async ({ page, server, watch }) => {
    const key = await register(page, watch, "anna");
    await wordsOn(page);
    await does(page);
    await expect(page.locator("#backup")).toHaveAttribute("data-active", "yes");
    const state = await page.request.get(`${server.url}/v1/sigchains/ed25519/${key.slice("ed25519:".length)}/state`);
    expect(((await state.json()) as { rotation_keys: string[] }).rotation_keys).toHaveLength(2);
    await open(page, "/identity");
    await expect(page.locator("#backup")).toHaveAttribute("data-state", "done");
  });
}

test("words that do nothing yet are called so, and leaving them is stopped", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await wordsOn(page);
  await expect(page.locator("#backup-active")).toContainText("Not active yet: these words do nothing so far");
  const asked: string[] = [];
  page.once("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.dismiss();
  });
  await page.getByRole("link", { name: "Open your profile" }).click();
  await expect.poll(() => asked).toEqual(["beforeunload"]);
  await expect(page).toHaveURL("/register");
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "words");
  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByRole("link", { name: "Open your profile" }).click();
  await expect(page).toHaveURL("/@anna");
  await open(page, "/identity");
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "none");
  await expect(page.locator("#backup")).toContainText("Words that you noted without finishing do nothing");
});

test("a file of words that could not be made active says so, and saving again makes one that works", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await wordsOn(page);
  watch.expectFailedLoad("/v1/sigchains/", "net::ERR_FAILED");
  const fails = (route: Route) => route.abort();
  await page.route("**/v1/sigchains/**/events", fails);
  expect(await saveWords(page)).toContain("\nNOT ACTIVE YET: ");
  await expect(page.locator("#backup-error")).toContainText("Your words are still good");
  await expect(page.locator("#backup")).toHaveAttribute("data-active", "no");
  await page.unroute("**/v1/sigchains/**/events", fails);
  expect(await saveWords(page)).toContain("\nActive: ");
  await expect(page.locator("#backup-error")).toBeEmpty();
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
  await expect(page.locator("#backup-error")).toContainText("Your words are still good");
  for (const field of await page.locator("#backup-fields input").all()) {
    await field.fill(words[Number(await field.getAttribute("data-word")) - 1] ?? "");
  }
  await page.getByRole("button", { name: "Check and finish" }).click();
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "done");
});

test("without the list of words, or with another, there are none; with it, there are", async ({ page, watch }) => {
  await register(page, watch, "anna");
  watch.expectFailedLoad("/bip39-english.txt", "net::ERR_FAILED");
  // The page before may ask for it, too, so how often it was asked for decides nothing.
  let list: "away" | "another" | "there" = "away";
  await page.route("**/bip39-english.txt", async (route) => {
    if (list === "away") return route.abort();
    if (list === "there") return route.continue();
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace("zoo", "zap") });
  });
  await open(page, "/identity");
  const make = page.getByRole("button", { name: "Make recovery words" });
  await make.click();
  await expect(page.locator("#backup-error")).toContainText("Check your connection");
  list = "another";
  await make.click();
  await expect(page.locator("#backup-error")).toContainText("is not the published one");
  await expect(page.locator("#backup-list li")).toHaveCount(0);
  list = "there";
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
