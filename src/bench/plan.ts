import { FAMILIES } from "./families/index.ts";
import { BenchUsageError, type Family, variantNames } from "./family.ts";
import type { BenchPlan } from "./run.ts";
import { STEP_ROWS } from "./steps/index.ts";
import { OP_ROWS } from "./table/index.ts";

/** Steps that are rows of the table which is compared with other engines. */
const TABLE_STEPS = ["transformer-block/forward", "transformer-block/forward+backward", "training-step"];

/** Suites by name. */
export const SUITES: Readonly<Record<string, { summary: string; plan: () => BenchPlan }>> = {
  all: {
    summary: "every ladder at its default size; what runs when nothing is named",
    plan: () => ({ ladders: FAMILIES.map((family) => ({ family })), ops: [], steps: [] }),
  },
  table: {
    summary: "single ops at sizes of real models, forward and backward, a block and a training step",
    plan: () => ({ ladders: [], ops: OP_ROWS, steps: STEP_ROWS.filter(({ id }) => TABLE_STEPS.includes(id)) }),
  },
  "end-to-end": {
    summary: "blocks and whole training steps, with what they ask of the device",
    plan: () => ({ ladders: [], ops: [], steps: STEP_ROWS }),
  },
};

/**
 * The plan of a name: a suite, a family, a row by its id, or all rows whose id begins with it.
 *
 * @throws BenchUsageError listing suites and families.
 */
export function planOf(name: string): BenchPlan {
  if (Object.hasOwn(SUITES, name)) return SUITES[name].plan();
  const family = FAMILIES.find((one) => one.name === name);
  if (family) return { ladders: [{ family }], ops: [], steps: [] };
  const isMeant = ({ id }: { id: string }): boolean => id === name || id.startsWith(`${name}/`);
  const plan = { ladders: [], ops: OP_ROWS.filter(isMeant), steps: STEP_ROWS.filter(isMeant) };
  if (plan.ops.length + plan.steps.length > 0) return plan;
  throw new BenchUsageError(
    `nothing is named ${JSON.stringify(name)}; suites: ${Object.keys(SUITES).join(", ")}; families: ` +
      `${FAMILIES.map((one) => one.name).join(", ")}; a row goes by its id`,
  );
}

/** Names as text by headings: everything that can be named, or what a plan runs. */
export function listOfNames(
  plan?: BenchPlan,
): { heading: string; entries: readonly (readonly [name: string, text: string])[] }[] {
  const describe = (family: Family): string =>
    `${family.computes}. Size ${family.sizeForms}; variants ${variantNames(family).join(", ")}`;
  const { ladders, ops, steps } = plan ?? { ...SUITES.all.plan(), ops: OP_ROWS, steps: STEP_ROWS };
  const suites = plan ? [] : Object.entries(SUITES).map(([name, { summary }]) => [name, summary] as const);
  const families = ladders.map(({ family }) => [family.name, describe(family)] as const);
  return [
    { heading: "Suites", entries: suites },
    { heading: "Families", entries: families },
    { heading: "Rows of the table", entries: ops.map(({ id, title }) => [id, title] as const) },
    { heading: "Rows end to end", entries: steps.map(({ id, title }) => [id, title] as const) },
  ].filter(({ entries }) => entries.length > 0);
}
