// What every test gets: a server of its own, a browser that reaches only that, and a watch over both.
import { expect, test as base } from "@playwright/test";

import { Server } from "./server.ts";
import { Watch } from "./watch.ts";

export { expect };

export const test = base.extend<{ withBroker: boolean | Record<string, string>; withSigchains: boolean; withTls: boolean; server: Server; watch: Watch }>({
  // Whether the server has a message broker, or with which settings.
  withBroker: [false, { option: true }],
  // Whether another server keeps its chains, on an origin of its own.
  withSigchains: [false, { option: true }],
  // Whether browsers reach it through the proxy that speaks TLS.
  withTls: [false, { option: true }],
  server: async ({ withBroker, withSigchains, withTls }, use) => {
    const server = await Server.start({ broker: withBroker, sigchains: withSigchains, tls: withTls });
    await use(server);
    await server.stop();
  },
  baseURL: async ({ server }, use) => use(server.url),
  watch: [
    async ({ context, server }, use) => {
      const watch = await Watch.over(context, server.url, server.broker?.url, server.sigchains?.url);
      await use(watch);
      expect(await watch.verdict(context, server.log), "what nobody announced").toEqual([]);
    },
    { auto: true },
  ],
});
