// The server as people run it: behind the proxy that is shipped, which speaks TLS to them.
import { ask, asking, connected } from "../support/contacts.ts";
import { open, register } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { Visitor } from "../support/visitor.ts";

// Its certificate is signed by an authority of its own, which no browser knows.
const unknown = { ignoreHTTPSErrors: true };
test.use({ withBroker: true, withTls: true, ...unknown });

test("two people are in touch, all of it over TLS", async ({ page, browser, server, watch }) => {
  await register(page, watch, "anna");
  expect(server.broker?.url, "the address that init makes up").toBe(`wss://${server.name}/nats`);
  await connected(page, "anna");
  const bob = await Visitor.called("bob", browser, server, unknown);
  await ask(bob.page, "anna");
  await expect(asking(page, bob.key)).toContainText("@bob");
  await bob.leave();
  await open(page, "/@anna");
  await expect(page.locator("#proof")).toHaveAttribute("data-state", "verified");
});

test("what the server says arrives as it was said, and over TLS from now on", async ({ page, request, server, watch }) => {
  await register(page, watch, "anna");
  const answer = await page.goto("/register");
  const headers = answer?.headers() ?? {};
  expect(headers["strict-transport-security"]).toBe("max-age=31536000");
  expect(headers["content-security-policy"]).toContain(`; connect-src 'self' ${server.broker?.url}; `);
  expect(headers["content-encoding"], "compressed once, by the server").toBe("br");
  const first = await request.get("/v1/u/anna");
  const etag = first.headers().etag ?? "";
  expect(etag).not.toBe("");
  const again = await request.get("/v1/u/anna", { headers: { "if-none-match": etag } });
  expect(again.status(), "known by the name that the server gave it").toBe(304);
});

test("a page from elsewhere gets no connection to the broker", async ({ request, server }) => {
  const upgrade = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "a2V6LWNoYXQga2V6LWNoYQ==" };
  const answer = await request.get("/nats", { headers: { ...upgrade, origin: "https://kez-chat.invalid" } });
  expect(answer.status(), server.name).toBe(403);
});
