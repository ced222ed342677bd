// Pages whose program does not start: each cause in its own words, on every page that has something to start.
import { Person } from "../support/kez.ts";
import { alive } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

const PAGES = ["/", "/register", "/identity", "/join", "/recover", "/@anna"];

for (const path of PAGES) {
  test(`${path} without WebAssembly says what it needs`, async ({ page, server, watch }) => {
    watch.expect(/preload/);
    await Person.called("anna", server);
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, "WebAssembly"));
    await page.goto(path);
    await expect(page.locator("html")).toHaveAttribute("data-app", "failed");
    const trouble = page.locator("#app-trouble");
    await expect(trouble).toContainText("needs WebAssembly, and this browser does not run it");
    await expect(trouble.getByRole("button")).toHaveCount(0);
  });

  test(`${path} of before the server was updated asks to be loaded again`, async ({ page, server, watch }) => {
    watch.expectFailedLoad("/pkg/gone.js", 404);
    watch.expect(/gone\.js|preload/);
    await Person.called("anna", server);
    const old = async (route: import("@playwright/test").Route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace(/\/pkg\/kez-chat[^"]*\.js/g, "/pkg/gone.js") });
    };
    await page.route((url) => url.pathname === path, old, { times: 1 });
    await page.goto(path);
    const trouble = page.locator("#app-trouble");
    await expect(trouble).toContainText("This page is older than its server");
    await expect(trouble).not.toContainText("JavaScript");
    await trouble.getByRole("button", { name: "Load the page again" }).click();
    await alive(page);
    await expect(trouble).toBeHidden();
  });
}

test("a program that does not arrive is no fault of the browser's", async ({ page, watch }) => {
  watch.expect(/pkg\/.*\.wasm|WebAssembly|Failed to fetch|preload/);
  const away = (route: import("@playwright/test").Route) => route.abort();
  await page.route("**/*.wasm", away);
  await page.goto("/register");
  await expect(page.locator("html")).toHaveAttribute("data-app", "failed");
  const trouble = page.locator("#app-trouble");
  await expect(trouble).toContainText("did not arrive. Check your connection");
  await page.unroute("**/*.wasm", away);
  await trouble.getByRole("button", { name: "Load the page again" }).click();
  await alive(page);
});

test("a program that stops says so", async ({ page, watch }) => {
  watch.expect(/unreachable/);
  await page.goto("/register");
  await alive(page);
  await page.evaluate(() => {
    // The smallest program that does: one function, whose body is `unreachable`.
    const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11];
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)));
    setTimeout(exports.f as () => void);
  });
  await expect(page.locator("html")).toHaveAttribute("data-reason", "stopped");
  await expect(page.locator("#app-trouble")).toContainText("The program of this page stopped");
});
