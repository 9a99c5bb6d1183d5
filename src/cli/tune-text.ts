import { formatMilliseconds } from "../bench/index.ts";
import type { FamilyResult } from "../bench/tune/index.ts";
import { printable, table, wrap } from "./text.ts";

/** Times as a factor: `1.25×`. */
const factor = (value: number): string => `${value.toFixed(2)}×`;

/** What was measured of one family: a sentence for each candidate, times by probe, and what follows from them. */
export function renderFamily(result: FamilyResult, columns = 80): string {
  const { family, description, inUse, candidates, probes } = result;
  const lines = [`${family}: ${description}`];
  const width = Math.max(...candidates.map(({ name }) => name.length));
  for (const { name, description: sentence, status, reason } of candidates) {
    const told = status === "right" ? sentence : `${status === "unavailable" ? "" : "REFUSED, "}${status}: ${reason}`;
    const own = wrap(printable(told), Math.max(20, columns - width - 4));
    lines.push(...own.map((text, i) => `  ${(i === 0 ? name : "").padEnd(width)}  ${text}`));
  }
  const right = candidates.filter(({ status }) => status === "right");
  const rows = [
    ["", ...right.map(({ name }) => (name === inUse ? `${name} (in use)` : name))],
    ...probes.map(({ title, median }) => [title, ...right.map(({ name }) => formatMilliseconds(median[name]))]),
    ["speed", ...right.map(({ speed }) => factor(speed ?? Number.NaN))],
  ];
  const alignments = ["left" as const, ...right.map(() => "right" as const)];
  if (right.length > 0) lines.push("", ...table(rows, alignments).map((line) => `  ${line}`));
  lines.push("", `  ${conclusion(result)}`);
  return lines.join("\n");
}

function conclusion({ inUse, best, gain, candidates }: FamilyResult): string {
  const inUseIs = candidates.find(({ name }) => name === inUse)?.status;
  if (best !== inUse && inUseIs !== "right") return `${best} instead of ${inUse}, which is ${inUseIs} on this adapter.`;
  if (best !== inUse) return `${best} is ${factor(gain)} as fast as ${inUse}: better here.`;
  return inUseIs === "right" ? `${inUse} stays: nothing is clearly faster.` : "No candidate is right on this adapter.";
}
