// Looking into a browser's vault the way a script on the page could. These functions run in the page.
import type { Page } from "@playwright/test";

/** What a page keeps. Texts are empty where nothing is kept. */
export interface Dump {
  local: string;
  session: string;
  caches: string;
  /** Every text and every array of bytes in every database. */
  database: number[][];
}

export async function dump(): Promise<Dump> {
  const pieces: number[][] = [];
  const collect = (value: unknown): void => {
    if (value instanceof Uint8Array) pieces.push([...value]);
    else if (value instanceof ArrayBuffer) pieces.push([...new Uint8Array(value)]);
    else if (typeof value === "string") pieces.push([...new TextEncoder().encode(value)]);
    else if (Array.isArray(value)) {
      if (value.every((item) => typeof item === "number")) pieces.push([...value]);
      for (const item of value) collect(item);
    } else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) collect(item);
  };
  const settled = <T>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  for (const { name } of await indexedDB.databases()) {
    if (name === undefined) continue;
    const database = await settled(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      collect(await settled(database.transaction(store).objectStore(store).getAll() as IDBRequest<unknown[]>));
    }
    database.close();
  }
  const text = (storage: Storage) => (storage.length === 0 ? "" : JSON.stringify({ ...storage }));
  return {
    local: text(localStorage),
    session: text(sessionStorage),
    caches: "caches" in window ? (await caches.keys()).join(" ") : "",
    database: pieces,
  };
}

/** The record in the vault, as far as it can be told to a test. */
export interface Kept {
  key: string;
  stage: string;
  handle: string;
  /** The browser's own key: whether it says that it can be exported, and the names of the errors of trying. */
  extractable: boolean;
  exports: string[];
  /** Bytes of the sealed seed: nonce, ciphertext and tag. */
  sealedBytes: number;
  /** What the browser's key unwraps, which only a script on this origin can ask for. */
  dataKey: number[];
}

/** The vault's record, or null. */
export async function kept(page: Page): Promise<Kept | null> {
  return page.evaluate(async () => {
    interface Stored {
      key: string;
      stage: string;
      handle: string;
      sealed_seed: Uint8Array;
      device: { key: CryptoKey; nonce: Uint8Array<ArrayBuffer>; wrapped: Uint8Array<ArrayBuffer> };
    }
    const settled = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await settled(indexedDB.open("kez-chat"));
    if (!database.objectStoreNames.contains("identity")) return null;
    const request = database.transaction("identity").objectStore("identity").get("current");
    const record = await settled(request as IDBRequest<Stored | undefined>);
    database.close();
    if (record === undefined) return null;
    const { key, stage, handle, sealed_seed, device } = record;
    const attempt = (format: "raw" | "jwk") =>
      crypto.subtle.exportKey(format, device.key).then(
        () => "exported",
        (error: unknown) => (error instanceof DOMException ? error.name : String(error)),
      );
    const additionalData = new TextEncoder().encode(`kez-chat/vault/v1/slot/device\n${key}`);
    const algorithm = { name: "AES-GCM", iv: device.nonce, additionalData };
    const dataKey = await crypto.subtle.decrypt(algorithm, device.key, device.wrapped);
    return {
      key,
      stage,
      handle,
      extractable: device.key.extractable,
      exports: [await attempt("raw"), await attempt("jwk")],
      sealedBytes: sealed_seed.byteLength,
      dataKey: [...new Uint8Array(dataKey)],
    };
  });
}
