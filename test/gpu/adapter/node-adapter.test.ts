import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdapterNotFoundError, findNodeAdapter } from "../../../src/gpu/adapter/node-adapter.ts";
import { findSwiftShaderArchive, readTar, unpackSwiftShader } from "../../../src/gpu/adapter/swiftshader.ts";

const repository = resolve(import.meta.dirname, "../../..");
const STORAGE = 0x80;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const MAP_READ = 0x1;

const DOUBLE = `
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) { values[id.x] *= 2.0; }`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-node-adapter-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Doubles [1, 2, 3, 4] on a device of the adapter. */
async function double(adapter: GPUAdapter): Promise<number[]> {
  const device = await adapter.requestDevice();
  try {
    const module = device.createShaderModule({ code: DOUBLE });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
    const values = device.createBuffer({ size: 16, usage: STORAGE | COPY_SRC | COPY_DST });
    const read = device.createBuffer({ size: 16, usage: MAP_READ | COPY_DST });
    device.queue.writeBuffer(values, 0, new Float32Array([1, 2, 3, 4]));
    const entries = [{ binding: 0, resource: { buffer: values } }];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(values, 0, read, 0, 16);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(MAP_READ);
    return [...new Float32Array(read.getMappedRange())];
  } finally {
    device.destroy();
  }
}

describe("findNodeAdapter", () => {
  it("finds an adapter that computes", async () => {
    const { adapter, source } = await findNodeAdapter();
    expect(["system", "swiftshader"]).toContain(source);
    expect(await double(adapter)).toEqual([2, 4, 6, 8]);
  });

  it("takes SwiftShader on demand, beside another adapter and without a trace in the environment", async () => {
    const before = { ...process.env };
    const [any, software] = await Promise.all([findNodeAdapter(), findNodeAdapter({ software: true })]);
    expect(process.env).toEqual(before);
    expect("gpu" in globalThis).toBe(false);
    expect(software.source).toBe("swiftshader");
    expect(software.adapter.info.architecture).toBe("swiftshader");
    expect(await double(software.adapter)).toEqual([2, 4, 6, 8]);
    expect(await double(any.adapter)).toEqual([2, 4, 6, 8]);
  });

  it("compiles on the null backend, and reports what does not compile or does not fit", async () => {
    const { adapter, source } = await findNodeAdapter({ backend: "null" });
    expect(source).toBe("null");
    const device = await adapter.requestDevice();
    const compile = async (code: string) => {
      device.pushErrorScope("validation");
      const module = device.createShaderModule({ code });
      const { messages } = await module.getCompilationInfo();
      const scope = await device.popErrorScope();
      if (scope) return messages.map(({ lineNum, message }) => `${lineNum}: ${message}`).join("\n");
      return device.createComputePipelineAsync({ layout: "auto", compute: { module } }).then(
        () => "compiled",
        (error: Error) => error.message,
      );
    };
    expect(await compile(DOUBLE)).toBe("compiled");
    expect(await compile("@compute @workgroup_size(1)\nfn main() { let x: f32 = 1u; }")).toMatch(/^2: .*f32.*u32/);
    const tooMuch = "var<workgroup> a: array<f32, 20000>; @compute @workgroup_size(1) fn main() { a[0] = 1; }";
    expect(await compile(tooMuch)).toContain("80000 bytes");
    device.destroy();
  });
});

