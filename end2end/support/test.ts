// What every test gets: a server of its own, a browser that reaches only that, and a watch over both.
import { test as base } from "@playwright/test";

import { Server } from "./server.ts";
import { Watch } from "./watch.ts";

export { expect } from "@playwright/test";

export const test = base.extend<{ server: Server; watch: Watch }>({
  // Playwright reads from the pattern what a fixture needs: nothing.
  server: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.stop();
  },
  baseURL: async ({ server }, use) => use(server.url),
  watch: [
    async ({ context, server }, use) => {
      const watch = await Watch.over(context, server.url);
      await use(watch);
      watch.alsoSearch("the server's log", server.log.join("\n"));
      const faults = await watch.verdict(context);
      const complaints = server.log.filter((line) => line.includes('"level":"ERROR"'));
      base.expect([...faults, ...complaints], "what nobody announced").toEqual([]);
    },
    { auto: true },
  ],
});
