// Every page in every state, small and large, light and dark: no rule of axe is broken and nothing is cut off. The
// pictures are for people, in test-results/looks/.
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type { AxeResults, RunOptions } from "axe-core";

import { expect, test } from "../support/test.ts";
import { type Look, chain, identity, landing, messages, reading, registering } from "../support/tour.ts";
import { Visitor } from "../support/visitor.ts";

declare global {
  interface Window {
    axe: { run(options: RunOptions): Promise<AxeResults> };
  }
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const sizes = { small: { width: 320, height: 640 }, large: { width: 1440, height: 900 } };

for (const colorScheme of ["light", "dark"] as const) {
  for (const [size, viewport] of Object.entries(sizes)) {
    test.describe(`${colorScheme}, ${viewport.width} px`, () => {
      // With motion, a colour may be looked at half-way to its value.
      test.use({ colorScheme, viewport, contextOptions: { reducedMotion: "reduce" } });

      let look: Look;
      const lookAt = (page: Page, outputDir: string) => async (name: string) => {
        const path = join(outputDir, "looks", `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
        expect.soft(await wider(page), `${name} scrolls sideways`).toEqual([]);
        expect.soft(await violations(page), `${name}: axe`).toEqual([]);
      };
      test.beforeEach(async ({ page }, { project }) => {
        await page.addInitScript({ path: AXE });
        look = lookAt(page, project.outputDir);
      });

      test("the landing page", ({ page, server, watch }) => landing(page, server, watch, look));
      test("registering", ({ page, server, watch }) => registering(page, server, watch, look));
      test("the identity", ({ page, watch }) => identity(page, watch, look));
      test("what is only read", ({ page, server, watch }) => reading(page, server, watch, look));
      test("the chain", async ({ page, browser, server, watch }, { project }) => {
        test.slow();
        const other = await Visitor.fresh(browser, server, { colorScheme, viewport, reducedMotion: "reduce" });
        await other.page.addInitScript({ path: AXE });
        await chain(page, other.page, server, watch, look, lookAt(other.page, project.outputDir));
        await other.leave();
      });
      test.describe("with a broker", () => {
        test.use({ withBroker: true });
        test("being in touch", ({ page, server, watch }) => {
          test.slow();
          return messages(page, server, watch, look);
        });
      });
    });
  }
}

/** What makes the page wider than the window. */
async function wider(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const out = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > clientWidth + 0.5);
    return [`${scrollWidth} px`, ...out.map((element) => `${element.tagName} ${element.id} ${element.className}`)];
  });
}

/** Broken rules, with where and why. */
async function violations(page: Page): Promise<string[]> {
  const run = (values: string[]) => window.axe.run({ runOnly: { type: "tag", values } });
  const { passes, violations } = await page.evaluate(run, RULES);
  expect(passes.map(({ id }) => id), "axe looked at the page").toContain("color-contrast");
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}
