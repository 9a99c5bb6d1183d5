import { describe, expect, it } from "vitest";
import {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  makeSchedule,
  SCHEDULE_NAMES,
  type Schedule,
  type ScheduleName,
  triangularSchedule,
} from "../../src/finetune/schedule.ts";
import { readJson } from "../support/files.ts";

interface TorchCase {
  readonly id: string;
  readonly base_lrs: readonly number[];
  readonly lr_per_epoch_per_group: readonly (readonly number[])[];
}

const torchCases = await readJson<TorchCase[]>("test/fixtures/schedules/torch-lr-schedules.json");
const torch = (id: string): TorchCase => torchCases.find((one) => one.id.endsWith(id)) as TorchCase;
const factors = (schedule: Schedule, steps: number): number[] => Array.from({ length: steps }, (_, s) => schedule(s));

describe("constantSchedule", () => {
  it("rises to 1 and stays", () => {
    expect(factors(constantSchedule({ warmupSteps: 4 }), 7)).toEqual([0, 0.25, 0.5, 0.75, 1, 1, 1]);
    expect(factors(constantSchedule({ warmupSteps: 0 }), 3)).toEqual([1, 1, 1]);
  });
});

describe("linearSchedule", () => {
  it("rises to 1 and falls to 0", () => {
    expect(factors(linearSchedule({ warmupSteps: 2, totalSteps: 6 }), 8)).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0]);
    expect(factors(linearSchedule({ warmupSteps: 0, totalSteps: 2 }), 3)).toEqual([1, 0.5, 0]);
  });

  it("holds where the warm-up fills the run", () => {
    expect(factors(linearSchedule({ warmupSteps: 3, totalSteps: 3 }), 5)).toEqual([0, 1 / 3, 2 / 3, 0, 0]);
  });
});

describe("cosineSchedule", () => {
  it("gives the learning rates of transformers: 20 steps, 5 of them warm-up, 1e-3", () => {
    const recorded = [
      0.0, 0.00019999999494757503, 0.00039999998989515007, 0.0006000000284984708, 0.0007999999797903001,
      0.0010000000474974513, 0.0009890737710520625, 0.0009567727101966739, 0.0009045085171237588, 0.0008345653186552227,
      0.000750000006519258, 0.0006545084761455655, 0.0005522642168216407, 0.00044773577246814966, 0.0003454915131442249,
      0.0002500000118743628, 0.0001654346997383982, 9.549150126986206e-5, 4.322727181715891e-5, 1.0926200047833845e-5,
    ];
    const schedule = cosineSchedule({ warmupSteps: 5, totalSteps: 20 });
    expect(factors(schedule, 20).map((factor) => Math.fround(1e-3 * factor))).toEqual(recorded);
  });

  it("gives PyTorch's cosine annealing, once and restarted", () => {
    const minimum = 1e-10;
    const restarts = torch("/002"); // T_0 = 10, then 40 steps, then 160
    const compound = torch("/008"); // T_max = 10, times 0.1 a step
    const ten = cosineSchedule({ warmupSteps: 0, totalSteps: 10 });
    const forty = cosineSchedule({ warmupSteps: 0, totalSteps: 40 });
    for (const [group, base] of restarts.base_lrs.entries()) {
      const rates = restarts.lr_per_epoch_per_group[group].map((rate) => (rate - minimum) / (base - minimum));
      for (let s = 0; s < 10; s++) expect(ten(s)).toBeCloseTo(rates[s], 14);
      for (let s = 0; s < 40; s++) expect(forty(s)).toBeCloseTo(rates[10 + s], 14);
    }
    for (const [group, base] of compound.base_lrs.entries()) {
      const rates = compound.lr_per_epoch_per_group[group];
      for (let s = 0; s < 10; s++) expect(ten(s)).toBeCloseTo(rates[s] / (base * 0.1 ** s), 7);
    }
  });
});

describe("triangularSchedule", () => {
  it("is the baselines' recipe: min((s+1)/W, (S-s)/(S-W), 1), W = ceil(S/10)", () => {
    expect(factors(triangularSchedule({ totalSteps: 5 }), 5)).toEqual([1, 1, 0.75, 0.5, 0.25]);
    for (const S of [2, 20, 558, 837]) {
      const W = Math.ceil(S / 10);
      const wanted = Array.from({ length: S }, (_, s) => Math.min((s + 1) / W, (S - s) / (S - W), 1));
      expect(factors(triangularSchedule({ totalSteps: S }), S)).toEqual(wanted);
    }
  });

  it("is 0 at no step of the run, however short", () => {
    expect(factors(triangularSchedule({ totalSteps: 1 }), 2)).toEqual([1, 0]);
    expect(factors(triangularSchedule({ totalSteps: 2, warmupSteps: 0 }), 3)).toEqual([1, 0.5, 0]);
    expect(factors(triangularSchedule({ totalSteps: 2, warmupSteps: 2 }), 2)).toEqual([0.5, 1]);
  });
});

describe("makeSchedule", () => {
  it("finds each by its name", () => {
    const options = { warmupSteps: 3, totalSteps: 9 };
    const made = SCHEDULE_NAMES.map((name) => makeSchedule(name, options)(4));
    expect(made).toEqual([1, 5 / 6, cosineSchedule(options)(4), 5 / 6]);
    expect(() => makeSchedule("polynomial" as ScheduleName, options)).toThrow(
      /unknown schedule "polynomial"; there are/,
    );
  });

  it("refuses steps that are no numbers of steps", () => {
    expect(() => linearSchedule({ warmupSteps: -1, totalSteps: 9 })).toThrow(
      /expected a warm-up of 0 or more steps, got -1/,
    );
    expect(() => cosineSchedule({ warmupSteps: 0, totalSteps: 1.5 })).toThrow(
      /expected a total of 0 or more steps, got 1.5/,
    );
  });
});
