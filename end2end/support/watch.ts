// What goes on in a browser besides what a test looks at: every test fails on a console message, an error, a violation of
// the policy or a request to elsewhere that it did not announce, and on any secret outside the vault.
import type { BrowserContext, ConsoleMessage, Page, Request, WebSocket } from "@playwright/test";

import { found, keyOf, withDerived } from "./secrets.ts";
import { type Told, listen } from "./listen.ts";
import { dump } from "./vault.ts";

export class Watch {
  /** Every 32 bytes of randomness that a page drew: seeds and data keys. Nonces are shorter, and public. */
  readonly drawn: Buffer[] = [];
  readonly #origin: string;
  readonly #faults: string[] = [];
  readonly #expected: RegExp[] = [];
  readonly #places: { where: string; text: string | Buffer }[] = [];
  readonly #headers: Promise<void>[] = [];

  readonly #broker: string | undefined;
  readonly #sigchains: string | undefined;

  private constructor(origin: string, broker: string | undefined, sigchains: string | undefined) {
    this.#origin = origin;
    this.#broker = broker;
    this.#sigchains = sigchains;
  }

  /** Watches all pages of a context, of which none may have been opened yet. `broker` is where they may connect to, and
   * `sigchains` another server that they may ask for chains. */
  static async over(context: BrowserContext, origin: string, broker?: string, sigchains?: string): Promise<Watch> {
    const watch = new Watch(origin, broker, sigchains);
    context.on("console", (message) => watch.#console(message));
    context.on("weberror", (error) => watch.#faults.push(`error: ${error.error().stack}`));
    context.on("request", (request) => watch.#request(request));
    context.on("page", (page) => page.on("framenavigated", (frame) => watch.#saw("a URL", frame.url())));
    context.on("page", (page) => page.on("websocket", (socket) => watch.#socket(socket)));
    await context.exposeBinding("__tell", (_source, told: Told) => watch.#told(told));
    await context.addInitScript(listen);
    return watch;
  }

  /** Announces what Chromium logs by itself when `path` (its beginning) answers with this status, or net::ERR_… */
  expectFailedLoad(path: string, ...answers: (number | string)[]): void {
    const start = escape(`${this.#origin}${path}`);
    for (const answer of answers) {
      const what = typeof answer === "number" ? `.*status of ${answer} \\(` : escape(answer);
      this.expect(new RegExp(`^console error: Failed to load resource: ${what}.* at ${start}`));
    }
  }

  /** Announces a fault. */
  expect(fault: RegExp): void {
    this.#expected.push(fault);
  }

  /** The seed of a key; it must have been recorded, or looking for it would find nothing wherever it is. */
  seedOf(key: string): Buffer {
    const seed = this.drawn.find((bytes) => keyOf(bytes) === key);
    if (seed === undefined) throw new Error(`no recorded randomness is the seed of ${key}`);
    return seed;
  }

  /** All that must not have happened, by the browser's account and the server's; empty is good. */
  async verdict(context: BrowserContext, log: string[]): Promise<string[]> {
    for (const page of context.pages()) await this.#keeps(page);
    for (const line of log) {
      this.#saw("the server's log", line);
      if (line.includes('"level":"ERROR"')) this.#faults.push(`server: ${line}`);
    }
    await Promise.all(this.#headers);
    const { cookies } = await context.storageState();
    const faults = this.#faults.filter((fault) => !this.#expected.some((expected) => expected.test(fault)));
    const secrets = withDerived(this.drawn);
    const leaks = this.#places.flatMap(({ where, text }) => found(secrets, text).map((kind) => `secret in ${where}, as ${kind}`));
    return [...faults, ...leaks, ...cookies.map((cookie) => `cookie ${cookie.name}`)];
  }

  /** What a page keeps, its database included: there, a secret is sealed. */
  async #keeps(page: Page): Promise<void> {
    if (!page.url().startsWith(this.#origin)) return;
    const { local, session, caches, database } = await page.evaluate(dump);
    for (const [name, kept] of Object.entries({ localStorage: local, sessionStorage: session, caches })) {
      if (kept !== "") this.#faults.push(`${name} holds ${kept}`);
    }
    for (const bytes of database) this.#saw("IndexedDB", Buffer.from(bytes));
  }

  #console(message: ConsoleMessage): void {
    this.#saw("the console", message.text());
    if (message.type() !== "error" && message.type() !== "warning") return;
    this.#faults.push(`console ${message.type()}: ${message.text()} at ${message.location().url}`);
  }

  #request(request: Request): void {
    this.#saw("a URL", request.url());
    const isOurs = request.url().startsWith(this.#origin) || this.#isOfChains(request.url());
    if (!isOurs) this.#faults.push(`request to elsewhere: ${request.url()}`);
    const body = request.postDataBuffer();
    if (body !== null) this.#saw("a request's body", body);
    this.#saw("a request's headers", JSON.stringify(request.headers()));
    // Those that the browser adds on the way out are known later, and never of a request that was given up.
    const all = request.allHeaders().then((headers) => this.#saw("a request's headers", JSON.stringify(headers)));
    this.#headers.push(all.catch(() => undefined));
  }

  #isOfChains(url: string): boolean {
    return this.#sigchains !== undefined && url.startsWith(`${this.#sigchains}/v1/sigchains/`);
  }

  #socket(socket: WebSocket): void {
    if (this.#broker === undefined || !socket.url().startsWith(this.#broker)) {
      this.#faults.push(`connection to elsewhere: ${socket.url()}`);
    }
    socket.on("framesent", ({ payload }) => this.#saw("a frame to the broker", payload));
  }

  #told(told: Told): void {
    if ("drawn" in told) this.drawn.push(Buffer.from(told.drawn));
    if ("page" in told) this.#saw("the page", told.page);
    if ("violation" in told) this.#faults.push(`policy violated: ${told.violation}`);
  }

  #saw(where: string, text: string | Buffer): void {
    this.#places.push({ where, text });
  }
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
