// Being connected to the broker, and not being.
import { asking, connected } from "../support/contacts.ts";
import { open, register } from "../support/pages.ts";
import { Sender } from "../support/sender.ts";
import { expect, test } from "../support/test.ts";

test.describe("with a broker", () => {
  test.use({ withBroker: true });

  test("a broker that goes away comes back by itself, and nothing is lost", async ({ page, server, watch }) => {
    const key = await register(page, watch, "anna");
    await connected(page, "anna");
    watch.expect(/^console error: WebSocket connection to 'ws:.*ERR_CONNECTION_REFUSED/);
    watch.expect(/^server: .*"level":"ERROR".*/);
    await server.broker?.stop();
    const connection = page.locator("#connection");
    await expect(connection).toHaveAttribute("data-state", "retrying");
    await expect(page.locator("#connection-wait")).toHaveText(/in \d+ s/);
    await expect(page.locator("#connection-why")).toContainText("Nothing is lost");
    await server.broker?.up();
    await expect(connection).toHaveAttribute("data-state", "connected");
    const bob = await Sender.called("bob", server);
    await bob.flood(key, 1);
    await expect(asking(page, bob.self.key)).toBeVisible();
    bob.leave();
  });

  test("without a network the page says so, and connects when it is back", async ({ page, context, watch }) => {
    await register(page, watch, "anna");
    await connected(page, "anna");
    await context.setOffline(true);
    const connection = page.locator("#connection");
    await expect(connection).toHaveAttribute("data-state", "offline");
    await expect(page.locator("#connection-state")).toHaveText("Offline");
    await context.setOffline(false);
    await expect(connection).toHaveAttribute("data-state", "connected");
  });

  test("a key that was released elsewhere is out, and told why", async ({ page, context, watch }) => {
    await register(page, watch, "anna");
    await connected(page, "anna");
    const other = await context.newPage();
    await open(other, "/identity");
    await other.locator("#release > summary").click();
    await other.locator("#release-confirm").fill("anna");
    watch.expectFailedLoad("/v1/k/", 404);
    watch.expectFailedLoad("/v1/u/anna", 410);
    await other.getByRole("button", { name: "Release @anna" }).click();
    await expect(other.locator("#identity")).toHaveAttribute("data-state", "released");
    await expect(page.locator("#connection")).toHaveAttribute("data-state", "refused");
    await expect(page.locator("#connection-why")).toContainText("anna was released");
    await expect(other.locator("#connection")).toBeHidden();
  });

  test("a broker that asks for something else to be signed gets nothing", async ({ page, watch }) => {
    await register(page, watch, "anna");
    const sent: string[] = [];
    await page.routeWebSocket(/.*/, (socket) => {
      socket.onMessage((message) => sent.push(message.toString()));
      const info = { server_id: "N", version: "2.15.1", headers: true, max_payload: 65536, nonce: "kez.chat.handle_release" };
      socket.send(Buffer.from(`INFO ${JSON.stringify(info)}\r\n`));
    });
    await open(page, "/identity");
    await expect(page.locator("#connection")).toHaveAttribute("data-state", "refused");
    await expect(page.locator("#connection-why")).toContainText("Nothing was signed");
    expect(sent.join("")).not.toContain("CONNECT");
  });

  test("an inbox that is gone is asked for anew, and the page says so meanwhile", async ({ page, server, watch }) => {
    const key = await register(page, watch, "anna");
    let isGone = true;
    await page.routeWebSocket(/.*/, (socket) => {
      const broker = socket.connectToServer();
      const subscriptions = new Map<string, string>();
      socket.onMessage((message) => {
        const text = message.toString();
        for (const [, subject = "", id = ""] of text.matchAll(/^SUB (\S+) (?:\S+ )?(\d+)\r$/gm)) subscriptions.set(subject, id);
        const pull = /^PUB \$JS\.API\.CONSUMER\.MSG\.NEXT\.\S+ (\S+) /m.exec(text);
        const reply = pull?.[1];
        if (!isGone || !pull || !reply) return broker.send(message);
        // What comes with it, the subscription above all, still has to arrive.
        broker.send(Buffer.from(text.slice(0, pull.index)));
        socket.send(Buffer.from(`HMSG ${reply} ${subscriptions.get(reply)} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`));
      });
    });
    await open(page, "/identity");
    const connection = page.locator("#connection");
    await expect(connection).toHaveAttribute("data-state", "retrying");
    await expect(page.locator("#connection-why")).toContainText("no inbox for this key");
    isGone = false;
    await expect(connection).toHaveAttribute("data-state", "connected");
    const bob = await Sender.called("bob", server);
    await bob.flood(key, 1);
    await expect(asking(page, bob.self.key)).toBeVisible();
    bob.leave();
  });

  test("a device whose clock is wrong is told, and receives all the same", async ({ page, server, watch }) => {
    const key = await register(page, watch, "anna");
    await page.clock.setSystemTime(Date.now() - 40 * 60_000);
    await connected(page, "anna");
    await expect(page.locator("#connection-why")).toContainText("This device's clock is 40 minutes behind the server's");
    const bob = await Sender.called("bob", server);
    await bob.flood(key, 1);
    await expect(asking(page, bob.self.key)).toBeVisible();
    bob.leave();
  });

  test("a session that is over is begun anew without a word", async ({ page, server, watch }) => {
    const key = await register(page, watch, "anna");
    let expire = () => {};
    let connections = 0;
    await page.routeWebSocket(/.*/, (socket) => {
      connections += 1;
      socket.connectToServer();
      expire = () => {
        socket.send(Buffer.from("-ERR 'User Authentication Expired'\r\n"));
        void socket.close();
      };
    });
    await connected(page, "anna");
    const states = await page.evaluateHandle(() => {
      const states: (string | null)[] = [];
      const connection = document.querySelector("#connection");
      new MutationObserver(() => states.push(connection?.getAttribute("data-state") ?? null)).observe(connection as Element, { attributes: true });
      return states;
    });
    expire();
    await expect.poll(() => connections).toBe(2);
    const bob = await Sender.called("bob", server);
    await bob.flood(key, 1);
    await expect(asking(page, bob.self.key)).toBeVisible();
    expect((await states.jsonValue()).filter((state) => state !== "connected")).toEqual([]);
    bob.leave();
  });
});

test("a server without a broker says so", async ({ page, watch }) => {
  await register(page, watch, "anna");
  await open(page, "/identity");
  await expect(page.locator("#connection")).toHaveAttribute("data-state", "none");
  await expect(page.locator("#connection-state")).toHaveText("This server has no message broker");
});
