// The pages as a person uses them.
import { type Page, expect } from "@playwright/test";

import type { Watch } from "./watch.ts";

/** Opens a page and waits until it is alive. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await alive(page);
}

/** Until every island of the page runs. */
export async function alive(page: Page): Promise<void> {
  await expect(page.locator("html")).toHaveAttribute("data-app", "ready");
}

/** Types a name and waits for what the page says of it. */
export async function type(page: Page, name: string, answer: string): Promise<void> {
  await page.getByLabel("Handle").fill(name);
  await expect(page.locator("#handle-answer")).toHaveAttribute("data-state", answer);
}

/** From the name to the signature, with the keys made; the key's id. */
export async function makeKeys(page: Page, watch: Watch, handle: string): Promise<string> {
  // Chromium logs the answer to every lookup of a free name.
  watch.expectFailedLoad("/v1/u/", 404);
  await open(page, "/register");
  await type(page, handle, "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
  const key = await keyIn(page, "#register-key");
  watch.seedOf(key);
  return key;
}

/** From the signature to the end. */
export async function sign(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^(Sign and register|Try again)$/ }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "done");
}

/** From nothing to a registered handle; the key's id. */
export async function register(page: Page, watch: Watch, handle: string): Promise<string> {
  const key = await makeKeys(page, watch, handle);
  await sign(page);
  return key;
}

/** The key that an element shows: its text, exactly. */
export async function keyIn(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).textContent()) ?? "";
}
