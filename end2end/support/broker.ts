// A real message broker, with the configuration that `kez-chat-server init` writes for it.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { answers, configured, freePort } from "./server.ts";

const run = promisify(execFile);
/** Milliseconds. */
const DEADLINE = 60_000;

export class Broker {
  /** What the server needs to know of it. */
  readonly env: Record<string, string>;
  /** Where browsers reach it. */
  readonly url: string;
  /** Where other programs reach it. */
  readonly port: number;
  /** Where its own WebSocket is, which a proxy may stand before. */
  readonly webPort: number;
  readonly #folder: string;
  readonly #program: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string, program: string, port: number, webPort: number, env: Record<string, string>) {
    this.#folder = folder;
    this.#program = program;
    this.port = port;
    this.webPort = webPort;
    this.url = env.KEZ_CHAT_NATS_WS_URL ?? "";
    this.env = env;
  }

  /** Starts one for the server that is reached at `url` and listens on `serverPort`, with its files below `folder`. `program`
   * is a name that scripts/env knows. */
  static async start(url: URL, serverPort: number, folder: string, program = "KEZ_NATS_SERVER_BIN"): Promise<Broker> {
    const [port, webPort, httpPort, out] = [await freePort(), await freePort(), await freePort(), join(folder, "nats")];
    const settings = {
      "--bind": `127.0.0.1:${serverPort}`,
      "--server": url.host,
      "--origin": url.origin,
      "--out": out,
      "--nats-listen": `127.0.0.1:${port}`,
      "--nats-ws-listen": `127.0.0.1:${webPort}`,
      "--nats-http-listen": `127.0.0.1:${httpPort}`,
    };
    await run(configured("KEZ_CHAT_SERVER_BIN"), ["init", ...Object.entries(settings).flat()], { env: {} });
    const broker = new Broker(out, program, port, webPort, variables(await readFile(join(out, "kez.env"), "utf8")));
    await broker.up();
    return broker;
  }

  /** Starts it, or starts it again; what it kept is still there. */
  async up(): Promise<void> {
    const configuration = join(this.#folder, "nats.conf");
    const started = spawn(configured(this.#program), ["-c", configuration], { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
    const log: string[] = [];
    started.stderr?.on("data", (data: Buffer) => log.push(data.toString()));
    this.#process = started;
    const deadline = Date.now() + DEADLINE;
    while (!(await answers(this.port)) || !(await answers(this.webPort))) {
      if (started.exitCode !== null || Date.now() > deadline) throw new Error(`the broker did not start:\n${log.join("")}`);
      await setTimeout(50);
    }
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exit = once(running, "exit");
    running.kill("SIGTERM");
    await exit;
  }
}

/** NAME=value, a line each; comments begin with #. */
function variables(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => /^[A-Z]/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
