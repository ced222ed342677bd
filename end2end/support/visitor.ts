// Other people with a browser of their own, watched like the first.
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, expect } from "@playwright/test";

import { register } from "./pages.ts";
import type { Server } from "./server.ts";
import { Watch } from "./watch.ts";

export class Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly watch: Watch;
  /** Their key, once they have one. */
  key = "";
  readonly #server: Server;

  private constructor(context: BrowserContext, page: Page, watch: Watch, server: Server) {
    this.context = context;
    this.page = page;
    this.watch = watch;
    this.#server = server;
  }

  /** Somebody with a fresh browser. */
  static async fresh(browser: Browser, server: Server, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ baseURL: server.url, ...options });
    const watch = await Watch.over(context, server.url, server.broker?.url, server.sigchains?.url);
    return new Visitor(context, await context.newPage(), watch, server);
  }

  /** Somebody with a fresh browser, who registers `handle` in it. */
  static async called(handle: string, browser: Browser, server: Server, options: BrowserContextOptions = {}): Promise<Visitor> {
    const visitor = await Visitor.fresh(browser, server, options);
    visitor.key = await register(visitor.page, visitor.watch, handle);
    return visitor;
  }

  /** Closes their browser; nothing may have gone wrong in it that nobody announced. */
  async leave(): Promise<void> {
    expect(await this.watch.verdict(this.context, this.#server.log), "what nobody announced").toEqual([]);
    await this.context.close();
  }
}
