import { expect, it } from "vitest";

interface Check {
  name: string;
  limit: number;
  unit: string;
  measure(): Promise<{ value: number; pace: number }>;
}

const { judge } = (await import(`${"../../bench"}/verdict.mjs`)) as {
  judge(check: Check): Promise<{ isWithin: boolean; figures: object; line: string }>;
};
const { corePace, machinePace } = (await import(`${"../../bench"}/pace.mjs`)) as {
  corePace(): number;
  machinePace(): Promise<number>;
};

/** Judges measurements that come one after another, and tells how many were taken. */
async function judgeAll(...measured: [value: number, pace: number][]) {
  let taken = 0;
  const measure = async () => {
    const [value, pace] = measured[taken++];
    return { value, pace };
  };
  return { ...(await judge({ name: "first step", limit: 2, unit: "s", measure })), taken };
}

it("a time within its limit passes at once", async () => {
  expect(await judgeAll([1.5, 0.9])).toEqual({
    isWithin: true,
    figures: { name: "first step", value: 1.5, allowed: 2, pace: 0.9, limit: 2, unit: "s" },
    line: "pass  first step: 1.50 s, at most 2",
    taken: 1,
  });
  expect(await judgeAll([2, 1])).toMatchObject({ isWithin: true, taken: 1 });
});

it("a time over its limit has three chances, and the best counts", async () => {
  expect(await judgeAll([9, 1], [8, 1], [1.75, 1])).toMatchObject({ isWithin: true, taken: 3 });
  expect(await judgeAll([9, 1], [2.125, 1], [8, 1])).toEqual({
    isWithin: false,
    figures: { name: "first step", value: 2.125, allowed: 2, pace: 1, limit: 2, unit: "s" },
    line: "FAIL  first step: 2.13 s, at most 2",
    taken: 3,
  });
});

it("a limit is higher while the machine is slower, and never lower", async () => {
  expect(await judgeAll([7, 4])).toEqual({
    isWithin: true,
    figures: { name: "first step", value: 7, allowed: 8, pace: 4, limit: 2, unit: "s" },
    line: "pass  first step: 7 s, at most 2, 8 at this machine's pace of 4",
    taken: 1,
  });
  expect(await judgeAll([9, 4], [3, 1.25], [5, 0.5])).toMatchObject({
    isWithin: false,
    line: "FAIL  first step: 9 s, at most 2, 8 at this machine's pace of 4",
  });
});

it("what is no number never passes", async () => {
  expect(await judgeAll([Number.NaN, 1], [Number.NaN, 1], [Number.NaN, 1])).toMatchObject({
    isWithin: false,
    taken: 3,
  });
});

it("the pace of a machine is a number that two cores cannot beat by far", async () => {
  const [core, machine] = [corePace(), await machinePace()];
  for (const pace of [core, machine]) {
    expect(pace).toBeGreaterThan(0.05);
    expect(pace).toBeLessThan(200);
  }
});
