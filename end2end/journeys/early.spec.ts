// Pages whose program is still on its way: a form that nobody hears yet would be sent as browsers send forms, and what was
// typed into it would be gone.
import { alive } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

for (const path of ["/join", "/recover"]) {
  test(`nothing can be sent at ${path} before its program is there`, async ({ page }) => {
    let arrive = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    await page.route("**/split_sigchain*.wasm", async (route) => {
      await arrived;
      await route.continue();
    });
    await page.goto(path);
    await alive(page);
    const send = page.getByRole("button", { name: /^(Show a code|Look at the identity)$/ }).and(page.locator(":enabled"));
    await expect(send).toHaveCount(0);
    arrive();
    await expect(send).toHaveCount(1);
  });
}
