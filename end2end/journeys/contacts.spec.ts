// Contact requests between two browsers, over a real broker.
import { ask, asking, connected, everybody } from "../support/contacts.ts";
import { Person } from "../support/kez.ts";
import { alive, open, register } from "../support/pages.ts";
import { Sender } from "../support/sender.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

test.use({ withBroker: true });

test("a request to somebody who is away is there when they come back, once, and is accepted", async ({ page, browser, server, watch }) => {
  const key = await register(page, watch, "anna");
  const bob = await Visitor.called("bob", browser, server);
  await page.goto("about:blank");

  await open(bob.page, "/@anna");
  await bob.page.getByText("The exact text that is signed").click();
  const statement: unknown = JSON.parse(await bob.page.locator("#contact-statement").innerText());
  expect(statement).toMatchObject({ type: "kez.chat.contact_request", from: bob.key, to: key, server: server.name });
  const socket = bob.page.waitForEvent("websocket");
  const sent: string[] = [];
  bob.page.once("websocket", (opened) => opened.on("framesent", ({ payload }) => sent.push(payload.toString())));
  await bob.page.getByRole("button", { name: "Send a contact request" }).click();
  await expect(bob.page.locator("#contact-note")).toContainText("Delivered. anna sees it");
  await socket;
  expect(sent.join(""), "what was shown is what was signed").toContain(JSON.stringify(statement));

  await connected(page, "anna");
  const card = asking(page, bob.key);
  await expect(card).toContainText("@bob");
  await expect(card.getByRole("img", { name: bob.key.slice(8, 16) })).toBeVisible();
  await expect(everybody(page)).toHaveCount(1);
  await page.reload();
  await expect(card, "it was kept").toContainText("@bob");
  await expect(everybody(page)).toHaveCount(1);
  await card.getByRole("button", { name: "Accept @bob" }).click();
  await expect(page.locator("#contacts li")).toContainText("@bob");
  await expect(page.locator("#contacts-title"), "what comes next").toBeFocused();
  await expect(everybody(page)).toHaveCount(0);
  await expect(page.locator("#requests")).toHaveAttribute("data-state", "empty");
  await page.reload();
  await expect(page.locator("#contacts li")).toContainText("@bob");
  await bob.leave();
});

test("who is declined is not seen again, until that is undone", async ({ page, browser, server, watch }) => {
  const key = await register(page, watch, "anna");
  await connected(page, "anna");
  const bob = await Visitor.called("bob", browser, server);
  await ask(bob.page, "anna");
  await asking(page, bob.key).getByRole("button", { name: "Decline @bob" }).click();
  await expect(page.locator("#declined li")).toContainText("@bob");
  await expect(page.locator("#declined-title")).toBeFocused();

  await ask(bob.page, "anna");
  const other = await Sender.called("carla", server);
  await other.flood(key, 1);
  await expect(asking(page, other.self.key), "what came after it is there").toBeVisible();
  await expect(everybody(page)).toHaveCount(1);
  await page.locator("#declined").getByRole("button", { name: "Ask me again about @bob" }).click();
  await expect(asking(page, bob.key)).toBeVisible();
  await expect(page.locator("#declined li")).toHaveCount(0);
  other.leave();
  await bob.leave();
});

test("a flood from one key shows sixteen, and keeps nobody else out", async ({ page, server, watch }) => {
  const key = await register(page, watch, "anna");
  await page.goto("about:blank");
  const flooder = await Sender.called("flooder", server);
  const answers = await flooder.flood(key, 20);
  const refused = answers.filter((answer) => answer.error !== undefined);
  expect(refused.map((answer) => [answer.error?.err_code, answer.error?.description])).toEqual(
    Array.from({ length: 4 }, () => [10077, "maximum messages per subject exceeded"]),
  );
  await connected(page, "anna");
  const card = asking(page, flooder.self.key);
  await expect(card).toContainText("16 requests");
  // The inbox has room again; the minute has not.
  await expect.poll(async () => (await flooder.flood(key, 5)).every((answer) => answer.error === undefined)).toBe(true);
  const other = await Sender.called("bob", server);
  await other.flood(key, 1);
  await expect(asking(page, other.self.key)).toContainText("Asked on");
  await expect(card).toContainText("16 requests");
  await expect(card).toContainText(/\d+ more not shown/);
  await expect(everybody(page)).toHaveCount(2);
  flooder.leave();
  other.leave();
});

