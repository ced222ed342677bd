// Says at the end of a run once more what failed and why, where whoever reads a long log looks first.
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class Failures implements Reporter {
  readonly #lines: string[] = [];

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === test.expectedStatus || result.status === "skipped") return;
    const why = result.errors.map((error) => error.message ?? error.value ?? "").join("\n");
    const said = why.replace(/\u001b\[[0-9;]*m/g, "").split("\n").slice(0, 24).join("\n    ");
    this.#lines.push(`try ${result.retry + 1} of ${test.titlePath().filter(Boolean).join(" > ")}\n    ${said}`);
  }

  onExit(): Promise<void> {
    if (this.#lines.length > 0) process.stdout.write(`\nWhat went wrong:\n${this.#lines.join("\n")}\n`);
    return Promise.resolve();
  }
}
