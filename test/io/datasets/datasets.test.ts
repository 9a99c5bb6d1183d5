import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadTextDataset, loadTexts, parseDelimited, sortLabels } from "../../../src/io/datasets/datasets.ts";
import { readText } from "../../support/files.ts";

describe("tab-separated files", () => {
  it("reads the bundled messages: no header, label, text, bare quotes", async () => {
    const { examples, labels } = loadTextDataset("sms.tsv", await readText("assets/sms-spam/sms.tsv"));
    expect(labels).toEqual(["ham", "spam"]);
    expect(examples).toHaveLength(5574);
    expect(examples.filter(({ label }) => label === "spam")).toHaveLength(747);
    expect(examples[1]).toEqual({ label: "ham", text: "Ok lar... Joking wif u oni..." });
    expect(examples.some(({ text }) => text.startsWith('"'))).toBe(true);
  });

  it("takes quotes as they are, CRLF, a byte order mark, blank lines and a last line without end", () => {
    const { examples } = loadTextDataset("a.tsv", '\uFEFFham\t"hi\r\n\r\nspam\t a,b \r\nham\t');
    expect(examples).toEqual([
      { label: "ham", text: '"hi' },
      { label: "spam", text: " a,b " },
      { label: "ham", text: "" },
    ]);
  });

  it.each([
    ["", /^a\.tsv: the file is empty$/],
    ["\uFEFF\r\n\n", /^a\.tsv: the file is empty$/],
    ["label\ttext\n", /^a\.tsv: there is a header, but no row after it$/],
    ["ham\thi\nspam\ta\tb\n", /^a\.tsv: line 2: expected 2 columns as in line 1, found 3$/],
    ["ham\thi\n\nspam\n", /^a\.tsv: line 3: expected 2 columns as in line 1, found 1$/],
    ["ham\thi\n  \tho\n", /^a\.tsv: line 2: the label is empty$/],
    ["ham\thi\nham\tho\n", /^a\.tsv: every example is of the class "ham"; a classifier needs two or more$/],
    ["ham\n", /^a\.tsv: line 1: which column is the text\? found no header and 1 column/],
    ["ham,hi\n", /^a\.tsv: line 1: expected columns separated by tabs, found commas; save it with tabs$/],
    ["1\tham\thi\n", /^a\.tsv: line 1: which column is the text\? found no header and 3 column/],
    ["text\tcategory\nhi\tham", /^a\.tsv: line 1: which column is the label\? found the header has text, category;/],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => loadTextDataset("a.tsv", text)).toThrow(message);
  });
});

describe("comma-separated files", () => {
  const load = (text: string, options = {}) => loadTextDataset("a.csv", text, options);

  it("reads quoted cells with delimiters, quotes and line ends (RFC 4180)", () => {
    const text = 'id,text,label\r\n1,"a, b",x\r\n2,"he said ""no""\r\nand left",y\n3,,x\n4,5" disk,y';
    expect(load(text).examples).toEqual([
      { text: "a, b", label: "x" },
      { text: 'he said "no"\r\nand left', label: "y" },
      { text: "", label: "x" },
      { text: '5" disk', label: "y" },
    ]);
  });

  it.each([
    ["label;text\nham;hello\n", "semicolons"],
    ["ham\thello\n", "tabs"],
  ])("says that %j is separated by something else", (text, other) => {
    const message = `a.csv: line 1: expected columns separated by commas, found ${other}; save it with commas`;
    expect(() => load(text)).toThrow(message);
  });

  it("gives back any table that was written with quotes", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", " ", "é"), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(cell, { minLength: 2, maxLength: 6 }), fc.constantFrom("\n", "\r\n"), (texts, end) => {
        const quoted = texts.map((text, i) => `"${text.replaceAll('"', '""')}",${i}`);
        const { examples } = load(["text,label", ...quoted].join(end));
        expect(examples).toEqual(texts.map((text, i) => ({ text, label: String(i) })));
      }),
    );
  });

  it("counts lines within quotes in its errors", () => {
    expect(() => load('label,text\nx,"a\nb"\ny,"c\n\n')).toThrow(
      /^a\.csv: line 4: a quote is opened and never closed$/,
    );
    expect(() => load('label,text\nx,"a\nb"\ny\n')).toThrow(
      /^a\.csv: line 4: expected 2 columns as in line 1, found 1$/,
    );
    expect(() => load('label,text\nx,"a\nb"c\n')).toThrow(/^a\.csv: line 3: expected "," or the end of the line/);
  });

  it("finds columns by name, by index, and by what remains of two", () => {
    const banking = 'text,category\nWhere is it?,arrival\n"Lost, help",lost\n';
    const wanted = [
      { text: "Where is it?", label: "arrival" },
      { text: "Lost, help", label: "lost" },
    ];
    expect(load(banking, { labelColumn: "category" }).examples).toEqual(wanted);
    expect(load(banking, { labelColumn: "Category", textColumn: "TEXT" }).examples).toEqual(wanted);
    expect(load(banking, { labelColumn: 1, textColumn: 0 }).examples).toEqual(wanted);
    expect(load(banking, { labelColumn: "1" }).examples).toEqual(wanted);
    expect(load("a,x,1\nb,y,2\n", { labelColumn: 1, textColumn: 0 }).examples[1]).toEqual({ text: "b", label: "y" });
    expect(load("said,1\nb,x\na,y\n", { labelColumn: "1", textColumn: "said" }).labels).toEqual(["x", "y"]);
  });

  it("lets the caller say whether there is a header", () => {
    expect(load("label,text\nx,a\n", { header: false }).labels).toEqual(["label", "x"]);
    expect(load("kind,said\nx,a\ny,b\n", { header: true, labelColumn: 0 }).labels).toEqual(["x", "y"]);
  });

  it.each([
    [{ labelColumn: "kind" }, /^a\.csv: line 1: no column "kind"; the header has label, text$/],
    [{ textColumn: 2 }, /^a\.csv: line 1: text column 2 of 2 \(columns count from 0\)$/],
    [{ textColumn: -1 }, /^a\.csv: line 1: text column -1 of 2/],
    [
      { textColumn: "said", header: false },
      /^a\.csv: text column "said" is asked for by name, but there is no header$/,
    ],
    [{ textColumn: 1, labelColumn: 1 }, /^a\.csv: line 1: label and text are the same column, 1$/],
  ])("refuses columns that are not there: %j", (options, message) => {
    expect(() => load("label,text\nx,a\ny,b\n", options)).toThrow(message);
  });

  it("reads other delimiters through parseDelimited", () => {
    const { examples } = parseDelimited('x;"a;b"\ny;c', { delimiter: ";", file: "a.txt" });
    expect(examples).toEqual([
      { label: "x", text: "a;b" },
      { label: "y", text: "c" },
    ]);
  });
});