test.describe("with room for one request", () => {
  test.use({ withBroker: { KEZ_CHAT_NATS_INBOX_PER_SENDER: "1" } });

  test("an inbox that is full of one's own requests is said, and has room again once they were read", async ({ page, browser, server, watch }) => {
    await register(page, watch, "anna");
    await page.goto("about:blank");
    const bob = await Visitor.called("bob", browser, server);
    await ask(bob.page, "anna");
    await open(bob.page, "/@anna");
    await bob.page.getByRole("button", { name: "Send a contact request" }).click();
    await expect(bob.page.locator("#contact-error")).toContainText("the inbox of anna is full of your requests");
    await expect(bob.page.locator("#contact")).toHaveAttribute("data-state", "failed");
    await connected(page, "anna");
    await expect(asking(page, bob.key)).toBeVisible();
    await bob.page.getByRole("button", { name: "Try again" }).click();
    await expect(bob.page.locator("#contact")).toHaveAttribute("data-state", "delivered");
    await expect(asking(page, bob.key)).toContainText("2 requests");
    await bob.leave();
  });
});

test("what proves nothing is never shown", async ({ page, server, watch }) => {
  const key = await register(page, watch, "anna");
  await connected(page, "anna");
  const [mallory, victim] = [await Sender.called("mallory", server), await Sender.called("victim", server)];
  const good = victim.self.contactRequest(key, server.name);
  const tampered = mallory.self.contactRequest(key, server.name);
  tampered.payload.nonce = "0".repeat(32);
  for (const forged of [
    good,
    tampered,
    mallory.self.contactRequest(victim.self.key, server.name),
    mallory.self.contactRequest(key, "elsewhere.example"),
    mallory.self.registration("mallory", server.name),
    { ...mallory.self.contactRequest(key, server.name), kez: "handle_release" },
  ]) {
    expect(await mallory.send(key, forged)).toMatchObject({ stream: "KEZ_INBOX" });
  }
  await expect(page.locator("#connection-dropped")).toContainText("6 messages that proved nothing");
  await expect(everybody(page)).toHaveCount(0);
  await victim.send(key, good);
  await expect(asking(page, victim.self.key)).toContainText("@victim");
  expect(await victim.send(key, good), "the same envelope under another id").toMatchObject({ stream: "KEZ_INBOX" });
  await mallory.flood(key, 1);
  await expect(asking(page, mallory.self.key)).toContainText("@mallory");
  await expect(asking(page, victim.self.key), "it counts once").toContainText("Asked on");
  mallory.leave();
  victim.leave();
});

test("a lost answer is made up for by sending the same again", async ({ page, browser, server, watch }) => {
  await register(page, watch, "anna");
  await connected(page, "anna");
  const bob = await Visitor.called("bob", browser, server);
  let lost = 0;
  await bob.page.routeWebSocket(/.*/, (socket) => {
    const broker = socket.connectToServer();
    broker.onMessage((message) => {
      if (lost === 0 && message.toString().includes("KEZ_INBOX")) {
        lost += 1;
        void socket.close();
      } else socket.send(message);
    });
  });
  await ask(bob.page, "anna");
  expect(lost).toBe(1);
  await expect(asking(page, bob.key)).toContainText("Asked on");
  await expect(everybody(page)).toHaveCount(1);
  await bob.leave();
});

test("two tabs: one is connected, both show it, and the other takes over", async ({ page, context, server, watch }) => {
  const key = await register(page, watch, "anna");
  await connected(page, "anna");
  const second = await context.newPage();
  await open(second, "/identity");
  await expect(second.locator("#connection-state")).toHaveText("Connected as @anna, in another tab");
  const bob = await Sender.called("bob", server);
  await bob.flood(key, 2);
  for (const tab of [page, second]) {
    await expect(asking(tab, bob.self.key)).toContainText("2 requests");
    await expect(everybody(tab)).toHaveCount(1);
  }
  await asking(second, bob.self.key).getByRole("button", { name: "Accept @bob" }).click();
  await expect(page.locator("#contacts li")).toContainText("@bob");
  await page.close();
  await expect(second.locator("#connection-state")).toHaveText("Connected as @anna");
  const carla = await Sender.called("carla", server);
  await carla.flood(key, 1);
  await expect(asking(second, carla.self.key)).toBeVisible();
  bob.leave();
  carla.leave();
});

test("the client is loaded only where it is used", async ({ page, server, watch }) => {
  const loaded: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/pkg/broker.")) loaded.push(request.url());
  });
  await Person.called("bob", server);
  for (const path of ["/", "/register", "/identity", "/@bob"]) await open(page, path);
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(page.locator("#contact")).toBeHidden();
  await register(page, watch, "anna");
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
  await expect(page.locator("#contact"), "nobody asks themselves").toBeHidden();
  await open(page, "/@bob");
  await expect(page.locator("#contact")).toBeVisible();
  expect(loaded).toEqual([]);
  await page.getByRole("button", { name: "Send a contact request" }).click();
  await expect(page.locator("#contact")).toHaveAttribute("data-state", "delivered");
  expect(loaded).toHaveLength(1);
  const asset = await page.request.get(loaded[0] ?? "", { headers: { "accept-encoding": "br" } });
  expect(asset.headers()).toMatchObject({ "content-encoding": "br", "cache-control": "public, max-age=31536000, immutable" });
  await alive(page);
});
