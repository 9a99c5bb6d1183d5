import { describe, expect, it } from "vitest";
import { fileData, typedData, typedProblem } from "../../demo/text/sources.ts";
import { loadTextDataset } from "../../src/io/index.ts";

describe("a dropped file", () => {
  it("becomes data with its name", async () => {
    const data = await fileData(new File(["ham\thello\n"], "sms.tsv"));
    expect(data).toEqual({ kind: "text", name: "sms.tsv", text: "ham\thello\n" });
  });

  it.each([
    [new File(["x"], "picture.png"), "picture.png is not a file of texts; expected .tsv, .csv, .jsonl or .txt"],
    [new File([], "none.csv"), "none.csv is empty"],
    [new File([Uint8Array.of(0xff, 0xfe, 0x41)], "old.tsv"), "old.tsv is not valid UTF-8 text; save it as UTF-8 first"],
  ])("of another kind, without contents or in another encoding is refused by name", async (file, message) => {
    await expect(fileData(file)).rejects.toThrow(message);
  });
});

describe("typed examples", () => {
  const rows = [
    { label: " a ", text: 'says "yes"\tand more' },
    { label: "a", text: "two" },
    { label: "b", text: "three" },
    { label: "b", text: "four" },
    { label: "", text: "no label" },
    { label: "b", text: "  " },
  ];

  it("are read back as they were typed, without rows that are not whole", () => {
    const data = typedData(rows);
    if (data.kind !== "text") throw new Error("typed examples are text");
    const { examples, labels } = loadTextDataset(data.name, data.text);
    expect(labels).toEqual(["a", "b"]);
    expect(examples.map(({ text }) => text)).toEqual(['says "yes"\tand more', "two", "three", "four"]);
  });

  it("need no labels where there is nothing to tell apart", () => {
    expect(typedData(rows, false)).toMatchObject({ text: expect.stringContaining('{"text":"no label"}') });
    expect(typedProblem(rows.slice(4, 5), false)).toBeNull();
    expect(typedProblem(rows.slice(5), false)).toBe("Write some text to learn from.");
  });

  it("are not enough with one label, or with a label that has one text", () => {
    expect(typedProblem(rows)).toBeNull();
    expect(typedProblem(rows.slice(0, 2))).toBe("Write texts of at least two labels.");
    expect(typedProblem(rows.slice(0, 3))).toBe("Write at least two texts of each label; b has one.");
  });
});
