import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Command, defineCommand, UsageError } from "../../src/cli/arguments.ts";
import { Interrupts, type SignalSource } from "../../src/cli/interrupt.ts";
import { type CommandTable, run } from "../../src/cli/run.ts";
import { memoryContext } from "./support.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

let loads = 0;

/** `graft work KIND`: ends as KIND says. */
const work = defineCommand({
  name: "work",
  description: "Works.",
  options: {},
  positionals: { kind: { description: "how it ends" } },
  async run({ positionals: { kind } }, { stdout }) {
    if (kind === "usage") throw new UsageError("--a and --b exclude each other");
    if (kind === "fail") throw new Error("disk\u001b[2J full\nsecond line\nthird line");
    if (kind === "bare") throw new TypeError();
    if (kind === "named") throw new Error("work: no paper");
    if (kind === "cause") throw new Error("outer", { cause: new Error("inner cause") });
    stdout.write("done\n");
    return kind === "three" ? 3 : undefined;
  },
});

const commands: CommandTable = {
  work: {
    summary: "does the work",
    load: async () => {
      loads++;
      return work as Command;
    },
  },
};

async function graft(...args: string[]) {
  const context = memoryContext();
  const code = await run(args, commands, context);
  return { code, out: context.stdout.text, err: context.stderr.text };
}

describe("run", () => {
  it("prints the overview without loading any command", async () => {
    loads = 0;
    for (const args of [[], ["--help"], ["-h"], ["help"]]) {
      const { code, out, err } = await graft(...args);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toContain(`graft ${version}`);
      expect(out).toMatch(/^ {2}work +does the work$/m);
    }
    expect(loads).toBe(0);
  });

  it("prints the version", async () => {
    expect(await graft("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it("prints a command's help however it is asked for", async () => {
    for (const args of [
      ["help", "work"],
      ["work", "--help"],
      ["work", "--nonsense", "-h"],
    ]) {
      const { code, out } = await graft(...args);
      expect(code).toBe(0);
      expect(out).toMatch(/^Usage: graft work KIND \[options\]\n/);
    }
  });

  it("gives 0, or what the command gives", async () => {
    expect(await graft("work", "well")).toEqual({ code: 0, out: "done\n", err: "" });
    expect((await graft("work", "three")).code).toBe(3);
  });

  it("gives 2 for bad usage, with a hint", async () => {
    expect(await graft("wrok")).toEqual({
      code: 2,
      out: "",
      err: 'graft: unknown command "wrok"; did you mean work?\nTry: graft --help\n',
    });
    expect(await graft("help", "play")).toMatchObject({ code: 2 });
    expect(await graft("--vesion")).toMatchObject({
      code: 2,
      err: 'graft: unknown option "--vesion"; did you mean --version?\nTry: graft --help\n',
    });
    expect(await graft("work")).toMatchObject({
      code: 2,
      err: "graft work: KIND is missing\nTry: graft work --help\n",
    });
    expect(await graft("work", "usage")).toMatchObject({
      code: 2,
      err: "graft work: --a and --b exclude each other\nTry: graft work --help\n",
    });
    expect(await graft("toString")).toMatchObject({ code: 2 });
  });

  it("gives 1 when the work fails, in two lines that cannot steer the terminal", async () => {
    expect(await graft("work", "fail")).toEqual({
      code: 1,
      out: "",
      err: "graft work: disk\\u{1b}[2J full\nsecond line (more with --verbose)\n",
    });
    expect(await graft("work", "bare")).toMatchObject({ code: 1, err: "graft work: TypeError\n" });
    expect(await graft("work", "cause")).toMatchObject({ code: 1, err: "graft work: outer\n" });
    expect(await graft("work", "named")).toMatchObject({ code: 1, err: "graft work: no paper\n" });
  });

  it("gives the stack and the causes when asked to be verbose", async () => {
    const { code, err } = await graft("work", "cause", "--verbose");
    expect(code).toBe(1);
    expect(err).toContain("run.test.ts");
    expect(err).toContain("inner cause");
  });
});

describe("Interrupts", () => {
  class Signals extends EventEmitter implements SignalSource {
    code: number | undefined;
    exit(code: number): void {
      this.code = code;
    }
  }

  it("aborts at the first signal and exits with 130 at the second", () => {
    const signals = new Signals();
    using work = new Interrupts(signals).open();
    signals.emit("SIGINT");
    expect(work.signal.aborted).toBe(true);
    expect(signals.code).toBeUndefined();
    signals.emit("SIGINT");
    expect(signals.code).toBe(130);
  });

  it("leaves signals alone once it is disposed", () => {
    const signals = new Signals();
    const interrupts = new Interrupts(signals);
    expect(interrupts.abort()).toBe(false);
    const work = interrupts.open();
    expect(interrupts.abort()).toBe(true);
    expect(work.signal.aborted).toBe(true);
    work[Symbol.dispose]();
    expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0);
    expect(interrupts.abort()).toBe(false);
  });
});
