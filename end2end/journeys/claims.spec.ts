// What an identity says that it also controls.
import { keepWords } from "../support/chain.ts";
import { open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

test("a claim is prepared, signed, shown with what the server found, and withdrawn", async ({ page, watch }) => {
  const key = await register(page, watch, "anna");
  await keepWords(page);
  await open(page, "/identity");
  await page.getByLabel("Its name").fill("not a domain");
  await page.getByRole("button", { name: "What do I publish?" }).click();
  await expect(page.locator("#claims-error")).toContainText("at least two labels");
  await page.getByLabel("Its name").fill("Kez-Chat.Invalid");
  await page.getByRole("button", { name: "What do I publish?" }).click();
  await expect(page.locator("#claim-where")).toHaveText("Publish this as a TXT record of _kez.kez-chat.invalid:");
  await expect(page.locator("#claim-text")).toContainText(key);
  await page.getByRole("button", { name: "It is published: sign the claim" }).click();
  await expect(page.locator("#claims-list > li")).toContainText("Says that it controls the domain kez-chat.invalid");

  await open(page, "/@anna");
  const claim = page.locator("#card-claims-list > li");
  await expect(claim).toContainText("kez-chat.invalid");
  await expect(claim).toContainText("dig +short TXT _kez.kez-chat.invalid");
  await expect(claim, "never a bare tick").toHaveAttribute("data-state", /^(unchecked|unreachable|failed)$/);
  await expect(claim.getByRole("link", { name: "Look yourself" })).toHaveAttribute("rel", /noreferrer/);
  await expect(page.locator("#history-events > li").first()).toContainText("Claimed: the domain kez-chat.invalid.");

  await open(page, "/identity");
  await page.getByRole("button", { name: "Withdraw it" }).click();
  await expect(page.locator("#claims-list > li")).toHaveCount(0);
  await open(page, "/@anna");
  await expect(page.locator("#history-events > li").first()).toContainText("A claim was withdrawn.");
  await expect(page.locator("#card-claims")).toBeHidden();
});

test("a claim of a GitHub account needs a gist of that account", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await keepWords(page);
  await open(page, "/identity");
  await page.getByLabel("What is it?").selectOption("github");
  await page.getByLabel("Its name").fill("octocat");
  await page.getByRole("button", { name: "What do I publish?" }).click();
  await page.getByLabel("Address of the gist").fill("https://gist.github.com/somebody/0123456789abcdef0123456789abcdef");
  await page.getByRole("button", { name: "It is published: sign the claim" }).click();
  await expect(page.locator("#claims-error")).toContainText("a gist of that user");
  await page.getByLabel("Address of the gist").fill("https://gist.github.com/octocat/0123456789abcdef0123456789abcdef");
  await page.getByRole("button", { name: "It is published: sign the claim" }).click();
  await expect(page.locator("#claims-list > li")).toContainText("the GitHub account octocat");
});
