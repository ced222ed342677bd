// The headers that hold the browser to what the pages need.
import { Person } from "../support/kez.ts";
import { expect, test } from "../support/test.ts";

const nonceOf = (policy: string) => /'nonce-([^']+)'/.exec(policy)?.[1] ?? "";

test("every page has a strict policy, with a nonce of its own", async ({ request, server }) => {
  await Person.called("anna", server);
  const nonces = new Set<string>();
  const paths = ["/", "/register", "/identity", "/@anna", "/@nobody", "/docs", "/nothing"];
  for (const path of [...paths, ...paths]) {
    const answer = await request.get(path);
    const headers = answer.headers();
    const policy = headers["content-security-policy"] ?? "";
    expect(policy, path).toMatch(/^default-src 'none'; script-src 'nonce-[^']{16,}' 'wasm-unsafe-eval'; style-src 'self';/);
    expect(policy, path).toContain("frame-ancestors 'none'");
    expect(policy, path).not.toMatch(/'unsafe-inline'|'unsafe-eval'|\*|data:|https?:/);
    expect(headers["x-content-type-options"], path).toBe("nosniff");
    expect(headers["referrer-policy"], path).toBe("no-referrer");
    expect(headers["permissions-policy"], path).toContain("camera=()");
    const html = await answer.text();
    expect(html, path).toContain(`nonce="${nonceOf(policy)}"`);
    expect(html, `${path}: no inline style or handler`).not.toMatch(/<style|\sstyle=|\son[a-z]+=/i);
    nonces.add(nonceOf(policy));
  }
  expect(nonces.size).toBe(2 * paths.length);
});

test.describe("with a broker", () => {
  test.use({ withBroker: true });

  test("pages may connect to the broker, and to nothing else besides their own server", async ({ request, server }) => {
    for (const path of ["/", "/identity", "/nothing"]) {
      const policy = (await request.get(path)).headers()["content-security-policy"] ?? "";
      expect(policy, path).toContain(`; connect-src 'self' ${server.broker?.url}; `);
    }
  });
});

test("what was built is kept for ever, compressed, and sniffed by nobody", async ({ request }) => {
  const html = await (await request.get("/register")).text();
  const files = [...new Set(html.match(/\/pkg\/[^"]+/g))];
  expect(files.map((file) => file.split(".").at(-1)).sort()).toEqual(["css", "js", "wasm"]);
  for (const file of files) {
    const headers = (await request.get(file, { headers: { "accept-encoding": "br" } })).headers();
    expect(headers["cache-control"], file).toBe("public, max-age=31536000, immutable");
    expect(headers["content-encoding"], file).toBe("br");
    expect(headers["x-content-type-options"], file).toBe("nosniff");
    expect(headers["content-security-policy"], file).toContain("default-src 'none'");
  }
});

test("a page cannot be framed", async ({ page, server, watch }) => {
  watch.expect(/frame-ancestors|chrome-error/);
  await page.route("/frame", (route) => route.fulfill({ contentType: "text/html", body: '<iframe src="/identity"></iframe>' }));
  await page.goto("/frame");
  await expect.poll(() => page.frames().at(-1)?.url()).toContain("chrome-error:");
  expect(page.frames().map((frame) => frame.url())).not.toContain(`${server.url}/identity`);
});
