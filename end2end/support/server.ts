// The real server: the release program on a port of its own, with a database of its own that lasts as long as a test.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Broker } from "./broker.ts";
import { Proxy } from "./proxy.ts";
import { SigServer } from "./sigserver.ts";

/** What scripts/env says, or a sentence that tells how to get there. */
export function configured(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set: run \`make e2e\`, or source scripts/env`);
  return value;
}

/** What a server has around it. */
export interface Surroundings {
  /** Whether it has a message broker, or with which settings. */
  broker?: boolean | Record<string, string>;
  /** Whether another server keeps its chains, on an origin of its own. */
  sigchains?: boolean;
  /** Whether browsers reach it through the proxy that speaks TLS. */
  tls?: boolean;
}

interface Parts {
  port: number;
  url: URL;
  folder: string;
  broker: Broker | undefined;
  sigchains: SigServer | undefined;
  settings: Record<string, string>;
}

export class Server {
  /** Everything that it logged, and the server that keeps its chains: one JSON document a line. */
  readonly log: string[];
  /** The part of handle@server behind the @. */
  readonly name: string;
  /** Where its pages are. Browsers take localhost for a secure context, which WebCrypto needs. */
  readonly url: string;
  /** Its own folder, gone when it stopped. */
  readonly folder: string;
  /** Its message broker, where the test wants one. */
  readonly broker: Broker | undefined;
  /** The server that keeps its chains, where the test wants another than itself. */
  readonly sigchains: SigServer | undefined;
  readonly #process: ChildProcess;
  #proxy: Proxy | undefined;

  private constructor({ port, url, folder, broker, sigchains, settings }: Parts) {
    this.folder = folder;
    this.broker = broker;
    this.sigchains = sigchains;
    this.log = sigchains?.log ?? [];
    this.name = url.host;
    this.url = url.origin;
    const flags = {
      "--bind": `127.0.0.1:${port}`,
      "--db": this.#database,
      "--server": this.name,
      "--public-url": this.url,
      "--web-dir": configured("KEZ_SITE"),
      ...(sigchains === undefined ? {} : { "--sig-server-url": sigchains.url }),
    };
    this.#process = spawn(configured("KEZ_CHAT_SERVER_BIN"), Object.entries(flags).flat(), {
      env: { ...broker?.env, ...settings },
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  /** Starts one, and returns when it takes connections. */
  static async start(around: Surroundings = {}): Promise<Server> {
    const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), "kez-end2end-"))];
    const url = new URL(around.tls ? `https://localhost:${await freePort()}` : `http://localhost:${port}`);
    const broker = around.broker ? await Broker.start(url, port, folder) : undefined;
    const sigchains = around.sigchains ? await SigServer.start(url.host, folder) : undefined;
    const settings = typeof around.broker === "object" ? around.broker : {};
    const server = new Server({ port, url, folder, broker, sigchains, settings });
    await listening("kez-chat-server", server.#process, server.log);
    if (around.tls) server.#proxy = await Proxy.start(url, port, broker?.webPort, folder);
    return server;
  }

  /** Ends it the way a service manager does; it has to end well. */
  async stop(): Promise<void> {
    await this.#proxy?.stop();
    if (this.#process.exitCode === null) {
      const exit = once(this.#process, "exit");
      this.#process.kill("SIGTERM");
      await exit;
    }
    await this.broker?.stop();
    await this.sigchains?.stop();
    await rm(this.folder, { recursive: true });
    if (this.#process.exitCode !== 0) throw new Error(`the server ended with ${this.#process.exitCode}:\n${this.log.join("\n")}`);
  }

  /** Takes the database away while `meanwhile` runs, and puts it back. */
  async withoutDatabase(meanwhile: () => Promise<void>): Promise<void> {
    const away = join(this.folder, "away.db");
    await rename(this.#database, away);
    try {
      await meanwhile();
    } finally {
      await rename(away, this.#database);
    }
  }

  get #database(): string {
    return join(this.folder, "kez.db");
  }
}

/** Until a program says that it is listening; what it logs is in `log`, also later. */
export async function listening(program: string, started: ChildProcess, log: string[]): Promise<void> {
  const { stderr } = started;
  if (stderr === null) throw new Error(`${program} has no log`);
  const lines = createInterface({ input: stderr });
  await new Promise<void>((resolve, reject) => {
    started.once("error", reject);
    lines.on("line", (line) => {
      log.push(line);
      if (line.includes(`"${program} is listening"`)) resolve();
    });
    lines.once("close", () => reject(new Error(`${program} did not start:\n${log.join("\n")}`)));
  });
}

/** The server's name holds its port, so the port has to be known before the server is. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Whether something takes connections on a port. */
export async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
