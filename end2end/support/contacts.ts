// Being in touch, as people do it in the pages.
import { type Page, expect } from "@playwright/test";

import { alive, open } from "./pages.ts";

/** Opens the identity page and waits for the broker. */
export async function connected(page: Page, handle: string): Promise<void> {
  await open(page, "/identity");
  await expect(page.locator("#connection")).toHaveAttribute("data-state", "connected");
  await expect(page.locator("#connection-state")).toHaveText(`Connected as @${handle}`);
}

/** Asks the owner of a profile to be in touch, and waits for the broker's word. */
export async function ask(page: Page, handle: string): Promise<void> {
  await page.goto(`/@${handle}`);
  await alive(page);
  await page.getByRole("button", { name: "Send a contact request" }).click();
  await expect(page.locator("#contact")).toHaveAttribute("data-state", "delivered");
}

/** The card of somebody who asks. */
export const asking = (page: Page, key: string) => page.locator(`#requests li[data-key="${key}"]`);

/** How many people ask. */
export const everybody = (page: Page) => page.locator("#requests li");
