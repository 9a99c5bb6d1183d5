import { expect, it } from "vitest";
import {
  byFolder,
  classesOf,
  makePicture,
  missingIn,
  type PictureClass,
  pictureData,
  picturePaths,
} from "../../demo/images/pictures.ts";

let id = 0;
const classOf = (name: string, ...files: string[]): PictureClass => ({
  id: ++id,
  name,
  pictures: files.map((file) => makePicture(new Blob([file], { type: "image/png" }), file)),
});

it.each([
  ["no pictures", [classOf("a"), classOf("b")], "Two classes with pictures are the least."],
  ["one class", [classOf("a", "1.png", "2.png"), classOf("b")], "Two classes with pictures are the least."],
  ["one picture", [classOf("a", "1.png", "2.png"), classOf("b", "1.png")], "b has one picture; two are the least"],
  ["no name", [classOf(" ", "1.png")], "Give every class a name."],
  ["one name twice", [classOf("a", "1.png"), classOf("a ", "2.png")], "Two classes are called a"],
  ["a path", [classOf("a/b", "1.png")], '"a/b" cannot be the name of a folder'],
  ["a hidden folder", [classOf(".git", "1.png")], '".git" cannot be the name of a folder'],
])("says what is missing: %s", (_, classes, words) => {
  expect(missingIn(classes)).toContain(words);
});

it("finds nothing missing where an empty class stands beside two whole ones", () => {
  expect(missingIn([classOf("a", "1.png", "2.png"), classOf("b", "1.png", "2.png"), classOf("c")])).toBeNull();
});

it("takes the folder that a file lies in for its class", () => {
  const files = ["all/cat/1.png", "all/cat/2.png", "all/dog/1.png"].map((path) => ({ path }));
  expect([...byFolder(files)].map(([name, own]) => [name, own.length])).toEqual([
    ["cat", 2],
    ["dog", 1],
  ]);
  expect(() => byFolder([{ path: "1.png" }])).toThrow("1.png lies in no folder; expected a folder for each class");
});

it("orders pictures as Node reads their folder, under names that every system takes", () => {
  const classes = [
    classOf("zebra", "b.png", "a.png"),
    classOf("10", "Straße 1.JPG"),
    classOf("9", "../up", ".hidden.png"),
    classOf("empty"),
  ];
  const paths = picturePaths(classes).map(({ path }) => path);
  expect(paths.map((path) => path.replace(/\d{4}-/, ""))).toEqual([
    ...["10/Stra-e-1.JPG", "9/up.png", "9/hidden.png", "zebra/b.png", "zebra/a.png"],
  ]);
  for (const label of ["9", "10", "zebra"]) {
    const own = paths.filter((path) => path.startsWith(`${label}/`));
    expect(own).toEqual([...own].sort());
  }
});

it("finds the classes again in what a kept run was given, in the same order under the same names", () => {
  const data = pictureData([classOf("b", "1.png", "2.png"), classOf("a", "3.jpg")]);
  if (data.kind !== "images") throw new Error("expected images");
  const again = classesOf(data.images);
  expect(again.map(({ name, pictures }) => [name, pictures.length])).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
  const names = ({ images }: { images: readonly { name?: string }[] }) => images.map(({ name }) => name);
  const repeated = pictureData(again);
  if (repeated.kind !== "images") throw new Error("expected images");
  expect(names(repeated)).toEqual(names(data));
  // A picture that is added later comes behind them.
  const [last] = [makePicture(new Blob(), "new.png")];
  expect(last.id).toBeGreaterThan(Math.max(...again.flatMap(({ pictures }) => pictures.map((one) => one.id))));
});
