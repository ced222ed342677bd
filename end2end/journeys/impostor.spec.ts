// Profiles that a server, or somebody on the way, made up.
import type { Page } from "@playwright/test";

import { type Envelope, Impostor } from "../support/envelope.ts";
import { Person } from "../support/kez.ts";
import { open } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

/** Shows `key` in the place of the one that the card is about. */
async function showKey(page: Page, key: string): Promise<void> {
  await page.route("/@anna", async (route) => {
    const answer = await route.fetch();
    const html = await answer.text();
    const groups = key.slice(8).match(/.{4}/g) ?? [];
    const shown = `<span class="key-suite">ed25519:</span>${groups.map((group) => `<span>${group}</span>`).join("")}`;
    const forged = html.replace(/(<code id="profile-key"[^>]*>).*?(<\/code>)/, `$1${shown}$2`);
    expect(forged, "there is a key to forge").not.toBe(html);
    await route.fulfill({ response: answer, body: forged });
  });
}

/** Serves what `forge` makes of the real registration. */
async function serve(page: Page, forge: (real: Envelope) => Envelope | string): Promise<void> {
  await page.route("/v1/u/anna/registration", async (route) => {
    const answer = await route.fetch();
    const forged = forge((await answer.json()) as Envelope);
    await route.fulfill({ response: answer, body: typeof forged === "string" ? forged : JSON.stringify(forged) });
  });
}

const impostor = new Impostor();

const forgeries: Record<string, { key?: true; forge?: (real: Envelope, server: string) => Envelope | string; check: string }> = {
  "another key on the card": { key: true, check: "signature" },
  "another key's registration": { forge: (_, server) => impostor.registration("anna", server), check: "signature" },
  "another key on the card and in the registration, which it did not sign": {
    key: true,
    forge: ({ kez, payload, signature }) => ({
      kez,
      payload: { ...payload, primary: impostor.key },
      signature: { ...signature, key: impostor.key },
    }),
    check: "signature",
  },
  "another key on the card, and its registration of another name": {
    key: true,
    forge: (_, server) => impostor.registration("berta", server),
    check: "handle",
  },
  "another key on the card, and its registration on another server": {
    key: true,
    forge: () => impostor.registration("anna", "kez.example"),
    check: "server",
  },
  "a signature with one digit changed": {
    forge: (real) => {
      const { sig } = real.signature;
      return { ...real, signature: { ...real.signature, sig: `${sig.startsWith("0") ? "1" : "0"}${sig.slice(1)}` } };
    },
    check: "signature",
  },
  "a registration with a member too many": {
    forge: (real) => ({ ...real, payload: { ...real.payload, admin: 1 } }),
    check: "signature",
  },
  "something else in the registration's place": { forge: () => "<p>Welcome to the hotel's network</p>", check: "signature" },
};

for (const [what, { key, forge, check }] of Object.entries(forgeries)) {
  test(`exposed: ${what}`, async ({ page, server }) => {
    await Person.called("anna", server);
    if (key !== undefined) await showKey(page, impostor.key);
    if (forge !== undefined) await serve(page, (real) => forge(real, server.name));
    await open(page, "/@anna");
    const proof = page.locator("#proof");
    await expect(proof).toHaveAttribute("data-state", "failed");
    await expect(page.getByRole("heading", { name: "Do not trust this card" })).toBeVisible();
    await expect(proof.getByRole("alert")).not.toBeEmpty();
    await expect(proof.locator("li[data-state=bad]")).toHaveAttribute("data-check", check);
    await expect(page.getByText("Checked by your browser just now")).toHaveCount(0);
  });
}

test("a picture that is not the key's is drawn over", async ({ page, server }) => {
  const anna = await Person.called("anna", server);
  const other = await Person.called("berta", server);
  const pictureOf = (html: string) => /<svg class="fingerprint.*?<\/svg>/.exec(html)?.[0] ?? "";
  const forged = pictureOf(await (await page.request.get("/@berta")).text());
  await page.route("/@anna", async (route) => {
    const answer = await route.fetch();
    const html = await answer.text();
    await route.fulfill({ response: answer, body: html.replace(pictureOf(html), forged) });
  });
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(page.getByRole("img", { name: anna.key.slice(8, 16) })).toBeVisible();
  await expect(page.getByRole("img", { name: other.key.slice(8, 16) })).toHaveCount(0);
});

test("a lie without a seam passes the check, and shows another picture", async ({ page, server }) => {
  // Who has never seen the key cannot know better. Who has, compares.
  const anna = await Person.called("anna", server);
  await open(page, "/@anna");
  const picture = page.locator("#profile-picture");
  await expect(picture.getByRole("img", { name: anna.key.slice(8, 16) })).toBeVisible();
  const known = await picture.innerHTML();
  await showKey(page, impostor.key);
  await serve(page, () => impostor.registration("anna", server.name));
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  expect(await picture.innerHTML()).not.toBe(known);
});

test("a check that cannot be made is no false alarm, and can be made later", async ({ page, server, watch }) => {
  watch.expectFailedLoad("/v1/u/anna/registration", "net::ERR_INTERNET_DISCONNECTED", 503);
  await Person.called("anna", server);
  await page.route("/v1/u/anna/registration", (route) => route.abort("internetdisconnected"));
  await open(page, "/@anna");
  const proof = page.locator("#proof");
  await expect(page.getByRole("heading", { name: "Your browser could not check this card" })).toBeVisible();
  await expect(proof).toHaveAttribute("data-state", "unchecked");
  await expect(proof.getByRole("alert")).toBeEmpty();
  await expect(proof.locator("li[data-state=waiting]:visible")).toHaveCount(4);
  await expect(proof).toContainText("Check your connection");

  await page.unroute("/v1/u/anna/registration");
  await page.route("/v1/u/anna/registration", (route) => route.fulfill({ status: 503, body: "<h1>Bad gateway</h1>" }));
  await page.getByRole("button", { name: "Check again" }).click();
  await expect(proof).toContainText("The server cannot do this at the moment");
  await expect(proof).toHaveAttribute("data-state", "unchecked");

  await page.unroute("/v1/u/anna/registration");
  await page.getByRole("button", { name: "Check again" }).click();
  await expect(proof).toHaveAttribute("data-state", "verified");
});
