import type { ScheduleName } from "../finetune/index.ts";
import { describeKind } from "../tensor/require-kind.ts";
import { SettingError } from "./errors.ts";

/** What values a number may have. */
export interface NumberRule {
  readonly type: "number" | "integer";
  readonly default?: number;
  readonly min?: number;
  readonly max?: number;
  /** Whether `min` and `max` themselves are refused. */
  readonly exclusive?: boolean;
}

export const SCHEDULES = ["constant", "linear", "cosine"] as const satisfies readonly ScheduleName[];

/** Share of the data kept for validation when there is no other and none is asked for. */
export const DEFAULT_VALID_FRACTION = 0.1;

/** Numbers among the settings: ranges and defaults. */
export const NUMBERS = {
  validFraction: { type: "number", min: 0, max: 1, exclusive: true },
  imageSize: { type: "integer", min: 1 },
  epochs: { type: "integer", default: 3, min: 1 },
  batch: { type: "integer", default: 16, min: 1 },
  accumulate: { type: "integer", default: 1, min: 1 },
  maxLength: { type: "integer", min: 1 },
  lr: { type: "number", default: 1e-4, min: 0, exclusive: true },
  headLr: { type: "number", min: 0, exclusive: true },
  layerDecay: { type: "number", default: 1, min: 0, max: 1 },
  weightDecay: { type: "number", default: 0.01, min: 0 },
  warmup: { type: "number", default: 0.1, min: 0 },
  clip: { type: "number", default: 1, min: 0 },
  gradual: { type: "integer", min: 1 },
  lora: { type: "integer", min: 1 },
  loraAlpha: { type: "number", min: 0, exclusive: true },
  seed: { type: "integer", default: 42, min: 0 },
  maxSteps: { type: "integer", min: 1 },
  evalEvery: { type: "integer", min: 1 },
  evalBatch: { type: "integer", default: 32, min: 1 },
  checkpointEvery: { type: "integer", min: 1 },
} as const satisfies Readonly<Record<string, NumberRule>>;

type NumberName = keyof typeof NUMBERS;
const SWITCHES = ["newHead", "groupByLength", "checkpointBlocks", "noCapture"] as const;
const TEXTS = ["labelColumn", "textColumn", "freeze", "unfreeze", "loraMatch"] as const;

/** Every hyper-parameter of a run, by the names that the options of `graft finetune` have. All have defaults. */
export interface JobSettings extends Partial<Readonly<Record<NumberName, number>>> {
  /** Column of the label and of the text, by name or place from 0 (.tsv, .csv). */
  readonly labelColumn?: string;
  readonly textColumn?: string;
  /** What is done to training images at random: `["crop=4", "flip"]`. */
  readonly augment?: readonly string[];
  /** The rate after the warm-up; `linear` by default. */
  readonly schedule?: (typeof SCHEDULES)[number];
  /** Globs over checkpoint names, comma-separated: not trained. */
  readonly freeze?: string;
  /** Globs of what is trained after all; without `freeze` everything else is frozen. A new head is always trained. */
  readonly unfreeze?: string;
  /** Learning rates of parts of the model, by glob; the first that matches a parameter counts, before `layerDecay`. */
  readonly rates?: Readonly<Record<string, number>>;
  /** Globs over names of linear layers that get an adapter. */
  readonly loraMatch?: string;
  /** Replace the head of a classifier that has other classes. */
  readonly newHead?: boolean;
  /** Batch texts of similar length: quicker, less random. */
  readonly groupByLength?: boolean;
  /** Keep less for the backward pass and compute it again. */
  readonly checkpointBlocks?: boolean;
  /** Run every step's code anew instead of replaying a recorded one: same bits, slower. */
  readonly noCapture?: boolean;
}

type Defaulted = {
  [K in NumberName]: (typeof NUMBERS)[K] extends { default: number } ? K : never;
}[NumberName];

/** Settings with their defaults filled in. */
export type FullSettings = Omit<JobSettings, Defaulted | (typeof SWITCHES)[number] | "schedule"> &
  Readonly<Record<Defaulted, number>> &
  Readonly<Record<(typeof SWITCHES)[number], boolean>> & { readonly schedule: (typeof SCHEDULES)[number] };

