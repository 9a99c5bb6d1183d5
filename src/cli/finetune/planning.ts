import { formatBytes, formatCount, unitsOf } from "../../finetune/format.ts";
import type { Plan, Task } from "../../finetune/index.ts";
import { MEMORY_KINDS } from "../../finetune/plan/memory.ts";
import type { PlannedTask } from "../../jobs/training/planning.ts";
import { printable, table } from "../text.ts";

const KIND_NAMES: Record<(typeof MEMORY_KINDS)[number], string> = {
  weights: "weights",
  gradients: "gradients",
  moments: "optimizer's moments",
  activations: "activations for the backward pass",
  cache: "activations below the frozen boundary",
  workspace: "workspace",
};

const PEAKS: Record<Plan["peakDuring"], string> = {
  preparation: "before the first step",
  step: "in a step",
  evaluation: "in an evaluation",
};

/** 2.5e9 -> "2.50 G" */
function formatLarge(count: number): string {
  const units = ["", "k", "M", "G", "T", "P"];
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  return power === 0 ? String(count) : `${(count / 1000 ** power).toPrecision(3)} ${units[power]}`;
}

const formatLimit = (bytes: number): string => (Number.isFinite(bytes) ? formatBytes(bytes) : "not known");

/** What a training would take, as lines for a terminal. */
export function describePlan({ plan, stage }: Pick<PlannedTask, "plan" | "stage">, task: Task): string[] {
  const { bytes, atPeak, limits, largestBuffer, largestBinding, changes } = plan;
  const kinds = MEMORY_KINDS.filter((kind) => bytes[kind] > 0);
  const size = plan.length === null ? "" : ` of at most ${formatCount(plan.length)} ${unitsOf(task).many}`;
  const times = plan.accumulate === 1 ? "" : `, ${plan.accumulate} batches a step`;
  const lines = [
    ...(stage ? [`Of ${stage.count} stages, ${stage.index} takes most: ${printable(stage.name)}`] : []),
    `A step: ${formatCount(plan.batch)} examples a batch${size}${times}`,
    "",
    ...table(
      [
        ["memory", "at most", `at the peak, ${PEAKS[plan.peakDuring]}`],
        ...kinds.map((kind) => [`  ${KIND_NAMES[kind]}`, formatBytes(bytes[kind]), formatBytes(atPeak[kind])]),
        ["  in all", "", formatBytes(plan.peakBytes)],
      ],
      ["left", "right", "right"],
    ),
    "",
    ...table([
      ["largest buffer", formatBytes(largestBuffer.bytes), `${printable(largestBuffer.label)}`],
      ["largest binding", formatBytes(largestBinding.bytes), `in ${largestBinding.kernel}`],
      ["a step", `${formatCount(plan.dispatches)} dispatches`, `${formatLarge(plan.flops)}FLOP in products`],
      ["pipelines", formatCount(plan.pipelines.length)],
    ]),
    "",
    `${plan.adapter}: memory ${formatLimit(limits.memory)}, ` +
      `a buffer ${formatBytes(limits.buffer)}, a binding ${formatBytes(limits.binding)}`,
    plan.problem === null ? "It fits." : `It does not fit: ${printable(plan.problem)}.`,
  ];
  if (plan.problem === null) return lines;
  if (changes.length === 0) return [...lines, "No smaller batch fits either."];
  const rows = changes.map(({ description, peakBytes, cost, changesResult }) => [
    `  ${description}`,
    formatBytes(peakBytes),
    `${cost.toFixed(2)} times the work${changesResult ? ", another training" : ""}`,
  ]);
  return [...lines, "What fits, the cheapest first:", ...table(rows, ["left", "right"])];
}
