// A sigchain server of its own: another origin than the pages', which keeps a server's chains.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { configured, freePort, listening } from "./server.ts";

export class SigServer {
  /** Everything that it logged, one JSON document a line. */
  readonly log: string[] = [];
  /** Where browsers and the chat server reach it. */
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(server: string, folder: string, port: number) {
    this.url = `http://localhost:${port}`;
    const settings = {
      "--bind": `127.0.0.1:${port}`,
      "--db": join(folder, "sig.db"),
      "--server": server,
      "--public-url": this.url,
      "--registry-url": `http://${server}`,
    };
    this.#process = spawn(configured("KEZ_SIG_SERVER_BIN"), Object.entries(settings).flat(), { env: {}, stdio: ["ignore", "ignore", "pipe"] });
  }

  /** Starts one for the server of this name, with its files in `folder`, and returns when it takes connections. */
  static async start(server: string, folder: string): Promise<SigServer> {
    const sigchains = new SigServer(server, folder, await freePort());
    await listening("kez-sig-server", sigchains.#process, sigchains.log);
    return sigchains;
  }

  /** Ends it the way a service manager does. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await exit;
  }
}
