import { cosineOfPi } from "../tensor/portable-math.ts";

/** What to multiply a learning rate by at optimizer step s = 0, 1, ... */
export type Schedule = (step: number) => number;

/** Names of schedules, as {@link makeSchedule} takes them. */
export const SCHEDULE_NAMES = ["constant", "linear", "cosine", "triangular"] as const;
/** One of them. */
export type ScheduleName = (typeof SCHEDULE_NAMES)[number];

/** Steps that a schedule is laid over. */
export interface ScheduleOptions {
  /** W: steps over which the factor rises to 1. */
  readonly warmupSteps: number;
  /** S: steps of the whole run. */
  readonly totalSteps: number;
}

/** f(s) = min(s/W, 1), as transformers' `get_constant_schedule_with_warmup`. */
export function constantSchedule({ warmupSteps }: Pick<ScheduleOptions, "warmupSteps">): Schedule {
  requireSteps("warm-up", warmupSteps);
  return (step) => (step < warmupSteps ? step / warmupSteps : 1);
}

/** f(s) = s/W up to W, then (S-s)/(S-W) down to 0, as transformers' `get_linear_schedule_with_warmup`. */
export function linearSchedule({ warmupSteps, totalSteps }: ScheduleOptions): Schedule {
  requireSteps("warm-up", warmupSteps);
  requireSteps("total", totalSteps);
  return (step) =>
    step < warmupSteps ? step / warmupSteps : Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
}

/**
 * f(s) = s/W up to W, then (1 + cos(π·(s-W)/(S-W))) / 2 down to 0, as transformers' `get_cosine_schedule_with_warmup`
 * with its half cycle. Like that one it would rise again after S steps.
 */
export function cosineSchedule({ warmupSteps, totalSteps }: ScheduleOptions): Schedule {
  requireSteps("warm-up", warmupSteps);
  requireSteps("total", totalSteps);
  return (step) => {
    if (step < warmupSteps) return step / warmupSteps;
    const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return (1 + cosineOfPi(progress)) / 2;
  };
}

/**
 * f(s) = min((s+1)/W, (S-s)/(S-W), 1): up and down again in straight lines, like `linearSchedule`, but 0 at no step of
 * the run, so that the first batch already counts. W is a tenth of the run, rounded up, unless given.
 */
export function triangularSchedule({
  totalSteps,
  warmupSteps = Math.ceil(totalSteps / 10),
}: Pick<ScheduleOptions, "totalSteps"> & Partial<ScheduleOptions>): Schedule {
  requireSteps("warm-up", warmupSteps);
  requireSteps("total", totalSteps);
  return (step) => {
    const rise = warmupSteps === 0 ? 1 : (step + 1) / warmupSteps;
    const fall = Math.max(0, totalSteps - step) / Math.max(1, totalSteps - warmupSteps);
    return Math.min(rise, fall, 1);
  };
}

/** The schedule of that name. */
export function makeSchedule(name: ScheduleName, options: ScheduleOptions): Schedule {
  switch (name) {
    case "constant":
      return constantSchedule(options);
    case "linear":
      return linearSchedule(options);
    case "cosine":
      return cosineSchedule(options);
    case "triangular":
      return triangularSchedule(options);
    default:
      throw new RangeError(`unknown schedule "${name}"; there are ${SCHEDULE_NAMES.join(", ")}`);
  }
}

function requireSteps(what: string, steps: number): void {
  if (!Number.isInteger(steps) || steps < 0)
    throw new RangeError(`expected a ${what} of 0 or more steps, got ${steps}`);
}