describe("findNodeAdapter in a process of its own", () => {
  /** A folder with the compiled adapter search and the named packages of this repository, and nothing else. */
  async function install(name: string, packages: string[]): Promise<string> {
    const home = join(folder, name);
    for (const one of packages) {
      await mkdir(dirname(join(home, "node_modules", one)), { recursive: true });
      await symlink(join(repository, "node_modules", one), join(home, "node_modules", one));
    }
    await build({
      stdin: {
        resolveDir: repository,
        loader: "ts",
        contents: `
          import { findNodeAdapter } from "./src/gpu/adapter/node-adapter.ts";
          let found = await findNodeAdapter(JSON.parse(process.argv[2])).catch((error) => {
            console.log(error.name + ": " + error.message);
            process.exitCode = 1;
          });
          if (found) {
            const device = await found.adapter.requestDevice();
            const buffer = device.createBuffer({ size: 8, usage: ${MAP_READ | COPY_DST} });
            device.queue.writeBuffer(buffer, 0, new Float32Array([3, 5]));
            await buffer.mapAsync(${MAP_READ});
            console.log(found.source + " " + new Float32Array(buffer.getMappedRange()).join());
            found = undefined;
            if (process.argv[3] === "destroy") device.destroy();
            if (process.argv[3] === "collect") {
              for (let i = 0; i < 10; i++) {
                globalThis.gc();
                await new Promise((done) => setTimeout(done, 10));
              }
              const second = device.createBuffer({ size: 8, usage: ${MAP_READ | COPY_DST} });
              await second.mapAsync(${MAP_READ});
              console.log("used after collection");
            }
          }`,
      },
      outfile: join(home, "main.mjs"),
      bundle: true,
      platform: "neutral",
      format: "esm",
      packages: "external",
      external: ["node:*"],
    });
    return home;
  }

  /** Runs it; `seconds` is how long the process took from start to its own end. */
  async function run(home: string, args: string[], environment: Record<string, string> = {}) {
    const started = performance.now();
    const child = spawn(process.execPath, ["--expose-gc", "main.mjs", ...args], {
      cwd: home,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    const code = await new Promise<number | string | null>((done) =>
      child.on("close", (status, signal) => done(signal ?? status)),
    );
    clearTimeout(timer);
    return { code, output: output.trim(), seconds: (performance.now() - started) / 1000 };
  }

  it("ends by itself, promptly and with code 0, whether or not the device was destroyed", async () => {
    const home = await install("complete", ["webgpu", "@sparticuz/chromium"]);
    for (const options of [{}, { software: true }]) {
      for (const end of ["destroy", "leave"]) {
        const { code, output, seconds } = await run(home, [JSON.stringify(options), end]);
        expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^(system|swiftshader) 3,5$/) });
        expect(seconds).toBeLessThan(30);
      }
    }
  });

  it("keeps a device usable after everything else was garbage collected", async () => {
    const home = await install("collected", ["webgpu", "@sparticuz/chromium"]);
    for (const options of [{}, { software: true }]) {
      const { code, output } = await run(home, [JSON.stringify(options), "collect"]);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/ 3,5\nused after collection$/) });
    }
  });

  it("tells a worker thread, whose environment the Vulkan loader cannot see, how to share it", async () => {
    const home = await install("worker", ["webgpu", "@sparticuz/chromium"]);
    const runWorker = (env?: typeof SHARE_ENV) =>
      new Promise<string>((done, fail) => {
        const argv = ['{"software":true}'];
        const worker = new Worker(join(home, "main.mjs"), { argv, stdout: true, stderr: true, env });
        let output = "";
        worker.stdout.setEncoding("utf8").on("data", (text) => {
          output += text;
        });
        worker.on("error", fail).on("exit", () => done(output.trim()));
      });
    expect(await runWorker()).toMatch(/^AdapterNotFoundError: .* worker thread.*\nRemedy: .*env: SHARE_ENV/);
    expect(await runWorker(SHARE_ENV)).toBe("swiftshader 3,5");
  });

  it("falls back on SwiftShader where no driver is found, with a cold cache and several processes at once", async () => {
    const home = await install("fallback", ["webgpu", "@sparticuz/chromium"]);
    const environment = {
      VK_ICD_FILENAMES: "/nonexistent/icd.json",
      VK_DRIVER_FILES: "/nonexistent/icd.json",
      XDG_CACHE_HOME: join(home, "cache"),
    };
    const results = await Promise.all([1, 2, 3].map(() => run(home, ["{}", "destroy"], environment)));
    for (const { code, output } of results) expect({ code, output }).toEqual({ code: 0, output: "swiftshader 3,5" });
    const names = await readdir(join(home, "cache", "graft"));
    expect(names).toEqual([expect.stringMatching(/^swiftshader-\d+\.\d+\.\d+$/)]);
  });

  it("says what was tried and what to install", async () => {
    const bare = await run(await install("bare", []), ["{}"]);
    expect(bare.code).toBe(1);
    expect(bare.output).toBe(
      "AdapterNotFoundError: No WebGPU adapter was found (npm package webgpu: not installed).\n" +
        "Remedy: npm install webgpu",
    );
    const withoutDriver = await run(await install("no-swiftshader", ["webgpu"]), ["{}"], {
      VK_ICD_FILENAMES: "/nonexistent/icd.json",
      VK_DRIVER_FILES: "/nonexistent/icd.json",
    });
    expect(withoutDriver.code).toBe(1);
    expect(withoutDriver.output).toContain("this machine's adapter: no");
    expect(withoutDriver.output).toContain("@sparticuz/chromium: not installed");
    expect(withoutDriver.output).toMatch(/\nRemedy: npm install @sparticuz\/chromium; or .*lavapipe/);
  });
});

