// The proxy that speaks TLS: Caddy, with the configuration that is shipped for it.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { answers, configured, freePort } from "./server.ts";

const run = promisify(execFile);
/** Milliseconds. */
const DEADLINE = 60_000;

/** The parts of Caddy's own format that are set here. */
interface Configuration {
  admin?: { disabled: boolean };
  apps: { http: { http_port?: number }; pki?: object };
}

export class Proxy {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts one that is reached at `url`, before a server and the WebSocket of its broker. */
  static async start(url: URL, server: number, broker: number | undefined, folder: string): Promise<Proxy> {
    const home = join(folder, "caddy");
    await mkdir(home);
    const environment = { PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
    const places = { KEZ_HOST: url.host, KEZ_CHAT_UPSTREAM: `127.0.0.1:${server}`, KEZ_NATS_UPSTREAM: `127.0.0.1:${broker ?? 1}` };
    const shipped = join(configured("KEZ_ROOT"), "deploy", "Caddyfile");
    const { stdout } = await run("caddy", ["adapt", "--adapter", "caddyfile", "--config", shipped], { env: { ...environment, ...places } });
    const configuration = JSON.parse(stdout) as Configuration;
    // Not on this machine's ports, nor into its list of authorities.
    configuration.admin = { disabled: true };
    configuration.apps.http.http_port = await freePort();
    configuration.apps.pki = { certificate_authorities: { local: { install_trust: false } } };
    const file = join(home, "caddy.json");
    await writeFile(file, JSON.stringify(configuration));
    const started = spawn("caddy", ["run", "--config", file], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
    const log: string[] = [];
    started.stderr.on("data", (data: Buffer) => log.push(data.toString()));
    const deadline = Date.now() + DEADLINE;
    while (!(await answers(Number(url.port)))) {
      if (started.exitCode !== null || Date.now() > deadline) throw new Error(`the proxy did not start:\n${log.join("")}`);
      await setTimeout(50);
    }
    return new Proxy(started);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await exit;
  }
}
