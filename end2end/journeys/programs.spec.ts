// The JavaScript library that other people's programs use at the broker: with an authenticator of ours, and as it comes.
import { createPrivateKey, sign } from "node:crypto";

import { type Authenticator, type NatsConnection, connect, headers, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
import { expect, test } from "@playwright/test";

import { Impostor } from "../support/envelope.ts";
import { Server } from "../support/server.ts";

/** The library's own key pair; its seed is what stock clients sign with. */
const pair = nkeys.createUser();
/** DER of an Ed25519 private key (RFC 8410) up to its 32 bytes. */
const DER = Buffer.from("302e020100300506032b657004220420", "hex");
const secret = createPrivateKey({ key: Buffer.concat([DER, rawSeed(pair.getSeed())]), format: "der", type: "pkcs8" });
const somebody = new Impostor(secret);
const me = somebody.hex;

/** The 32 bytes in a seed's text: two bytes say what it is, two are a checksum. */
function rawSeed(text: Uint8Array): Buffer {
  let bits = "";
  for (const letter of Buffer.from(text).toString("ascii")) {
    bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0");
  }
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2))).subarray(2, 34);
}

/** Signs for this server, whatever the broker's nonce is. */
function authenticator(server: Server): Authenticator {
  return (nonce) => {
    const message = Buffer.from(`kez-chat/nats-connect/v1\n${server.name}\n${nonce}`);
    return { nkey: pair.getPublicKey(), sig: sign(null, message, secret).toString("base64url") };
  };
}

function login(server: Server, by: Authenticator): Promise<NatsConnection> {
  const inboxPrefix = `_INBOX_${me}`;
  return connect({ servers: `127.0.0.1:${server.broker?.port}`, authenticator: by, inboxPrefix, reconnect: false });
}

/** Sends, pulls and acknowledges: everything that a login permits. */
async function works(connection: NatsConnection): Promise<void> {
  const id = headers();
  id.set("Nats-Msg-Id", crypto.randomUUID());
  const sent = await connection.request(`kez.send.${me}.${me}`, "note", { headers: id, timeout: 20_000 });
  expect(sent.json()).toMatchObject({ stream: "KEZ_INBOX" });
  const pull = JSON.stringify({ batch: 1, expires: 2_000_000_000 });
  // What is pulled arrives under its own subject, so it needs a subscription to itself.
  const next = `$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.${me}`;
  const message = await connection.request(next, pull, { timeout: 20_000, noMux: true });
  expect(message.string()).toBe("note");
  await connection.request(message.reply ?? "", "+ACK", { timeout: 20_000 });
  await connection.close();
}

async function ready(server: Server): Promise<void> {
  await expect.poll(async () => (await fetch(`${server.url}/v1/readyz`)).status).toBe(200);
}

async function register(server: Server): Promise<void> {
  const body = JSON.stringify(somebody.registration("program", server.name));
  const answer = await fetch(`${server.url}/v1/register`, { method: "POST", headers: { "content-type": "application/json" }, body });
  expect(answer.status, await answer.text()).toBe(201);
}

for (const [settings, stock] of [
  [{}, false],
  [{ KEZ_CHAT_NATS_ALLOW_STOCK_NKEY: "true" }, true],
] as const) {
  test(`a program logs in with an authenticator of ours, and ${stock ? "as it comes" : "not as it comes"}`, async () => {
    const server = await Server.start({ broker: settings });
    try {
      await ready(server);
      await expect(login(server, authenticator(server)), "no handle yet").rejects.toThrow(/authorization violation/i);
      await register(server);
      await works(await login(server, authenticator(server)));
      const asItComes = login(server, nkeyAuthenticator(pair.getSeed()));
      if (stock) await works(await asItComes);
      else await expect(asItComes).rejects.toThrow(/authorization violation/i);
    } finally {
      await server.stop();
    }
  });
}
