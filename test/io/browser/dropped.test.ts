import { describe, expect, it } from "vitest";
import { droppedFiles, droppedModel } from "../../../src/io/browser/index.ts";

/** Files as a folder picker gives them. */
function picked(...paths: string[]): File[] {
  return paths.map((path) => {
    const file = new File([path], path.slice(path.lastIndexOf("/") + 1));
    Object.defineProperty(file, "webkitRelativePath", { value: path.includes("/") ? path : "" });
    return file;
  });
}

describe("dropped files", () => {
  it("come with their paths, sorted, without hidden ones", async () => {
    const files = picked("m/b", "m/a/c", "m/.DS_Store", "m/.git/HEAD", "plain", "__MACOSX/x");
    expect((await droppedFiles(files)).map(({ path }) => path)).toEqual(["m/a/c", "m/b", "plain"]);
  });

  it("that are a model are those beside the outermost config.json", async () => {
    const files = picked(
      "gpt2/config.json",
      "gpt2/model.safetensors",
      "gpt2/onnx/config.json",
      "gpt2/onnx/x.onnx",
      "notes.txt",
    );
    const { name, files: own, directory } = await droppedModel(files);
    expect([name, Object.keys(own).sort()]).toEqual(["gpt2", ["config.json", "model.safetensors"]]);
    expect(await directory.readText("config.json")).toBe("gpt2/config.json");
    const source = await directory.open("model.safetensors");
    expect(new TextDecoder().decode(await source.read(5, 10))).toBe("model");
    expect((await droppedModel(await droppedFiles(files))).name).toBe("gpt2");
  });

  it("may be plain files, with the weights under a name of their own", async () => {
    const { name, files } = await droppedModel(picked("config.json", "spam-filter.safetensors", "tokenizer.json"));
    expect([name, Object.keys(files).sort()]).toEqual([
      "spam-filter",
      ["config.json", "model.safetensors", "tokenizer.json"],
    ]);
    const sharded = ["config.json", "model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors"];
    expect(Object.keys((await droppedModel(picked(...sharded))).files).sort()).toEqual(sharded.sort());
  });

  it.each<[string, string[], RegExp]>([
    ["nothing", [], /^There are no files in what was dropped\.$/],
    [
      "weights alone",
      ["w.safetensors"],
      /^w\.safetensors has the weights, but not what kind .* Drop config\.json together with it, .*tokenizer\.json/,
    ],
    [
      "a config alone",
      ["m/config.json"],
      /^The folder m has a config\.json but no weights: model\.safetensors is missing\.$/,
    ],
    [
      "pickled weights",
      ["config.json", "pytorch_model.bin"],
      /^The drop has its weights in pytorch_model\.bin, a format that can run code .*save_pretrained/,
    ],
    ["a pickle alone", ["pytorch_model.bin"], /^pytorch_model\.bin is in a format that can run code/],
    [
      "shards without their index",
      ["config.json", "a.safetensors", "b.safetensors"],
      /^The drop has 2 safetensors files \(a\.safetensors, b\.safetensors\) but no model\.safetensors\.index\.json/,
    ],
    [
      "two models",
      ["a/config.json", "a/model.safetensors", "b/config.json"],
      /^There are several models: a and b\. Drop one of them\.$/,
    ],
    ["an archive", ["gpt2.zip"], /^gpt2\.zip is an archive\. Unpack it/],
    [
      "something else",
      ["a.txt", "b.txt", "c.txt", "d.txt"],
      /^This is no model: .* only a\.txt, b\.txt, c\.txt, … \(4 files\)\.$/,
    ],
  ])("that are %s are refused with what to do", async (_, paths, message) => {
    await expect(droppedModel(picked(...paths))).rejects.toThrow(message);
  });
});
