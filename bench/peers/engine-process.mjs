// The parent's side of an engine's process.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { NoAnswer } from "./no-answer.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The Python that has torch, when any has. */
export const PYTHON = process.env.PYTHON || "python3";

/** Longest wait for an answer; jax-js takes three quarters of a minute to compile a block where nothing is cached. */
let patienceMilliseconds = 240_000;

/** From now on no answer is waited for longer. */
export function setPatience(milliseconds) {
  patienceMilliseconds = milliseconds;
}

/**
 * Lets a process run until it has answered, and no longer: compilers, collectors of garbage and loops that poll would
 * otherwise take a core from the engine whose turn it is.
 */
async function whileRunning(child, work) {
  child.kill("SIGCONT");
  try {
    return await work();
  } finally {
    child.kill("SIGSTOP");
  }
}

const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** A promise that rejects when a process ends. */
function ending(child) {
  children.add(child);
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`its process ended (${signal ?? code})`);
  });
  ended.catch(() => {}); // between questions nobody waits for it
  return ended;
}

function withPatience(promise, child, ended) {
  let timer;
  const milliseconds = patienceMilliseconds;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new NoAnswer(milliseconds));
    }, milliseconds);
  });
  return Promise.race([promise, late, ended]).finally(() => clearTimeout(timer));
}

/** An engine in JavaScript. */
export class EngineProcess {
  #start;
  #child;
  #ended;

  constructor(file, options, environment) {
    this.label = [file, ...options].join(" ");
    this.#start = () => {
      this.#child = fork(here("serve.mjs"), [file, ...options], {
        serialization: "advanced",
        env: { ...process.env, ...environment },
        stdio: ["ignore", "ignore", "ignore", "ipc"],
        // WebAssembly compiled to the end at once: a second compiler behind its back would run in its own turns.
        execArgv: ["--no-liftoff"],
      });
      this.#ended = ending(this.#child);
    };
  }

  async open() {
    this.#start();
    return this.ask("open");
  }

  async ask(request, values = {}) {
    if (!this.#child || this.#child.exitCode !== null || this.#child.signalCode) {
      this.#start();
      if (request !== "open") await this.ask("open");
    }
    const { result, failure } = await whileRunning(this.#child, () => {
      const answer = new Promise((resolve) => this.#child.once("message", resolve));
      this.#child.send({ request, ...values });
      return withPatience(answer, this.#child, this.#ended);
    });
    if (failure) throw new Error(failure);
    return result;
  }

  close() {
    this.#child?.kill("SIGKILL");
  }
}

/** PyTorch: the same questions, a line of JSON each; arrays travel in files. */
export class TorchProcess {
  label = "pytorch";
  #child;
  #ended;
  #lines;
  #folder;

  async open() {
    this.#folder = mkdtempSync(join(tmpdir(), "graft-peers-"));
    this.#child = spawn(PYTHON, [here("engines/pytorch.py"), this.#folder], { stdio: ["pipe", "pipe", "ignore"] });
    this.#ended = ending(this.#child);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    return this.ask("open");
  }

  async ask(request, values = {}, row = undefined) {
    const inputs = {};
    if (request === "prepare") {
      for (const [name, { shape, values }] of Object.entries(row.inputs)) {
        const data = values();
        inputs[name] = { shape, type: data instanceof Int32Array ? "int32" : "float32" };
        writeFileSync(join(this.#folder, name), data);
      }
    }
    const { inputs: _, ...details } = row ?? {};
    const { value } = await whileRunning(this.#child, () => {
      const answer = this.#lines.next();
      this.#child.stdin.write(`${JSON.stringify({ request, ...values, row: details, inputs })}\n`);
      return withPatience(answer, this.#child, this.#ended);
    });
    const { result, failure } = JSON.parse(value);
    if (failure) throw new Error(failure);
    if (result.outputs) {
      const read = (name) => {
        const bytes = readFileSync(join(this.#folder, `out.${name}`));
        return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      };
      result.outputs = Object.fromEntries(result.outputs.map((name) => [name, read(name)]));
    }
    return result;
  }

  close() {
    this.#child?.kill("SIGKILL");
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
  }
}
