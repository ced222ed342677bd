// What a page says of a claim, by what the server found where its proof should be. That it finds it is the server's own
// tests' business: here its real answer is changed on the way, to what the server says then.
import type { Page } from "@playwright/test";

import { keepWords } from "../support/chain.ts";
import { Impostor, idOf } from "../support/envelope.ts";
import { open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import type { Watch } from "../support/watch.ts";

interface Told {
  claims: { id: string; subject: string; state: string; checked_at: string | null; detail?: string }[];
}

const LOOKED = "2026-05-25T23:59:59Z";
const STATES = [
  { state: "proven", checked_at: LOOKED, says: "This server found the proof on 25 May 2026." },
  { state: "failed", checked_at: LOOKED, says: "This server looked on 25 May 2026 and found no proof. Do not rely on it." },
  { state: "unreachable", checked_at: LOOKED, says: "This server could not look on 25 May 2026." },
  { state: "unchecked", checked_at: null, says: "This server has not looked yet." },
];

/** Somebody called anna, whose browser signs a claim; it is shown on /identity. */
async function claiming(page: Page, watch: Watch): Promise<void> {
  await register(page, watch, "anna");
  await keepWords(page);
  await open(page, "/identity");
  await page.getByLabel("Its name").fill("kez-chat.invalid");
  await page.getByRole("button", { name: "What do I publish?" }).click();
  await page.getByRole("button", { name: "It is published: sign the claim" }).click();
  await expect(page.locator("#claims-list > li")).toHaveCount(1);
}

/** Changes what the server says of anna's claims. */
async function tell(page: Page, change: (told: Told) => Told): Promise<void> {
  await page.unrouteAll();
  await page.route("**/v1/u/anna/claims", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: change((await answer.json()) as Told) });
  });
}

test("a claim is shown with what was found, when, and how to look without this server", async ({ page, watch }) => {
  await claiming(page, watch);
  const claim = page.locator("#card-claims-list > li");
  for (const { state, checked_at, says } of STATES) {
    await tell(page, ({ claims }) => ({ claims: claims.map(({ detail: _, ...claim }) => ({ ...claim, state, checked_at })) }));
    await open(page, "/@anna");
    await expect(claim, state).toHaveAttribute("data-state", state);
    await expect(claim.locator("p").first()).toHaveText("Says that it controls the domain kez-chat.invalid");
    await expect(claim.locator("p").last()).toHaveText(`${says} Look yourself, or run dig +short TXT _kez.kez-chat.invalid`);
    await expect(claim.locator("p").last(), "words, not a tick alone").toBeVisible();
    const link = claim.getByRole("link", { name: "Look yourself" });
    await expect(link, "somebody else's word").toHaveAttribute("href", "https://dns.google/resolve?name=_kez.kez-chat.invalid&type=TXT");
    const mark = await claim.locator("p").first().evaluate((line) => getComputedStyle(line, "::before").content);
    expect(mark.includes("✓"), `a tick where the claim is ${state}`).toBe(state === "proven");
    await expect(page.locator("#card-claims")).toContainText("Whether it is so, the other side has to say: look yourself.");

    await open(page, "/identity");
    const own = ["Says that it controls the domain kez-chat.invalid", says];
    await expect(page.locator("#claims-list > li > p:not(.actions)"), "its owner sees what was signed, and what was found").toHaveText(own);
  }
});

test("a server that does not tell what it found is not one that found nothing, and nothing waits for it", async ({ page, watch }) => {
  await claiming(page, watch);
  let answer = () => {};
  const asked = new Promise<void>((done) => (answer = done));
  watch.expectFailedLoad("/v1/u/anna/claims", 503);
  await page.route("**/v1/u/anna/claims", async (route) => {
    await asked;
    const problem = { type: "about:blank", title: "Unavailable", status: 503, code: "unavailable", detail: "Later." };
    await route.fulfill({ status: 503, contentType: "application/problem+json", json: problem });
  });
  await open(page, "/@anna");
  const claim = page.locator("#card-claims-list > li");
  await expect(claim.locator("p").last()).toContainText("Asking this server what it found…");
  await expect(claim).toHaveAttribute("data-state", "asking");
  await expect(page.locator("#proof"), "the card needs no such word").toHaveAttribute("data-state", "verified");
  await expect(page.locator("#history")).toHaveAttribute("data-state", "verified");
  answer();
  await expect(claim).toHaveAttribute("data-state", "unknown");
  await expect(claim.locator("p").last()).toHaveText(/^This server cannot be asked what it found\. Look yourself/);
  await open(page, "/identity");
  await expect(page.locator("#claims-list > li > p.quiet")).toHaveText("This server cannot be asked what it found.");
});

test("a server's word on claims adds none and changes none", async ({ page, watch }) => {
  await claiming(page, watch);
  await tell(page, ({ claims }) => ({
    claims: claims.flatMap((claim) => [
      { ...claim, subject: "elsewhere.invalid", state: "failed", checked_at: LOOKED },
      { ...claim, id: `sha256:${"0".repeat(64)}`, state: "proven", checked_at: LOOKED },
    ]),
  }));
  await open(page, "/@anna");
  const claim = page.locator("#card-claims-list > li");
  await expect(claim).toHaveCount(1);
  await expect(claim).toContainText("the domain kez-chat.invalid");
  await expect(claim).toHaveAttribute("data-state", "failed");
});

test("a claim of a kind that nobody can check says so", async ({ page, server }) => {
  const anna = new Impostor();
  const send = async (path: string, body: object) => {
    const answer = await fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    expect(answer.status, await answer.text()).toBe(201);
  };
  await send("/v1/register", anna.registration("anna", server.name));
  const genesis = anna.event("genesis", { chain: anna.key, seq: 1, prev: null }, { primary: anna.key, rotation_keys: [anna.key], server: server.name });
  const claim = { type: "<b>ship</b>", subject: "<i>Pequod</i>", proof: "javascript:alert(1)" };
  const disguised = { type: "Proven", subject: "the domain\u202e\u2069 gro.elpmaxe\u009b", proof: "none" };
  const events = `/v1/sigchains/ed25519/${anna.hex}/events`;
  await send(events, genesis);
  const first = anna.event("claim_add", { chain: anna.key, seq: 2, prev: idOf(genesis) }, { claim });
  await send(events, first);
  await send(events, anna.event("claim_add", { chain: anna.key, seq: 3, prev: idOf(first) }, { claim: disguised }));
  await open(page, "/@anna");
  const item = page.locator('#card-claims-list > li[data-type="<b>ship</b>"]');
  await expect(item).toHaveAttribute("data-state", "unsupported");
  await expect(item.locator("p").first(), "a stranger's text is text").toHaveText("Says something that nobody can check: type <b>ship</b>, subject <i>Pequod</i>");
  await expect(item.locator("p").last()).toHaveText("This server cannot check claims of this kind.");
  await expect(item.getByRole("link"), "nothing to press").toHaveCount(0);

  const shown = "the domain\ufffd\ufffd gro.elpmaxe\ufffd";
  for (const line of [page.locator('#card-claims-list > li[data-type="Proven"]'), page.locator('#history-events > li[data-seq="3"]')]) {
    await expect(line.locator("q > bdi"), "a stranger's words are quoted, in a direction of their own, and hide nothing").toHaveText(["Proven", shown]);
    await expect(line.locator("strong"), "and never stand where this page's own do").toHaveCount(0);
  }
});
