import { defineConfig } from "@playwright/test";

// The tests start the server themselves: KEZ_CHAT_SERVER_BIN, KEZ_SITE and KEZ_CHROMIUM come from scripts/env.
export default defineConfig({
  testDir: "journeys",
  // For machines that are slow or busy: what is waited for is a state, and how soon it comes is not tested here.
  timeout: 240_000,
  expect: { timeout: 40_000 },
  fullyParallel: true,
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  reporter: process.env.CI ? [["line"], ["./support/failures.ts"]] : [["list"]],
  use: {
    browserName: "chromium",
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.KEZ_CHROMIUM || undefined,
      // No sandbox, for containers; nothing that calls home, for machines without a way out.
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
