// Signed envelopes, made by hand: what somebody could send, or a server that lies could serve.
import { type KeyObject, createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export type Payload = { [name: string]: string | number | null | string[] | Payload };

export interface Envelope {
  kez: string;
  payload: Payload;
  signature: { alg: string; key: string; sig: string };
}

/** A key that signs whatever its owner likes. */
export class Impostor {
  readonly key: string;
  readonly #secret: KeyObject;

  constructor(secret: KeyObject = generateKeyPairSync("ed25519").privateKey) {
    this.#secret = secret;
    this.key = `ed25519:${Buffer.from(secret.export({ format: "jwk" }).x ?? "", "base64url").toString("hex")}`;
  }

  /** The key's 32 bytes, as hexadecimal digits. */
  get hex(): string {
    return this.key.slice("ed25519:".length);
  }

  /** A registration without fault, but for who signed it. */
  registration(handle: string, server: string): Envelope {
    const members = { handle, primary: this.key, server, created_at: now() };
    return this.#envelope("handle_registration", { type: "kez.chat.handle_registration", version: 1, ...members });
  }

  /** A request to the key `to` to be in touch, as of the identity `from`; no two are the same. */
  contactRequest(to: string, server: string, from = this.key): Envelope {
    const members = { from, to, server, created_at: now(), nonce: randomBytes(16).toString("hex") };
    return this.#envelope("contact_request", { type: "kez.chat.contact_request", version: 1, ...members });
  }

  /** An event of a chain. */
  event(type: string, place: { chain: string; seq: number; prev: string | null }, body: Payload): Envelope {
    return this.#envelope("sigchain_event", { type: `kez.sigchain.${type}`, version: 1, ...place, created_at: now(), body });
  }

  /** An event of a chain that makes `primary` its primary, and the only key that may rotate. */
  rotation(place: { chain: string; seq: number; prev: string }, primary: Impostor): Envelope {
    const possession = { type: "kez.sigchain.key_possession", version: 1, ...place, key: primary.key, role: "primary" };
    const pop = primary.sign(canonical(possession)).toString("hex");
    const body = { primary: primary.key, rotation_keys: [primary.key], pop };
    return this.event("rotate_primary", place, body);
  }

  /** A signature over whatever bytes. */
  sign(bytes: Buffer): Buffer {
    return sign(null, bytes, this.#secret);
  }

  #envelope(kez: string, payload: Payload): Envelope {
    const sig = this.sign(canonical(payload)).toString("hex");
    return { kez, payload, signature: { alg: "ed25519-sha512-jcs", key: this.key, sig } };
  }
}

/** An envelope's id: SHA-256 of its canonical bytes. */
export function idOf(envelope: Envelope): string {
  const { kez, payload, signature } = envelope;
  return `sha256:${createHash("sha256").update(canonical({ kez, payload, signature })).digest("hex")}`;
}

function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

/** RFC 8785 for what these hold: ASCII texts, lists of them and small integers. */
function canonical(payload: Payload): Buffer {
  return Buffer.from(JSON.stringify(sorted(payload)));
}

function sorted(payload: Payload): Payload {
  const members = Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, value]) => [name, isPayload(value) ? sorted(value) : value]));
}

function isPayload(value: Payload[string]): value is Payload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
