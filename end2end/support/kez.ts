// Other people, who use the command line.
import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { type Server, configured } from "./server.ts";

const run = promisify(execFile);

/** Somebody with a key of their own. */
export class Person {
  /** Their key id. */
  readonly key: string;
  readonly #server: Server;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(server: Server, env: NodeJS.ProcessEnv, key: string) {
    this.#server = server;
    this.#env = env;
    this.key = key;
  }

  static async meet(server: Server): Promise<Person> {
    const folder = await mkdtemp(join(server.folder, "person-"));
    const env = { HOME: folder, KEZ_KEY: join(folder, "key.json") };
    const { key } = JSON.parse(await kez(env, "key", "new")) as { key: string };
    return new Person(server, env, key);
  }

  /** Somebody who holds `handle`. */
  static async called(handle: string, server: Server): Promise<Person> {
    const person = await Person.meet(server);
    await person.register(handle);
    return person;
  }

  async register(handle: string): Promise<void> {
    await kez(this.#env, "register", handle, "--server", this.#server.url);
  }

  /** Begins a chain and makes another key the primary; gives the key. */
  async rotate(): Promise<string> {
    const folder = this.#env.HOME ?? "";
    const next = join(folder, "next.json");
    await kez(this.#env, "sigchain", "create", "--recovery-out", join(folder, "words"));
    const { key } = JSON.parse(await kez({ ...this.#env, KEZ_KEY: next }, "key", "new")) as { key: string };
    await kez(this.#env, "sigchain", "rotate", "--new-key", next);
    return key;
  }

  async release(): Promise<void> {
    await kez(this.#env, "release");
  }
}

async function kez(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  return (await run(configured("KEZ_BIN"), args, { env })).stdout;
}
