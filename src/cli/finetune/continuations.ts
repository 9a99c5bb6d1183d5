import type { ReportContinuation } from "../../finetune/report.ts";
import { printable, wrap } from "../text.ts";

/** Characters of a line. */
const WIDTH = 96;
const LABELS = { before: "  before  ", after: "  after   " } as const;

/** What a language model wrote on from prompts, before and after training, as lines for a terminal. */
export function describeContinuations(continuations: readonly ReportContinuation[]): string[] {
  const lines = (which: keyof typeof LABELS, text: string | undefined): string[] => {
    if (text === undefined) return [];
    const [first, ...more] = wrap(printable(text), WIDTH - LABELS[which].length);
    return [LABELS[which] + first, ...more.map((line) => " ".repeat(LABELS[which].length) + line)];
  };
  const samples = continuations.flatMap(({ prompt, before, after }) => [
    "",
    `From “${printable(prompt)}”`,
    ...lines("before", before),
    ...lines("after", after),
  ]);
  return [...samples, ""];
}
