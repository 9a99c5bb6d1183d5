import { describe, expect, it } from "vitest";

interface Sampling {
  seconds: number;
  least: number;
  most: number;
}
interface Line {
  engine: string;
  status: string;
  milliseconds: number;
  lowerQuartile: number;
  upperQuartile: number;
  samples: number;
  executionsInSample: number;
  holdsForward?: boolean;
  withForward?: { milliseconds: number; lowerQuartile: number; upperQuartile: number; samples: number };
}

const scripts = "../../bench/peers";
const { SAMPLING, samplesFor, hasTurn, spreadOf, standing } = (await import(`${scripts}/sampling.mjs`)) as {
  SAMPLING: Sampling;
  samplesFor(milliseconds: number, sampling?: Sampling): number;
  hasTurn(round: number, rounds: number, samples: number): boolean;
  spreadOf(samples: readonly number[]): object;
  standing(graft: object | undefined, peers: readonly object[]): { bestPeerRatio?: number; levelWith?: string[] };
};
const { measure, summarize } = (await import(`${scripts}/measure.mjs`)) as {
  measure(peers: readonly object[], row: object, sampling: Sampling): Promise<object[]>;
  summarize(row: object, part: object): Line;
};

describe("the number of samples", () => {
  const sampling = { seconds: 2, least: 3, most: 25 };

  it.each([
    [40, 25],
    [79, 25],
    [100, 20],
    [300, 7],
    [667, 3],
    [5000, 3],
  ])("of %d ms is %d in two seconds", (milliseconds, samples) => {
    expect(samplesFor(milliseconds, sampling)).toBe(samples);
  });

  it("leaves a median where one sample of three is another's fault, by default too", () => {
    expect(samplesFor(1e6, SAMPLING)).toBeGreaterThanOrEqual(3);
    expect(samplesFor(50)).toBeGreaterThan(20);
  });
});

describe("turns", () => {
  const turnsOf = (rounds: number, samples: number): number[] =>
    Array.from({ length: rounds }, (_, round) => round).filter((round) => hasTurn(round, rounds, samples));

  it("are as many as samples, whatever the others have", () => {
    for (let rounds = 1; rounds <= 25; rounds++) {
      for (let samples = 0; samples <= rounds; samples++) expect(turnsOf(rounds, samples)).toHaveLength(samples);
    }
  });

  it("of an engine with few lie evenly among those of one with many", () => {
    expect(turnsOf(25, 3)).toEqual([4, 12, 20]);
    expect(turnsOf(9, 1)).toEqual([4]);
    expect(turnsOf(4, 4)).toEqual([0, 1, 2, 3]);
  });
});

describe("a row", () => {
  const row = {
    ...{ id: "sum", kind: "sum", pass: "forward", operations: 0, bytes: 0 },
    inputs: { x: { shape: [3], values: () => Float32Array.of(1, 2, 3) } },
  };
  const turns: string[] = [];

  /** An engine that adds up rightly, and takes as long as told each time. */
  function engine(key: string, takes: (run: number) => number) {
    let runs = 0;
    const ask = async (request: string): Promise<object> => {
      if (request === "prepare") return { firstMilliseconds: 5, outputs: { y: Float32Array.of(6) }, errors: [] };
      if (request !== "run") return {};
      turns.push(key);
      return { milliseconds: takes(runs++), errors: [] };
    };
    return { key, separatesBackward: true, engine: { ask } };
  }

  const lines = async (sampling: Sampling, ...engines: object[]): Promise<Line[]> => {
    turns.length = 0;
    return (await measure(engines, row, sampling)).map((part) => summarize(row, part));
  };

  it("has many samples of the quick and few of the slow, in turn", async () => {
    const sampling = { seconds: 0.3, least: 2, most: 6 };
    const [quick, slow] = await lines(
      sampling,
      engine("q", () => 10),
      engine("S", () => 500),
    );
    // Forty milliseconds a sample: four executions of the one, one of the other.
    expect(quick).toMatchObject({ milliseconds: 10, samples: 6, executionsInSample: 4 });
    expect(slow).toMatchObject({ milliseconds: 500, samples: 2, executionsInSample: 1 });
    // The first runs tell how long an execution takes: of what is quick the least of three.
    expect(turns.join("")).toBe("qqqS" + "q" + "Sq" + "q" + "q" + "qS" + "q");
  });

  it("is not decided by a moment in which the machine does something else", async () => {
    const sampling = { seconds: 2, least: 3, most: 25 };
    // It falls on the estimate, which makes the samples few, and on the first of these.
    const [early] = await lines(
      sampling,
      engine("early", (run) => (run < 2 ? 400 : 40)),
    );
    expect(early).toMatchObject({ milliseconds: 40, samples: 5 });
    // It falls on one of three estimates and on six samples.
    const [brief] = await lines(
      sampling,
      engine("brief", (run) => (run === 1 || (run > 8 && run < 15) ? 290 : 40)),
    );
    expect(brief).toMatchObject({ milliseconds: 40, upperQuartile: 40, samples: 25 });
  });
});

describe("how Graft stands", () => {
  const line = (engine: string, lowerQuartile: number, milliseconds: number, upperQuartile: number, more = {}) => ({
    ...{ engine, status: "right", lowerQuartile, milliseconds, upperQuartile, ...more },
  });

  it("is told beside the fastest peer that is right", () => {
    const peers = [
      line("slow", 39, 40, 41),
      { engine: "wrong", status: "wrong", milliseconds: 1 },
      line("b", 19, 20, 21),
    ];
    expect(standing(line("graft", 9, 10, 11), peers)).toEqual({ bestPeerRatio: 2, levelWith: [] });
    expect(standing(line("graft", 39, 40, 41), [line("b", 19, 20, 21)])).toEqual({ bestPeerRatio: 0.5, levelWith: [] });
  });

  it("is level with every peer whose quartiles overlap, faster or slower", () => {
    const graft = line("graft", 18, 20, 30);
    expect(standing(graft, [line("a", 29, 40, 41), line("b", 31, 32, 33), line("c", 15, 16, 18)])).toEqual({
      bestPeerRatio: 0.8,
      levelWith: ["a", "c"],
    });
  });

  it("is by its own two passes beside a peer whose backward pass runs both", () => {
    const graft = line("graft", 9, 10, 11, { withForward: line("", 19, 20, 21) });
    expect(standing(graft, [line("both", 20, 30, 31, { holdsForward: true }), line("one", 11.5, 35, 36)])).toEqual({
      bestPeerRatio: 1.5,
      levelWith: ["both"],
    });
  });

  it("is not told where one side has no time", () => {
    expect(standing(undefined, [line("a", 1, 2, 3)])).toEqual({});
    expect(standing({ engine: "graft", status: "failed" }, [line("a", 1, 2, 3)])).toEqual({});
    expect(standing(line("graft", 1, 2, 3), [{ engine: "a", status: "left out" }])).toEqual({});
  });

  it("rests on median and quartiles between neighbours", () => {
    expect(spreadOf([4, 1, 3, 2])).toEqual({ milliseconds: 2.5, lowerQuartile: 1.75, upperQuartile: 3.25, samples: 4 });
    expect(spreadOf([7])).toEqual({ milliseconds: 7, lowerQuartile: 7, upperQuartile: 7, samples: 1 });
  });
});
