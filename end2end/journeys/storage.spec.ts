// Browsers whose storage does not answer, is full, or is busy: each cause in its own words, and a way on.
import type { Page } from "@playwright/test";

import { Person } from "../support/kez.ts";
import { alive, open, register, type } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { kept } from "../support/vault.ts";

/** What a page says of storage that has not answered for five seconds. */
const SILENT = "storage does not answer";

/** Opening a database of this name fires nothing until the page is told to `speak`. */
async function silence(page: Page, database: string): Promise<() => Promise<void>> {
  await page.addInitScript((database) => {
    const open = IDBFactory.prototype.open;
    let isSilent = true;
    Object.assign(globalThis, { speak: () => (isSilent = false) });
    IDBFactory.prototype.open = function (name, version) {
      return isSilent && name === database ? ({} as IDBOpenDBRequest) : open.call(this, name, version);
    };
  }, database);
  return () => page.evaluate(() => (globalThis as unknown as { speak: () => void }).speak());
}

test("/register says that the storage does not answer, and goes on when it does", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  const speak = await silence(page, "kez-chat");
  await open(page, "/register");
  await expect(page.locator("#register-error")).toContainText(SILENT);
  await speak();
  await page.locator("#register").getByRole("button", { name: "Try again" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "name");
  await expect(page.locator("#register-error")).toBeEmpty();
  await type(page, "anna", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
});

test("/identity says that the storage does not answer, and goes on when it does", async ({ page }) => {
  const speak = await silence(page, "kez-chat");
  await open(page, "/identity");
  await expect(page.locator("#identity-error")).toContainText(SILENT);
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "unavailable");
  await speak();
  await page.locator("#identity").getByRole("button", { name: "Try again" }).click();
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "empty");
  await expect(page.locator("#identity-error")).toBeEmpty();
});

for (const [path, name] of [["/recover", "recover"], ["/join", "join"]] as const) {
  test(`${path} says that the storage does not answer, and has its form all the same`, async ({ page, watch }) => {
    watch.expectFailedLoad("/v1/u/anna", 404);
    const speak = await silence(page, "kez-chat");
    await open(page, path);
    await expect(page.locator(`#${name}-error`)).toContainText(SILENT);
    await expect(page.locator(`#${name}-form`)).toBeVisible();
    await speak();
    await page.locator(`#${name}-handle`).fill("anna");
    await page.locator(`#${name}-form`).getByRole("button").click();
    await expect(page.locator(`#${name}-error`), "another answer than before").not.toContainText(SILENT);
    await expect(page.locator(`#${name}-error`)).not.toBeEmpty();
  });
}

test.describe("with a broker", () => {
  test.use({ withBroker: true });

  test("a profile says that it cannot find out who is here, and goes on when it can", async ({ page, server, watch }) => {
    await Person.called("bob", server);
    await register(page, watch, "anna");
    const speak = await silence(page, "kez-chat");
    await open(page, "/@bob");
    await expect(page.locator("#contact-unavailable")).toContainText(SILENT);
    await speak();
    await page.locator("#contact-lost").getByRole("button", { name: "Try again" }).click();
    await expect(page.locator("#contact")).toHaveAttribute("data-state", "ready");
    await expect(page.locator("#contact-lost")).toBeHidden();
  });

  test("contact requests that cannot be read say so, and are there when they can", async ({ page, watch }) => {
    await register(page, watch, "anna");
    const speak = await silence(page, "kez-chat-contacts");
    await open(page, "/identity");
    await expect(page.locator("#contacts-error")).toContainText(SILENT);
    await speak();
    await page.locator("#requests").getByRole("button", { name: "Try again" }).click();
    await expect(page.locator("#requests")).toHaveAttribute("data-state", "empty");
    await expect(page.locator("#contacts-error")).toBeEmpty();
  });
});

test("a database that opens when nobody waits any more is closed, and half of nothing is done", async ({ page, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  await open(page, "/register");
  await page.evaluate(() => {
    const open = IDBFactory.prototype.open;
    const late: (() => void)[] = [];
    Object.assign(globalThis, { late });
    IDBFactory.prototype.open = function (name, version) {
      const request = open.call(this, name, version);
      request.addEventListener("success", (event) => {
        event.stopImmediatePropagation();
        late.push(() => request.onsuccess?.(event));
      });
      return request;
    };
    Object.assign(globalThis, { speak: () => (IDBFactory.prototype.open = open) });
  });
  await type(page, "anna", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register-error")).toContainText(SILENT);
  await page.evaluate(() => {
    const { late, speak } = globalThis as unknown as { late: (() => void)[]; speak: () => void };
    speak();
    for (const answer of late) answer();
  });
  expect(await kept(page), "no key that nobody knows of").toBeNull();
  const deleted = page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const request = indexedDB.deleteDatabase("kez-chat");
        request.onsuccess = () => resolve("deleted");
        request.onblocked = () => resolve("blocked");
      }),
  );
  expect(await deleted, "nothing holds it open").toBe("deleted");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
});

test("a full disk is called a full disk", async ({ page, context, server, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  await open(page, "/register");
  const devtools = await context.newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: server.url, quotaSize: 1 });
  await type(page, "anna", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register-error")).toContainText("There is no space left");
  await expect(page.locator("#register-error")).not.toContainText("other tabs");
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: server.url });
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
});

test("a database of a newer page asks for that page", async ({ page }) => {
  await open(page, "/docs");
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const request = indexedDB.open("kez-chat", 7);
        request.onsuccess = () => {
          request.result.close();
          resolve();
        };
      }),
  );
  await open(page, "/register");
  await expect(page.locator("#register-error")).toContainText("an older version of this page");
  await page.evaluate(() => indexedDB.deleteDatabase("kez-chat"));
  await expect(page.locator("#register").getByRole("button", { name: "Try again" })).toBeVisible();
});

test("a database that another tab keeps busy names the other tab", async ({ page }) => {
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      const request = {} as IDBOpenDBRequest;
      setTimeout(() => request.onblocked?.({ type: "blocked" } as IDBVersionChangeEvent));
      return request;
    };
  });
  await page.goto("/identity");
  await alive(page);
  await expect(page.locator("#identity-error")).toContainText("Close other tabs of this page");
});
