import { describe, expect, it } from "vitest";
import { columnChoice } from "../../demo/text/columns.ts";
import { previewTable } from "../../src/io/index.ts";

const choiceOf = (name: string, text: string) => columnChoice({ kind: "text", name, text });
const FILMS = 'id,verdict,review\n1,good,"fine, and long enough"\n2,bad,nothing happens in it\n3,good,see it again\n';

describe("the columns of a file", () => {
  it("are guessed where their names do not say: the longest cells, and of the others the fewest values", () => {
    const guess = { labelColumn: "verdict", textColumn: "review" };
    expect(choiceOf("films.csv", FILMS)).toEqual({ names: ["id", "verdict", "review"], guess });
    const lines = FILMS.trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","));
    const objects = lines.map(([id, verdict, review]) => `${JSON.stringify({ id, verdict, review })}\n`).join("");
    expect(choiceOf("films.jsonl", objects)?.guess).toEqual(guess);
  });

  it("need no guess where a label and a text are among them", () => {
    expect(choiceOf("a.tsv", "id\tText\tLabel\n1\thello\tx\n")).toEqual({ names: ["id", "Text", "Label"], guess: {} });
  });

  it("are not asked for where there are two, unless the first row names them", () => {
    expect(choiceOf("a.tsv", "ham\thello there\nspam\twin a prize\nham\tagain\n")).toBeNull();
    expect(choiceOf("a.tsv", "ham\thello\nspam\tagain\n")).toBeNull();
    expect(choiceOf("a.csv", "text,label\nhello,ham\n")).toBeNull();
    expect(choiceOf("a.csv", "sentiment,review\ngood,so much of it\nbad,too long\ngood,fun\n")?.guess).toEqual({
      ...{ labelColumn: "sentiment", textColumn: "review" },
    });
  });

  it("are none of plain text, of nothing, and of what cannot be read", () => {
    expect(choiceOf("a.txt", "a,b,c\n")).toBeNull();
    expect(choiceOf("a.csv", "")).toBeNull();
    expect(choiceOf("a.csv", '"never closed,b,c\n')).toBeNull();
    expect(choiceOf("a.jsonl", "{oops}\n")).toBeNull();
    expect(columnChoice(null)).toBeNull();
  });
});

it("looks at the beginning of a long file alone, and at whole rows of it", () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => `${i},"line\none"\n`).join("");
  const table = previewTable("long.csv", `number,text\n${rows}`, 3);
  expect(table).toEqual({
    columns: ["number", "text"],
    rows: [0, 1, 2].map((i) => [String(i), "line\none"]),
  });
});
