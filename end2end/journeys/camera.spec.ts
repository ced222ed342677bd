// A second browser whose code is read by a camera instead of being typed.
import { look } from "../support/camera.ts";
import { keepWords } from "../support/chain.ts";
import { alive, open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

for (const colorScheme of ["light", "dark"] as const) {
  test(`a browser is added by its QR code, without typing, in ${colorScheme} colours`, async ({ page, browser, server, watch }) => {
    await register(page, watch, "anna");
    await keepWords(page);
    const laptop = await Visitor.fresh(browser, server, { colorScheme });
    await open(laptop.page, "/join");
    await expect(laptop.page.locator("#join"), "what the form needs is loaded").toHaveAttribute("data-state", "start");
    await laptop.page.getByLabel("Your handle").fill("anna");
    await laptop.page.getByRole("button", { name: "Show a code" }).click();
    await expect(laptop.page.locator("#join")).toHaveAttribute("data-state", "offering");
    const code = (await laptop.page.locator("#join-code").textContent()) ?? "";
    const key = (await laptop.page.locator("#join-key code").textContent()) ?? "";
    await laptop.page.getByText("Or point its camera here").click();
    const seen = await look(laptop.page.getByRole("img", { name: "QR code of the code above" }));
    expect(seen.text, "the code in it is the one to type").toBe(`${server.url}/identity#add=${code}`);
    expect(seen.quiet, "light around it").toBeGreaterThanOrEqual(4);

    // Once in a tab of its own, once where the page is open already and only what is behind its `#` changes.
    if (colorScheme === "dark") await open(page, "/identity");
    await page.goto(seen.text);
    await alive(page);
    await expect(page.getByLabel("Code")).toHaveValue(code);
    await page.getByRole("button", { name: "Look it up" }).click();
    await expect(page.locator("#device-offer code")).toHaveText(key);
    const picture = await laptop.page.locator("#join-key svg").innerHTML();
    expect(await page.locator("#device-offer svg").innerHTML(), "the same picture on both").toBe(picture);
    await page.getByRole("button", { name: "The pictures are the same: add it" }).click();
    await expect(page.locator(`#devices-list li[data-key="${key}"]`)).toHaveAttribute("data-role", "device");
    await expect(laptop.page.locator("#join")).toHaveAttribute("data-state", "added");
    await laptop.leave();
  });
}
