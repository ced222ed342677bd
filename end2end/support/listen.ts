// Runs in every page before its own scripts.

export type Told = { drawn: number[] } | { page: string } | { violation: string };

declare global {
  interface Window {
    /** To the test, past the network and the console. */
    __tell(told: Told): Promise<void>;
  }
}

/** Tells the test what the page draws as randomness, every state of its document, and every violation of its policy. */
export function listen(): void {
  const draw = crypto.getRandomValues.bind(crypto);
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    draw(array as ArrayBufferView<ArrayBuffer>);
    if (array !== null && array.byteLength === 32) {
      void window.__tell({ drawn: [...new Uint8Array(array.buffer, array.byteOffset, 32)] });
    }
    return array;
  };
  addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sample }) => {
    void window.__tell({ violation: `${effectiveDirective} ${blockedURI} ${sample}` });
  });
  const state = () => {
    const fields = [...document.querySelectorAll("input")].map((input) => input.value);
    void window.__tell({ page: [document.documentElement.outerHTML, ...fields].join("\n") });
  };
  new MutationObserver(state).observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
}
