// From the landing page to a name, and the key behind it.
import { keepWords } from "../support/chain.ts";
import { alive, keyIn, makeKeys, open, register, sign, type } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { kept } from "../support/vault.ts";

test("a name searched for on the landing page is registered, and its profile proves itself", async ({ page, server, watch }) => {
  watch.expectFailedLoad("/v1/u/anna", 404);
  await open(page, "/");
  await type(page, "anna", "free");
  await page.getByRole("button", { name: "Claim it" }).click();
  await expect(page).toHaveURL("/register?handle=anna");
  await alive(page);
  await expect(page.getByLabel("Handle")).toHaveValue("anna");
  await page.getByRole("button", { name: "Continue" }).click();

  await expect(page.locator("#step-sign")).toHaveAttribute("data-state", "open");
  const key = await keyIn(page, "#register-key");
  watch.seedOf(key);
  await expect(page.getByRole("img", { name: `Picture of the key ${key.slice(8, 16)}…` })).toBeVisible();
  await page.getByText("The exact text that is signed").click();
  const statement: unknown = JSON.parse(await page.locator("#statement").innerText());
  expect(statement).toMatchObject({ type: "kez.chat.handle_registration", handle: "anna", server: server.name, primary: key });

  const sent = page.waitForRequest("/v1/register");
  await page.getByRole("button", { name: "Sign and register" }).click();
  expect((await sent).postDataJSON(), "what was shown is what was signed").toMatchObject({ payload: statement });
  await page.getByRole("link", { name: "Open your profile" }).click();
  await alive(page);
  await expect(page).toHaveURL("/@anna");
  await expect(page.locator("#profile-name")).toHaveText(`anna@${server.name}`);
  expect(await keyIn(page, "#profile-key")).toBe(key);
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(page.getByRole("heading", { name: "Checked by your browser just now" })).toBeVisible();
  await expect(page.locator("#proof li[data-state=good]")).toHaveCount(4);
});

test("reloading keeps the key, before the signature and after it", async ({ page, watch, context }) => {
  const key = await makeKeys(page, watch, "berta");
  watch.expectFailedLoad("/v1/k/", 404);
  await page.reload();
  await alive(page);
  await expect(page.locator("#register")).toHaveAttribute("data-step", "sign");
  await expect(page.locator("#register-note")).toContainText("still here");
  expect(await keyIn(page, "#register-key"), "the key of before").toBe(key);
  await sign(page);
  await expect(page.locator("#step-done")).toContainText("is yours");

  await open(page, "/identity");
  await expect(page.locator("#identity")).toHaveAttribute("data-state", "registered");
  await page.reload();
  await expect(page.locator("#identity-proven")).toHaveAttribute("data-state", "proven");
  expect(await keyIn(page, "#identity-key")).toBe(key);
  const other = await context.newPage();
  await open(other, "/register");
  await expect(other.locator("#register")).toHaveAttribute("data-step", "held");
  await expect(other.getByRole("heading", { name: "This browser already holds berta" })).toBeVisible();
});

test("the seed stays sealed, under a key that the browser does not give away", async ({ page, server, watch }) => {
  const key = await register(page, watch, "carla");
  await keepWords(page);
  const state = await page.request.get(`${server.url}/v1/sigchains/ed25519/${key.slice("ed25519:".length)}/state`);
  const recovery = ((await state.json()) as { rotation_keys: string[] }).rotation_keys[0] ?? "";
  const record = await kept(page);
  expect(record).toMatchObject({ key, stage: "registered", handle: "carla", extractable: false });
  expect(record?.exports).toEqual(["InvalidAccessError", "InvalidAccessError"]);
  expect(record?.sealedBytes, "a nonce, 32 bytes and a tag").toBe(24 + 32 + 16);
  const dataKey = Buffer.from(record?.dataKey ?? []);
  const drawn = [watch.seedOf(key), dataKey, watch.seedOf(recovery)];
  expect(watch.drawn, "two seeds and the data key, and nothing else of that size").toEqual(drawn);
});

test("a name can be changed until it is signed, and the key stays", async ({ page, watch }) => {
  const key = await makeKeys(page, watch, "dorothea");
  await page.getByRole("button", { name: "Change the name" }).click();
  await type(page, "dora", "free");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#step-sign")).toHaveAttribute("data-state", "open");
  expect(await keyIn(page, "#register-key")).toBe(key);
  await sign(page);
  await expect(page.locator("#step-done")).toContainText("dora@");
  expect(await kept(page)).toMatchObject({ key, handle: "dora", stage: "registered" });
});