describe("files of JSON lines", () => {
  const load = (text: string, options = {}) => loadTextDataset("a.jsonl", text, options);

  it("reads text and label, the label as string, number or boolean", () => {
    const text = '\uFEFF{"text": "a\\nb", "label": 10}\r\n\n{"label": "9", "text": ""}\n';
    expect(load(text)).toEqual({
      examples: [
        { text: "a\nb", label: "10" },
        { text: "", label: "9" },
      ],
      labels: ["9", "10"],
    });
    expect(load('{"q": "a", "c": true}\n{"q": "b", "c": false}', { textColumn: "q", labelColumn: "c" }).labels).toEqual(
      ["false", "true"],
    );
  });

  it.each([
    ["", /^a\.jsonl: the file is empty$/],
    ['{"text": "a", "label": "x"}\n{"text": ', /^a\.jsonl: line 2: not valid JSON/],
    ['\n["a"]', /^a\.jsonl: line 2: expected a JSON object$/],
    ['{"label": "x"}', /^a\.jsonl: line 1: expected a string under "text"; the keys are label$/],
    ['{"text": 5, "label": "x"}', /^a\.jsonl: line 1: expected a string under "text"; it is 5$/],
    ['{"text": "a"}', /^a\.jsonl: line 1: expected a label under "label"; the keys are text$/],
    ['{"text": "a", "label": null}', /^a\.jsonl: line 1: expected a label that is a string.* found null$/],
    ['{"text": "a", "label": " "}', /^a\.jsonl: line 1: the label is empty$/],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => load(text)).toThrow(message);
  });
});

describe("classes", () => {
  it("are sorted: numbers by value, others by code unit", () => {
    expect(sortLabels(["10", "9", "-1", "9"])).toEqual(["-1", "9", "10"]);
    expect(sortLabels(["b", "10", "9", "B"])).toEqual(["10", "9", "B", "b"]);
  });

  it("may be given, as those a model knows: one class is then enough, and another is an error", () => {
    const labels = ["spam", "ham"];
    expect(loadTextDataset("v.tsv", "ham\ta\n", { labels })).toEqual({
      examples: [{ label: "ham", text: "a" }],
      labels,
    });
    expect(() => loadTextDataset("v.tsv", "ham\ta\neggs\tb\n", { labels })).toThrow(
      /^v\.tsv: line 2: unknown class "eggs"; the classes are spam, ham$/,
    );
  });
});

describe("texts without classes", () => {
  it("reads a plain text whole, or line by line", () => {
    expect(loadTexts("a.txt", "\uFEFFone\r\n\ntwo\n")).toEqual(["one\r\n\ntwo\n"]);
    expect(loadTexts("a.txt", "\uFEFFone\r\n\ntwo\n", { plainText: "lines" })).toEqual(["one", "two"]);
    expect(() => loadTexts("a.txt", "")).toThrow(/^a\.txt: the file is empty$/);
    expect(() => loadTexts("a.txt", "\n", { plainText: "lines" })).toThrow(/^a\.txt: the file is empty$/);
  });

  it("reads the text column of a table, labelled or not", () => {
    expect(loadTexts("a.tsv", "ham\thi\nham\tho\n")).toEqual(["hi", "ho"]);
    expect(loadTexts("a.tsv", "hi\nho\n")).toEqual(["hi", "ho"]);
    expect(loadTexts("a.csv", "text,n\nhi,\n", { textColumn: "text" })).toEqual(["hi"]);
    expect(loadTexts("a.jsonl", '{"text": "hi", "label": null}')).toEqual(["hi"]);
  });

  it("knows files by their extension", () => {
    expect(() => loadTexts("dir.csv/a", "x")).toThrow(
      /^dir\.csv\/a: expected a file named \.tsv, \.csv, \.jsonl or \.txt$/,
    );
    expect(loadTexts("A.TXT", "x")).toEqual(["x"]);
    expect(() => loadTextDataset("a.txt", "x")).toThrow(/^a\.txt: a \.txt file has no labels/);
  });
});