/** Every name there is, in the order in which a command line has them. */
export const SETTING_NAMES: readonly (keyof JobSettings)[] = [
  ...["validFraction", "labelColumn", "textColumn", "augment", "imageSize", "epochs", "batch", "accumulate"],
  ...["maxLength", "lr", "headLr", "layerDecay", "rates", "weightDecay", "warmup", "schedule", "clip", "freeze"],
  ...["unfreeze", "gradual", "lora", "loraAlpha", "loraMatch", "newHead", "groupByLength", "seed", "maxSteps"],
  ...["evalEvery", "evalBatch", "checkpointEvery", "checkpointBlocks", "noCapture"],
] as (keyof JobSettings)[];

/**
 * Checks settings and fills in defaults.
 *
 * @throws SettingError for a name that there is not, a value of another kind or out of range, and settings that exclude
 * each other.
 */
export function fullSettings(settings: JobSettings = {}): FullSettings {
  if (typeof settings !== "object" || settings === null) {
    throw new SettingError(() => `settings: expected an object such as { epochs: 3 }, got ${describeKind(settings)}`);
  }
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined) checkSetting(name, value);
  }
  const { warmup, lora, gradual, unfreeze } = settings;
  if (warmup !== undefined && warmup > 1 && !Number.isInteger(warmup)) {
    throw new SettingError((n) => `${n("warmup")}: expected a whole number of steps or a share below 1, got ${warmup}`);
  }
  for (const name of ["loraAlpha", "loraMatch"] as const) {
    if (settings[name] !== undefined && lora === undefined) {
      throw new SettingError((n) => `${n(name)} goes with ${n("lora")}`);
    }
  }
  for (const [name, other] of [
    ["unfreeze", unfreeze],
    ["lora", lora],
  ] as const) {
    if (gradual !== undefined && other !== undefined) {
      throw new SettingError((n) => `${n("gradual")} and ${n(name)} exclude each other`);
    }
  }
  const numbers = Object.entries(NUMBERS as Record<string, NumberRule>).map(([name, rule]) => [name, rule.default]);
  return {
    ...Object.fromEntries(numbers.filter(([, value]) => value !== undefined)),
    ...Object.fromEntries(SWITCHES.map((name) => [name, false])),
    schedule: "linear",
    ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
  } as FullSettings;
}

function checkSetting(name: string, value: unknown): void {
  if (Object.hasOwn(NUMBERS, name)) {
    checkNumber(name, value, NUMBERS[name as NumberName]);
    return;
  }
  const refuse = (expected: string): never => {
    throw new SettingError((n) => `${n(name)}: expected ${expected}, got ${JSON.stringify(value)}`);
  };
  if ((SWITCHES as readonly string[]).includes(name)) {
    if (typeof value !== "boolean") refuse("true or false");
  } else if ((TEXTS as readonly string[]).includes(name)) {
    if (typeof value !== "string") refuse("a text");
  } else if (name === "schedule") {
    if (!(SCHEDULES as readonly unknown[]).includes(value)) refuse(SCHEDULES.join(", "));
  } else if (name === "augment") {
    if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) refuse("a list of texts");
  } else if (name === "rates") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) refuse("a rate for each pattern");
    for (const [pattern, rate] of Object.entries(value as object)) {
      if (!(typeof rate === "number" && Number.isFinite(rate) && rate > 0)) {
        throw new SettingError((n) => `${n("rates")}: expected a number above 0 for ${pattern}, got ${rate}`);
      }
    }
  } else throw new SettingError((n) => `there is no setting ${n(name)}`);
}

function checkNumber(name: string, value: unknown, { type, min, max, exclusive = false }: NumberRule): void {
  const isNumber = typeof value === "number" && Number.isFinite(value);
  const expected = type === "integer" ? "a whole number" : "a number";
  if (!isNumber || (type === "integer" && !Number.isSafeInteger(value))) {
    throw new SettingError((n) => `${n(name)}: expected ${expected}, got ${String(value)}`);
  }
  const below = min !== undefined && (exclusive ? value <= min : value < min);
  const above = max !== undefined && (exclusive ? value >= max : value > max);
  if (below || above) {
    const range = describeRange(min, max, exclusive);
    throw new SettingError((n) => `${n(name)}: expected ${expected}${range}, got ${value}`);
  }
}

/** " from 1 to 5", " above 0": for a sentence about what was expected. */
export function describeRange(min: number | undefined, max: number | undefined, exclusive = false): string {
  if (min !== undefined && max !== undefined) {
    return exclusive ? ` between ${min} and ${max}, both excluded` : ` from ${min} to ${max}`;
  }
  if (min !== undefined) return exclusive ? ` above ${min}` : ` of ${min} or more`;
  return exclusive ? ` below ${max}` : ` of at most ${max}`;
}
