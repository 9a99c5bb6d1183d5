import { describe, expect, expectTypeOf, it } from "vitest";
import { asksForHelp, defineCommand, parseArguments, UsageError } from "../../src/cli/arguments.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { nearestWord } from "../../src/cli/nearest-word.ts";

const train = defineCommand({
  name: "train",
  description: "Trains a model.\n\nThe second paragraph says more about it.",
  options: {
    model: { type: "string", required: true, placeholder: "DIR", description: "the model" },
    lr: { type: "number", default: 0.0005, min: 0, exclusive: true, description: "learning rate", group: "Optimizer" },
    validFraction: { type: "number", min: 0, max: 1, exclusive: true, description: "share held out" },
    epochs: { type: "integer", default: 3, min: 1, description: "passes over the data" },
    offset: { type: "integer", max: 10, description: "where to begin" },
    schedule: {
      type: "string",
      choices: ["constant", "linear", "cosine"],
      default: "linear",
      description: "of the rate",
    },
    freeze: { type: "list", placeholder: "PATTERNS", description: "what is not trained" },
    json: { type: "boolean", description: "one event a line" },
  },
  positionals: { data: { description: "the data" }, rest: { description: "more", optional: true } },
  run: async () => 0,
});

const parse = (...args: string[]) => parseArguments(train, args);
const complaint = (...args: string[]): string => {
  try {
    parse(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error("expected a UsageError");
};

describe("an option that takes many values", () => {
  const show = defineCommand({
    name: "show",
    description: "Shows images.",
    options: {
      image: { type: "many", placeholder: "FILE…", description: "images" },
      json: { type: "boolean", description: "one a line" },
    },
    positionals: { rest: { description: "more", optional: true } },
    run: async () => 0,
  });
  const images = (...args: string[]) => parseArguments(show, args);

  it("takes the words after it up to the next option, and those of every time it is written", () => {
    const { options, positionals } = images("first", "--image", "a,b.png", "c.png", "--json", "--image=d.png", "e.png");
    expect(options.image).toEqual(["a,b.png", "c.png", "d.png", "e.png"]);
    expect(positionals.rest).toBe("first");
    expect(images("--image", "a", "--json", "b")).toMatchObject({
      options: { image: ["a"] },
      positionals: { rest: "b" },
    });
    expect(images().options.image).toBeUndefined();
    expectTypeOf(options.image).toEqualTypeOf<readonly string[] | undefined>();
  });

  it("needs one, and is told in the help", () => {
    expect(() => images("--image")).toThrow("--image needs a value: FILE…");
    expect(() => images("--image", "--json")).toThrow("--image needs a value");
    expect(commandHelp(show)).toContain("--image FILE…  images");
  });
});

describe("parseArguments", () => {
  it("gives typed values and defaults", () => {
    const { options, positionals, given } = parse(
      "--model",
      "m",
      "a.tsv",
      "--lr=5e-4",
      "--freeze",
      "wte.*, h.0.*",
      "--json",
    );
    expect(options).toEqual({
      model: "m",
      lr: 5e-4,
      validFraction: undefined,
      epochs: 3,
      offset: undefined,
      schedule: "linear",
      freeze: ["wte.*", "h.0.*"],
      json: true,
      verbose: false,
      help: false,
    });
    expect(positionals).toEqual({ data: "a.tsv", rest: undefined });
    expect([...given].sort()).toEqual(["freeze", "json", "lr", "model"]);
    expectTypeOf(options.schedule).toEqualTypeOf<"constant" | "linear" | "cosine">();
    expectTypeOf(options.model).toEqualTypeOf<string>();
    expectTypeOf(options.validFraction).toEqualTypeOf<number | undefined>();
    expectTypeOf(options.freeze).toEqualTypeOf<readonly string[] | undefined>();
    expectTypeOf(positionals.rest).toEqualTypeOf<string | undefined>();
  });

  it("takes negative numbers, the last of several values, and anything after --", () => {
    const { options, positionals } = parse("--model=a", "--model=--b", "--offset", "-4", "--", "--json");
    expect(options).toMatchObject({ model: "--b", offset: -4, json: false });
    expect(positionals.data).toBe("--json");
  });

  it.each([
    [["--modle", "m"], 'unknown option "--modle"; did you mean --model?'],
    [["--sched", "linear"], 'unknown option "--sched"; did you mean --schedule?'],
    [["--quantum"], 'unknown option "--quantum"'],
    [["-x"], 'unknown option "-x"'],
    [["--model"], "--model needs a value: DIR"],
    [["--model", "--json"], '--model needs a value: DIR (one that begins with "--" is written --model=--json)'],
    [["d"], "--model DIR is missing"],
    [["--model", "m"], "DATA is missing"],
    [["--model", "m", "a", "b", "c"], 'unexpected argument "c"; expected DATA REST'],
    [["--json=yes"], '--json takes no value, got "yes"'],
    [["--schedule", "cosin"], '--schedule: unknown value "cosin"; did you mean cosine?'],
    [["--schedule", "step"], '--schedule: unknown value "step"; expected constant, linear, cosine'],
    [["--lr", "fast"], '--lr: expected a number, got "fast"'],
    [["--lr", "0x10"], '--lr: expected a number, got "0x10"'],
    [["--lr", ""], '--lr: expected a number, got ""'],
    [["--lr", "1e999"], '--lr: expected a number, got "1e999"'],
    [["--lr", "0"], "--lr: expected a number above 0, got 0"],
    [["--valid-fraction", "1"], "--valid-fraction: expected a number between 0 and 1, both excluded, got 1"],
    [["--epochs", "1.5"], '--epochs: expected a whole number, got "1.5"'],
    [["--epochs", "0"], "--epochs: expected a whole number of 1 or more, got 0"],
    [["--offset", "11"], "--offset: expected a whole number of at most 10, got 11"],
    [["--freeze", "a,,b"], '--freeze: an item of "a,,b" is empty'],
  ])("refuses %j", (args, message) => {
    expect(complaint(...args)).toBe(message);
  });
});

describe("asksForHelp", () => {
  it("sees --help anywhere but behind --", () => {
    expect(asksForHelp(["--model", "m", "--help"])).toBe(true);
    expect(asksForHelp(["-h"])).toBe(true);
    expect(asksForHelp(["--", "--help"])).toBe(false);
  });
});

describe("nearestWord", () => {
  it("finds swaps, slips and beginnings, and nothing that is far off", () => {
    const words = ["finetune", "eval", "predict", "generate"];
    expect(nearestWord("fientune", words)).toBe("finetune");
    expect(nearestWord("evl", words)).toBe("eval");
    expect(nearestWord("gen", words)).toBe("generate");
    expect(nearestWord("train", words)).toBeUndefined();
  });
});

describe("commandHelp", () => {
  it("aligns names, wraps descriptions and gives defaults", () => {
    expect(commandHelp(train, 50)).toBe(`Usage: graft train DATA [REST] --model DIR [options]

Trains a model.

The second paragraph says more about it.

Arguments:
  DATA                the data
  REST                more

Optimizer:
  --lr X              learning rate (default
                      0.0005)

Options:
  --model DIR         the model (required)
  --valid-fraction X  share held out
  --epochs N          passes over the data
                      (default 3)
  --offset N          where to begin
  --schedule constant|linear|cosine
                      of the rate (default linear)
  --freeze PATTERNS   what is not trained
  --json              one event a line
  --verbose           print the stack of an error
  --help              print this help
`);
  });
});