describe("AdapterNotFoundError", () => {
  it("keeps every attempt and remedy, and tells them in two lines", () => {
    const attempts = [
      { what: "this machine's adapter", result: "none" },
      { what: "SwiftShader", result: "not installed" },
    ];
    const error = new AdapterNotFoundError(attempts, ["install a", "install b"]);
    expect(error.attempts).toEqual(attempts);
    expect(error.remedies).toEqual(["install a", "install b"]);
    expect(error.message).toBe(
      "No WebGPU adapter was found (this machine's adapter: none; SwiftShader: not installed).\n" +
        "Remedy: install a; or install b",
    );
  });
});

describe("unpackSwiftShader", () => {
  it("unpacks once, keeps a whole copy and replaces a damaged one", async () => {
    const archive = (await findSwiftShaderArchive())!;
    const cache = join(folder, "unpack");
    const [first, second] = await Promise.all([unpackSwiftShader(archive, cache), unpackSwiftShader(archive, cache)]);
    expect(second).toEqual(first);
    expect(JSON.parse(await readFile(first.icd, "utf8")).ICD.library_path).toBe("./libvk_swiftshader.so");

    const { size, mtimeMs } = await stat(first.loader);
    await unpackSwiftShader(archive, cache);
    expect((await stat(first.loader)).mtimeMs).toBe(mtimeMs);

    await truncate(first.loader, 1000);
    await unpackSwiftShader(archive, cache);
    expect((await stat(first.loader)).size).toBe(size);

    await rm(first.icd);
    await Promise.all([unpackSwiftShader(archive, cache), unpackSwiftShader(archive, cache)]);
    expect((await stat(first.icd)).size).toBeGreaterThan(0);
    expect(await readdir(cache)).toEqual([`swiftshader-${archive.version}`]);
  });

  it("refuses an archive that lacks a file and leaves nothing behind", async () => {
    const path = join(folder, "incomplete.tar.br");
    await writeFile(path, brotliCompressSync(tarOf("libvulkan.so.1", "loader")));
    const cache = join(folder, "incomplete");
    await expect(unpackSwiftShader({ path, version: "1.2.3" }, cache)).rejects.toThrow(
      `${path} has no file libvk_swiftshader.so`,
    );
    expect(await readdir(cache)).toEqual([]);
  });
});

/** A tar archive of one file. */
function tarOf(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write(" ".repeat(8), 148);
  header.write("0", 156);
  header.write("ustar\0", 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148);
  const body = Buffer.alloc(512 * Math.ceil(content.length / 512));
  body.write(content);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}

describe("readTar", () => {
  it("reads the files of an archive", () => {
    const files = readTar(Buffer.concat([tarOf("a", "first").subarray(0, 1024), tarOf("b.json", "second")]));
    expect([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
      ["a", "first"],
      ["b.json", "second"],
    ]);
  });

  it("refuses a damaged header and a truncated file, naming the byte", () => {
    const damaged = tarOf("a", "text");
    damaged[0] = 0x62;
    expect(() => readTar(damaged)).toThrow("tar: bad header checksum at byte 0");
    expect(() => readTar(tarOf("a", "text").subarray(0, 514))).toThrow(
      "tar: a at byte 0 has 4 bytes, the archive ends at byte 514",
    );
  });
});
