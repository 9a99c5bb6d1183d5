import { describe, expect, it } from "vitest";
import { checkJob } from "../../src/jobs/check.ts";
import { type FineTuneJob, fullSettings, JobError, type JobSettings, SettingError } from "../../src/jobs/index.ts";

const flags = (name: string): string => `--${name}`;

describe("the settings of a job", () => {
  it("have defaults, and what is given goes before them", () => {
    expect(fullSettings()).toMatchObject({
      ...{ epochs: 3, batch: 16, accumulate: 1, lr: 1e-4, layerDecay: 1, weightDecay: 0.01, warmup: 0.1, clip: 1 },
      ...{ schedule: "linear", seed: 42, evalBatch: 32, newHead: false, noCapture: false },
    });
    expect(fullSettings({ epochs: 1, seed: undefined, headLr: 0.5 })).toMatchObject({
      epochs: 1,
      seed: 42,
      headLr: 0.5,
    });
    expect(fullSettings()).not.toHaveProperty("maxSteps");
  });

  it.each<[Record<string, unknown>, string]>([
    [{ epochs: 0 }, "epochs: expected a whole number of 1 or more, got 0"],
    [{ epochs: 1.5 }, "epochs: expected a whole number, got 1.5"],
    [{ lr: 0 }, "lr: expected a number above 0, got 0"],
    [{ lr: "1" }, "lr: expected a number, got 1"],
    [{ layerDecay: 2 }, "layerDecay: expected a number from 0 to 1, got 2"],
    [{ validFraction: 1 }, "validFraction: expected a number between 0 and 1, both excluded, got 1"],
    [{ schedule: "steep" }, 'schedule: expected constant, linear, cosine, got "steep"'],
    [{ newHead: 1 }, "newHead: expected true or false, got 1"],
    [{ freeze: ["h.0"] }, 'freeze: expected a text, got ["h.0"]'],
    [{ augment: "flip" }, 'augment: expected a list of texts, got "flip"'],
    [{ rates: { "h.1": 0 } }, "rates: expected a number above 0 for h.1, got 0"],
    [{ warmup: 1.5 }, "warmup: expected a whole number of steps or a share below 1, got 1.5"],
    [{ loraAlpha: 4 }, "loraAlpha goes with lora"],
    [{ gradual: 1, unfreeze: "h.3" }, "gradual and unfreeze exclude each other"],
    [{ gradual: 1, lora: 2 }, "gradual and lora exclude each other"],
    [{ epoch: 1 }, "there is no setting epoch"],
    [null as never, "settings: expected an object such as { epochs: 3 }, got null"],
    ["lr=1" as never, "settings: expected an object such as { epochs: 3 }, got the string lr=1"],
  ])("refuse %j", (settings, message) => {
    expect(() => fullSettings(settings as JobSettings)).toThrow(new SettingError(() => message));
  });

  it("are called in an error as the reader knows them", () => {
    const job = {
      ...{ task: "classify", model: { kind: "path", path: "m" }, data: { kind: "path", path: "d" } },
      ...{ valid: { kind: "path", path: "v" }, settings: { validFraction: 0.5 } },
    } as FineTuneJob;
    let caught: unknown;
    try {
      checkJob(job);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(JobError);
    expect((caught as JobError).message).toBe("valid and validFraction exclude each other");
    expect((caught as JobError).messageWith(flags)).toBe("--valid and --validFraction exclude each other");
    for (const odd of [undefined, null, "spam", 3]) {
      expect(() => checkJob(odd as unknown as FineTuneJob)).toThrow("expected a job { task, model, data, … }, got ");
    }
    expect(() => checkJob({ ...job, task: "sing" as "lm" })).toThrow(
      'task: expected classify, lm, image-classify, got "sing"',
    );
  });
});
