// The real server: the release program on a port of its own, with a database of its own that lasts as long as a test.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Broker } from "./broker.ts";
import { SigServer } from "./sigserver.ts";

/** What scripts/env says, or a sentence that tells how to get there. */
export function configured(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set: run \`make e2e\`, or source scripts/env`);
  return value;
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

  private constructor(port: number, folder: string, broker: Broker | undefined, sigchains: SigServer | undefined, more: Record<string, string>) {
    this.folder = folder;
    this.broker = broker;
    this.sigchains = sigchains;
    this.log = sigchains?.log ?? [];
    this.name = nameAt(port);
    this.url = `http://${this.name}`;
    const settings = {
      "--bind": `127.0.0.1:${port}`,
      "--db": this.#database,
      "--server": this.name,
      "--public-url": this.url,
      "--web-dir": configured("KEZ_SITE"),
      ...(sigchains === undefined ? {} : { "--sig-server-url": sigchains.url }),
    };
    this.#process = spawn(configured("KEZ_CHAT_SERVER_BIN"), Object.entries(settings).flat(), {
      env: { ...broker?.env, ...more },
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  /** Starts one, and returns when it takes connections. */
  static async start(withBroker: boolean | Record<string, string> = false, program?: string, withSigchains = false): Promise<Server> {
    const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), "kez-end2end-"))];
    const broker = withBroker ? await Broker.start(nameAt(port), folder, program) : undefined;
    const sigchains = withSigchains ? await SigServer.start(nameAt(port), folder) : undefined;
    const server = new Server(port, folder, broker, sigchains, typeof withBroker === "object" ? withBroker : {});
    await listening("kez-chat-server", server.#process, server.log);
    return server;
  }

  /** Ends it the way a service manager does; it has to end well. */
  async stop(): Promise<void> {
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

function nameAt(port: number): string {
  return `localhost:${port}`;
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
