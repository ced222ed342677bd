// Secrets, and looking for them in whatever form they could get out.
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";

/** DER of a PKCS #8 Ed25519 key up to its seed (RFC 8410, 7). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** The key id that a seed belongs to. */
export function keyOf(seed: Buffer): string {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(secret).export({ format: "jwk" });
  return `ed25519:${Buffer.from(x ?? "", "base64url").toString("hex")}`;
}

/** Who knows half of a seed's SHA-512 can sign as well (RFC 8032, 5.1.5), so these are as secret as the seed. */
export function withDerived(secrets: Buffer[]): Buffer[] {
  return secrets.flatMap((secret) => {
    const expanded = createHash("sha512").update(secret).digest();
    return [secret, expanded.subarray(0, 32), expanded.subarray(32)];
  });
}

/** Ways in which programs write bytes. Hexadecimal digits are in lower case here, and compared without case. */
export function spellings(secret: Buffer): Record<string, string> {
  const spelt: Record<string, string> = {
    bytes: secret.toString("latin1"),
    "bytes as UTF-8": Buffer.from(secret.toString("latin1"), "utf8").toString("latin1"),
    decimals: secret.join(","),
    "spaced decimals": secret.join(", "),
    hex: secret.toString("hex"),
    "percent-encoded": [...secret].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""),
  };
  // Inside of a longer text, base64 looks different for each of three positions. Digits shared with neighbours are cut off.
  for (const before of [0, 1, 2]) {
    const inner = (text: string) => text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + secret.length) * 8) / 6));
    const padded = Buffer.concat([Buffer.alloc(before), secret]);
    spelt[`base64 after ${before}`] = inner(padded.toString("base64"));
    spelt[`base64url after ${before}`] = inner(padded.toString("base64url"));
  }
  return spelt;
}

/** How `secrets` are spelt in `place`, without the secrets themselves; empty is good. */
export function found(secrets: Buffer[], place: string | Buffer): string[] {
  const text = typeof place === "string" ? Buffer.from(place, "utf8").toString("latin1") : place.toString("latin1");
  const lower = text.toLowerCase();
  return secrets.flatMap((secret) =>
    Object.entries(spellings(secret))
      .filter(([kind, spelt]) => (/hex|percent/.test(kind) ? lower : text).includes(spelt))
      .map(([kind]) => kind),
  );
}
