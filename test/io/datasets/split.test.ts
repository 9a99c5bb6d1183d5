import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadTextDataset } from "../../../src/io/datasets/datasets.ts";
import { mulberry32, permutation } from "../../../src/io/datasets/random.ts";
import { everyNth, splitText, stratifiedSample, stratifiedSplit } from "../../../src/io/datasets/split.ts";
import { readJson, readText } from "../../support/files.ts";

const baselines = await readJson("assets/gpt2-mini-en/baselines.json");
const sms = loadTextDataset("sms.tsv", await readText("assets/sms-spam/sms.tsv")).examples;

const labelled = fc.array(fc.record({ label: fc.constantFrom("a", "b", "c", "rare") }), {
  minLength: 1,
  maxLength: 60,
});
const count = (examples: readonly { label: string }[], label: string): number =>
  examples.filter((example) => example.label === label).length;

describe("mulberry32", () => {
  it("gives the numbers of the baselines", () => {
    const random = mulberry32(1);
    expect([random.next(), random.next()]).toEqual(baselines.recipe.prng_check);
  });

  it("goes on from a saved state", () => {
    const random = mulberry32(42);
    random.next();
    const { state } = random;
    const wanted = [random.next(), random.next()];
    const other = mulberry32(0);
    other.state = state;
    expect([other.next(), other.next()]).toEqual(wanted);
  });

  it("takes any integer as a seed, and nothing else", () => {
    expect(mulberry32(-1).next()).toBe(mulberry32(2 ** 32 - 1).next());
    expect(() => mulberry32(0.5)).toThrow(/expected an integer seed, got 0\.5/);
  });
});

describe("permutation", () => {
  it("draws from the end down, as the baselines' recipe says", () => {
    const draws = [0.9, 0, 0.5];
    const random = { state: 0, next: () => draws.shift() as number };
    // i=3: j=3, stays; i=2: j=0, 2 1 0 3; i=1: j=1, stays
    expect([...permutation(4, random)]).toEqual([2, 1, 0, 3]);
    expect(draws).toEqual([]);
  });

  it("has every number once", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer(), (n, seed) => {
        const sorted = [...permutation(n, mulberry32(seed))].sort((a, b) => a - b);
        expect(sorted).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });
});

describe("everyNth", () => {
  it("splits the messages as the baselines do", () => {
    const { train, valid } = everyNth(sms, 5);
    const { counts } = baselines.sms;
    expect([train.length, valid.length]).toEqual([counts.train, counts.val]);
    expect([count(train, "spam"), count(valid, "spam")]).toEqual([counts.train_spam, counts.val_spam]);
    expect([valid[0], valid[1], train[0]]).toEqual([sms[0], sms[5], sms[1]]);
  });

  it("refuses a step that leaves no training set", () => {
    expect(() => everyNth([1, 2], 1)).toThrow(/expected an integer n >= 2, got 1/);
  });
});

describe("stratifiedSample", () => {
  it("keeps shares to within one example, the number asked for, and the order", () => {
    fc.assert(
      fc.property(labelled, fc.double({ min: 0, max: 1, noNaN: true }), fc.integer(), (examples, part, seed) => {
        const size = Math.max(1, Math.round(part * examples.length));
        const sample = stratifiedSample(examples, size, seed);
        expect(sample).toHaveLength(size);
        expect(sample).toEqual(examples.filter((example) => sample.includes(example)));
        expect(new Set(sample).size).toBe(size);
        for (const label of ["a", "b", "c", "rare"]) {
          const quota = (count(examples, label) * size) / examples.length;
          expect(Math.abs(count(sample, label) - quota)).toBeLessThan(1);
        }
      }),
    );
  });

  it("depends on the seed alone", () => {
    expect(stratifiedSample(sms, 1000, 7)).toEqual(stratifiedSample(sms, 1000, 7));
    expect(stratifiedSample(sms, 1000, 7)).not.toEqual(stratifiedSample(sms, 1000, 8));
    expect(count(stratifiedSample(sms, 1000, 7), "spam")).toBe(134);
  });

  it("refuses more than there is", () => {
    expect(() => stratifiedSample([{ label: "a" }], 2, 0)).toThrow(/stratified sample of 2 from 1 examples/);
    expect(() => stratifiedSample([{ label: "a" }], 0, 0)).toThrow(RangeError);
  });
});

describe("stratifiedSplit", () => {
  it("keeps shares to within one example, leaves every class some training, and loses nothing", () => {
    const fraction = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(labelled, fraction, fc.integer(), (examples, validFraction, seed) => {
        let split: ReturnType<typeof stratifiedSplit<{ label: string }>>;
        try {
          split = stratifiedSplit(examples, validFraction, seed);
        } catch (error) {
          expect((error as Error).message).toMatch(/leaves none for validation/);
          return;
        }
        expect(split.train.length + split.valid.length).toBe(examples.length);
        expect(new Set([...split.train, ...split.valid]).size).toBe(examples.length);
        for (const label of ["a", "b", "c", "rare"]) {
          const all = count(examples, label);
          expect(Math.abs(count(split.valid, label) - all * validFraction)).toBeLessThan(1 + 1e-9);
          if (all > 0) expect(count(split.train, label)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("splits the messages", () => {
    const { train, valid } = stratifiedSplit(sms, 0.2, 1);
    expect([valid.length, count(valid, "spam"), train.length]).toEqual([1115, 149, 4459]);
    expect(stratifiedSplit(sms, 0.2, 1).valid).toEqual(valid);
  });

  it("refuses fractions that leave a part empty", () => {
    for (const fraction of [0, 1, Number.NaN]) {
      expect(() => stratifiedSplit(sms, fraction, 1)).toThrow(/expected a validation fraction between 0 and 1/);
    }
    expect(() => stratifiedSplit(sms.slice(0, 3), 0.1, 1)).toThrow(/a fraction 0\.1 of 3 examples leaves none/);
  });
});

describe("splitText", () => {
  it("cuts after the first floor((1 - fraction)·n) characters", () => {
    expect(splitText("0123456789x", 0.1)).toEqual({ train: "012345678", valid: "9x" });
  });

  it("does not cut a character in two", () => {
    expect(splitText("a🌍", 1 / 3)).toEqual({ train: "a", valid: "🌍" });
  });
});
