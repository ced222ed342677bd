// With the keyboard alone.
import type { Locator, Page } from "@playwright/test";

import { alive, open } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

/** Presses Tab until `target` has the keyboard, and checks that it shows. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < 20; presses += 1) {
    await page.keyboard.press("Tab");
    const outline = await target.evaluate((element) => {
      if (element !== document.activeElement) return null;
      // The frame of a field shows it for the field.
      return getComputedStyle(element.closest(".field") ?? element).outlineStyle;
    });
    if (outline === null) continue;
    expect(outline, "where the keyboard is must show").not.toBe("none");
    return;
  }
  throw new Error(`20 presses of Tab do not lead to ${target}`);
}

test("the first press of Tab offers to skip to the content", async ({ page }) => {
  await open(page, "/register");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByLabel("Handle"));
});

test("from the landing page to a released name", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  await open(page, "/");
  await tabTo(page, page.getByLabel("Handle"));
  await page.keyboard.type("anna");
  await expect(page.getByRole("button", { name: "Claim it" })).toBeEnabled();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL("/register?handle=anna");
  await alive(page);
  await expect(page.getByRole("button", { name: "Continue" })).toBeEnabled();
  await tabTo(page, page.getByRole("button", { name: "Continue" }));
  await page.keyboard.press("Enter");

  await expect(page.locator("#sign-title"), "what opened is where the keyboard is").toBeFocused();
  await tabTo(page, page.locator("#step-sign summary"));
  await page.keyboard.press("Enter");
  await expect(page.locator("#statement")).toBeVisible();
  await tabTo(page, page.getByRole("button", { name: "Sign and register" }));
  await page.keyboard.press("Space");
  await expect(page.locator("#backup"), "the words are there").toHaveAttribute("data-state", "words");
  await expect(page.locator("#done-title"), "and do not take the keyboard").toBeFocused();
  await tabTo(page, page.getByRole("link", { name: "Keep it safe" }));
  await page.keyboard.press("Enter");

  await expect(page).toHaveURL("/identity");
  await alive(page);
  await tabTo(page, page.locator("#release > summary"));
  await page.keyboard.press("Enter");
  await tabTo(page, page.locator("#release-confirm"));
  await page.keyboard.type("anna");
  await tabTo(page, page.getByRole("button", { name: "Release @anna" }));
  await page.keyboard.press("Enter");
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "released");
});

test("nothing moves for people who asked for that", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open(page, "/register?handle=anna");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#step-sign")).toHaveAttribute("data-state", "open");
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll("*")].filter((element) => {
      const { animationDuration, animationName, transitionDuration } = getComputedStyle(element);
      const lasts = (durations: string) => durations.split(",").some((duration) => parseFloat(duration) > 0);
      return (animationName !== "none" && lasts(animationDuration)) || lasts(transitionDuration);
    }).length,
  );
  expect(moving).toBe(0);
});
