import type { Verdict } from "./run.ts";

interface Line {
  passed: number;
  failed: number;
  reasons: Map<string, number>;
}

/** Counts of a suite by operator, and why cases do not apply. */
export class Report {
  readonly #lines = new Map<string, Line>();

  constructor(readonly suite: string) {}

  add(op: string, verdict: Verdict): void {
    const line = this.#lines.get(op) ?? { passed: 0, failed: 0, reasons: new Map() };
    this.#lines.set(op, line);
    if (verdict.status === "passed") line.passed++;
    else if (verdict.status === "failed") line.failed++;
    else line.reasons.set(verdict.reason, (line.reasons.get(verdict.reason) ?? 0) + 1);
  }

  get totals(): { passed: number; notApplicable: number; failed: number } {
    const sum = (count: (line: Line) => number) => [...this.#lines.values()].reduce((total, l) => total + count(l), 0);
    return {
      passed: sum(({ passed }) => passed),
      notApplicable: sum(({ reasons }) => [...reasons.values()].reduce((a, b) => a + b, 0)),
      failed: sum(({ failed }) => failed),
    };
  }

  /** One line for the suite, one for every operator with cases that did not pass, and a list of those that all did. */
  toString(): string {
    const { passed, notApplicable, failed } = this.totals;
    const whole = [...this.#lines].filter(([, { failed: bad, reasons }]) => bad === 0 && reasons.size === 0);
    const rest = [...this.#lines].filter(([, { failed: bad, reasons }]) => bad > 0 || reasons.size > 0);
    return [
      `${this.suite}: ${passed} passed, ${notApplicable} not applicable, ${failed} failed`,
      `  all cases pass: ${whole.map(([op, line]) => `${op} ${line.passed}`).join(", ")}`,
      ...rest.map(([op, line]) => {
        const reasons = [...line.reasons].map(([reason, count]) => `${count} not applicable (${reason})`);
        return `  ${op}: ${line.passed} passed, ${[...reasons, `${line.failed} failed`].join(", ")}`;
      }),
    ].join("\n");
  }
}
