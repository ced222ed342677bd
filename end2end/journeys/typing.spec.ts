// What the field says while a name is being typed.
import { Person } from "../support/kez.ts";
import { open, type } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

for (const path of ["/", "/register"]) {
  const next = path === "/" ? "Claim it" : "Continue";

  test(`${path}: free, taken and released names`, async ({ page, server, watch }) => {
    watch.expectFailedLoad("/v1/u/", 404, 410);
    await Person.called("anna", server);
    const former = await Person.called("berta", server);
    await former.release();
    await open(page, path);
    const answer = page.locator("#handle-answer");
    const button = page.getByRole("button", { name: next });
    await expect(answer).toHaveAttribute("data-state", "empty");
    await expect(button).toBeDisabled();
    await type(page, "ann", "free");
    await expect(button).toBeEnabled();
    await page.getByLabel("Handle").pressSequentially("a");
    await expect(answer).toHaveAttribute("data-state", "taken");
    await expect(answer).toContainText("anna is taken.");
    await expect(button).toBeDisabled();
    await expect(answer.getByRole("link", { name: "See who it is" })).toHaveAttribute("href", "/@anna");
    await type(page, "berta", "released");
    await expect(answer).toContainText("held for its former key");
    await expect(button).toBeDisabled();
  });

  test(`${path}: names that nobody can have are told without asking`, async ({ page }) => {
    await open(page, path);
    const lookups: string[] = [];
    page.on("request", (request) => lookups.push(request.url()));
    const refused: [string, string, RegExp][] = [
      ["admin", "reserved", /reserved for the server/],
      ["Anna", "invalid", /capital/],
      ["al", "invalid", /3/],
      ["_anna", "invalid", /begin/],
      ["anna!", "invalid", /!|letters/],
      ["änne", "invalid", /letters/],
      ["a".repeat(33), "invalid", /32/],
    ];
    for (const [name, state, why] of refused) {
      await type(page, name, state);
      await expect(page.locator("#handle-answer")).toContainText(why);
      await expect(page.getByRole("button", { name: next })).toBeDisabled();
    }
    expect(lookups).toEqual([]);
  });
}

test("a name is understood as people type and paste it, and only the exact one is signed for", async ({ page, server, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  await Person.called("anna", server);
  await open(page, "/register");
  const answer = page.locator("#handle-answer");
  for (const typed of ["anna ", "@anna", `anna@${server.name}`, `acct:anna@${server.name}`, `${server.url}/@anna`, "an\u200bna\ufeff"]) {
    await type(page, typed, "taken");
    await expect(answer, typed).toContainText("anna is taken.");
    await expect(answer.getByRole("link", { name: "See who it is" })).toHaveAttribute("href", "/@anna");
  }
  await type(page, "anna@elsewhere.example", "invalid");
  await expect(answer).toContainText("That name is at elsewhere.example");
  await type(page, "Berta", "invalid");
  await expect(answer).toContainText("no capital letters: write berta");
  await type(page, " @berta ", "free");
  await expect(answer).toContainText("berta is free.");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#statement")).toContainText('"handle":"berta"');
  await expect(page.locator("#step-name .step-result")).toHaveText(`berta@${server.name}`);
});

test("an answer that was overtaken by typing is dropped", async ({ page, server, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404);
  await Person.called("anna", server);
  await open(page, "/register");
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  await page.route("/v1/u/anna", async (route) => {
    await answered;
    // The page gave the request up, so there may be nobody to answer.
    await route.continue().catch(() => undefined);
  });
  const asked = page.waitForRequest("/v1/u/anna");
  await page.getByLabel("Handle").fill("anna");
  await asked;
  await type(page, "annabel", "free");
  answer();
  await page.unroute("/v1/u/anna");
  await expect(page.locator("#handle-answer")).toHaveText(/annabel is free/);
});

test("a broken database and a lost connection are said, and pass", async ({ page, context, server, watch }) => {
  watch.expectFailedLoad("/v1/u/", 404, 503, "net::ERR_INTERNET_DISCONNECTED");
  await open(page, "/register");
  const answer = page.locator("#handle-answer");
  await server.withoutDatabase(async () => {
    await type(page, "anna", "offline");
    await expect(answer).toContainText("The server cannot do this at the moment");
    await expect(page.getByRole("button", { name: "Continue" })).toBeDisabled();
  });
  await type(page, "annabel", "free");
  await context.setOffline(true);
  await type(page, "anna", "offline");
  await expect(answer).toContainText("Check your connection");
  await context.setOffline(false);
  await type(page, "annabel", "free");
});
