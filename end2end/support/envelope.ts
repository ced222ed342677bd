// Signed registrations, made by hand: what a server that lies could serve.
import { type KeyObject, generateKeyPairSync, sign } from "node:crypto";

export interface Envelope {
  kez: string;
  payload: Record<string, string | number>;
  signature: { alg: string; key: string; sig: string };
}

/** A key that signs whatever its owner likes. */
export class Impostor {
  readonly key: string;
  readonly #secret: KeyObject;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    this.#secret = privateKey;
    this.key = `ed25519:${Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url").toString("hex")}`;
  }

  /** A registration without fault, but for who signed it. */
  registration(handle: string, server: string): Envelope {
    const payload = {
      type: "kez.chat.handle_registration",
      version: 1,
      handle,
      primary: this.key,
      server,
      created_at: `${new Date().toISOString().slice(0, 19)}Z`,
    };
    const sig = sign(null, canonical(payload), this.#secret).toString("hex");
    return { kez: "handle_registration", payload, signature: { alg: "ed25519-sha512-jcs", key: this.key, sig } };
  }
}

/** RFC 8785 for what registrations hold: one level of ASCII texts and small integers. */
function canonical(payload: Record<string, string | number>): Buffer {
  return Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1)))));
}
