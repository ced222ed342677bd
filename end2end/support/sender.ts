// Somebody who speaks to the broker without any client of ours, and sends what no client would.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { createInterface } from "node:readline";

import { type Envelope, Impostor } from "./envelope.ts";
import type { Server } from "./server.ts";

/** What the stream said of a message. */
export interface Answer {
  stream?: string;
  seq?: number;
  error?: { err_code: number; description: string };
}

export class Sender {
  readonly self: Impostor;
  readonly #server: Server;
  readonly #socket: Socket;
  #answered: (answer: Answer) => void = () => {};

  private constructor(self: Impostor, server: Server, socket: Socket) {
    this.self = self;
    this.#server = server;
    this.#socket = socket;
  }

  /** Registers `handle` for a new key and signs in with it. */
  static async called(handle: string, server: Server): Promise<Sender> {
    const self = new Impostor();
    const body = JSON.stringify(self.registration(handle, server.name));
    const registered = await fetch(`${server.url}/v1/register`, { method: "POST", headers: { "content-type": "application/json" }, body });
    if (registered.status !== 201) throw new Error(`${handle}: ${await registered.text()}`);
    const sender = new Sender(self, server, connect(server.broker?.port ?? 0, "127.0.0.1"));
    await sender.#signIn();
    return sender;
  }

  /** Sends an envelope to the key `to`, under the own name: the broker allows no other. */
  async send(to: string, envelope: Envelope): Promise<Answer> {
    const body = Buffer.from(JSON.stringify(envelope));
    const head = `NATS/1.0\r\nNats-Msg-Id: ${randomBytes(16).toString("hex")}\r\n\r\n`;
    const subject = `kez.send.${this.self.hex}.${to.slice("ed25519:".length)}`;
    const answer = new Promise<Answer>((resolve) => (this.#answered = resolve));
    this.#socket.write(`HPUB ${subject} ${this.#inbox} ${head.length} ${head.length + body.length}\r\n${head}`);
    this.#socket.write(Buffer.concat([body, Buffer.from("\r\n")]));
    return answer;
  }

  /** Sends so many good requests; what the stream said of each. */
  async flood(to: string, count: number): Promise<Answer[]> {
    const answers = [];
    for (let sent = 0; sent < count; sent += 1) answers.push(await this.send(to, this.self.contactRequest(to, this.#server.name)));
    return answers;
  }

  leave(): void {
    this.#socket.destroy();
  }

  get #inbox(): string {
    return `_INBOX_${this.self.hex}.answers`;
  }

  async #signIn(): Promise<void> {
    const lines = createInterface({ input: this.#socket });
    const [info] = (await once(lines, "line")) as [string];
    const { nonce } = JSON.parse(info.slice("INFO ".length)) as { nonce: string };
    const message = `kez-chat/nats-connect/v1\n${this.#server.name}\n${nonce}`;
    const sig = this.self.sign(Buffer.from(message)).toString("base64url");
    const login = { nkey: nkey(this.self.hex), sig, headers: true, verbose: false, pedantic: false, protocol: 1, lang: "test", version: "0" };
    const signedIn = new Promise<void>((resolve, reject) => {
      lines.on("line", (line) => {
        if (line === "PING") this.#socket.write("PONG\r\n");
        else if (line === "PONG") resolve();
        else if (line.startsWith("-ERR")) reject(new Error(line));
        else if (line.startsWith("{")) this.#answered(JSON.parse(line) as Answer);
      });
    });
    this.#socket.write(`CONNECT ${JSON.stringify(login)}\r\nSUB ${this.#inbox} 1\r\nPING\r\n`);
    await signedIn;
  }
}

/** A key as NATS writes a user's: base32 of a prefix, the key, and a CRC-16/XMODEM. */
function nkey(hex: string): string {
  const body = Buffer.concat([Buffer.from([20 << 3]), Buffer.from(hex, "hex")]);
  let crc = 0;
  for (const byte of body) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  const bits = [...body, crc & 0xff, crc >> 8].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.replace(/.{5}/g, (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[parseInt(five, 2)] ?? "");
}
