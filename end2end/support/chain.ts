// An identity's chain, as people and thieves work on it.
import { type KeyObject, createPrivateKey } from "node:crypto";

import { type Page, expect } from "@playwright/test";

import { type Envelope, Impostor } from "./envelope.ts";
import { open } from "./pages.ts";
import type { Server } from "./server.ts";
import type { Look } from "./tour.ts";

/** The words that a page shows. */
export async function wordsOn(page: Page): Promise<string[]> {
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "words");
  await expect(page.locator("#backup-list li")).toHaveCount(24);
  return page.locator("#backup-list li").allTextContents();
}

/** Types back the words that are asked for, and sends the event that puts them to use. */
export async function typeWords(page: Page, words: string[]): Promise<void> {
  await page.getByRole("button", { name: "I have written them down" }).click();
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "check");
  for (const field of await page.locator("#backup-fields input").all()) {
    await field.fill(words[Number(await field.getAttribute("data-word")) - 1] ?? "");
  }
  await page.getByRole("button", { name: "Check and finish" }).click();
}

/** Types back the words that are asked for, and waits until they are in use. */
export async function typeBack(page: Page, words: string[]): Promise<void> {
  await typeWords(page, words);
  await expect(page.locator("#backup")).toHaveAttribute("data-state", "done");
}

/** From the end of a registration to a chain with a recovery key; its words. */
export async function keepWords(page: Page): Promise<string[]> {
  const words = await wordsOn(page);
  await typeBack(page, words);
  return words;
}

/** On any browser: the words are typed in, and what they can do is looked at. */
export async function recoverWith(page: Page, handle: string, words: string[]): Promise<void> {
  await open(page, "/recover");
  await expect(page.locator("#recover-form"), "what the form needs is loaded").toBeVisible();
  await page.getByLabel("Handle", { exact: true }).fill(handle);
  await page.getByLabel("The 24 words").fill(words.join(" "));
  await page.getByRole("button", { name: "Look at the identity" }).click();
}

/** A second browser asks, and the first one adds it; the new key. */
export async function join(fresh: Page, holder: Page, handle: string, there?: Look, here?: Look): Promise<string> {
  await open(fresh, "/join");
  await expect(fresh.locator("#join"), "what the form needs is loaded").toHaveAttribute("data-state", "start");
  await fresh.getByLabel("Your handle").fill(handle);
  await fresh.getByRole("button", { name: "Show a code" }).click();
  await expect(fresh.locator("#join")).toHaveAttribute("data-state", "offering");
  const code = (await fresh.locator("#join-code").textContent()) ?? "";
  const key = (await fresh.locator("#join-key code").textContent()) ?? "";
  await there?.("join-code");
  const picture = await fresh.locator("#join-key svg").innerHTML();
  await open(holder, "/identity");
  await holder.getByLabel("Code").fill(code.toLowerCase());
  await holder.getByRole("button", { name: "Look it up" }).click();
  await expect(holder.locator("#device-offer code")).toHaveText(key);
  expect(await holder.locator("#device-offer svg").innerHTML(), "the same picture on both").toBe(picture);
  await here?.("identity-offer");
  await holder.getByRole("button", { name: "The pictures are the same: add it" }).click();
  await expect(holder.locator(`#devices-list li[data-key="${key}"]`)).toHaveAttribute("data-role", "device");
  await expect(fresh.locator("#join")).toHaveAttribute("data-state", "added");
  return key;
}

/** Somebody who got hold of a key's seed, and uses it with a program of their own. */
export class Thief {
  readonly stolen: Impostor;
  readonly #server: Server;

  constructor(seed: Buffer, server: Server) {
    this.stolen = new Impostor(secretOf(seed));
    this.#server = server;
  }

  /** Makes a key of the thief's the primary, with no other that could rotate; the key. */
  async rotateAway(chain: string): Promise<string> {
    const own = new Impostor();
    await append(chain, this.#server, (place) => this.stolen.rotation(place, own));
    return own.key;
  }
}

/** Ends an identity, as its owner may with the seed of a key that can rotate and a program of their own. */
export async function end(chain: string, seed: Buffer, server: Server): Promise<void> {
  await append(chain, server, (place) => new Impostor(secretOf(seed)).event("deactivate", place, { reason: "enough" }));
}

type Place = { chain: string; seq: number; prev: string };

/** Puts an event behind the head of a chain. */
async function append(chain: string, server: Server, event: (place: Place) => Envelope): Promise<void> {
  const path = `${server.url}/v1/sigchains/ed25519/${chain.slice("ed25519:".length)}`;
  const { seq, hash } = (await (await fetch(`${path}/head`)).json()) as { seq: number; hash: string };
  const headers = { "content-type": "application/json", "if-match": `"${hash}"` };
  const body = JSON.stringify(event({ chain, seq: seq + 1, prev: hash }));
  const answer = await fetch(`${path}/events`, { method: "POST", headers, body });
  expect(answer.status, await answer.text()).toBe(201);
}

/** A secret key from its seed (RFC 8410). */
function secretOf(seed: Buffer): KeyObject {
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" });
}
