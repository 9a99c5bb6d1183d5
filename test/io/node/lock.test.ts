import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { acquireLock } from "../../../src/io/node/lock.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-lock-"));
  path = join(folder, ".file.lock~");
});
afterEach(() => rm(folder, { recursive: true }));

it("gives turns", async () => {
  const told: string[] = [];
  const work = async (name: string) => {
    const lock = await acquireLock(path);
    told.push(`${name} in`);
    await readdir(folder);
    told.push(`${name} out`);
    await lock.release();
  };
  await Promise.all([work("a"), work("b"), work("c")]);
  expect(told.map((one) => one.split(" ")[1])).toEqual(["in", "out", "in", "out", "in", "out"]);
  for (let i = 0; i < 6; i += 2) expect(told[i][0]).toBe(told[i + 1][0]);
  expect(await readdir(folder)).toEqual([]);
});

it("is not waited for when its holder has died", async () => {
  const { pid } = spawnSync("true");
  await writeFile(path, JSON.stringify({ pid, host: hostname(), token: "old" }));
  const lock = await acquireLock(path);
  expect(await lock.isHeld()).toBe(true);
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

it("is waited for while its holder lives", async () => {
  const holder = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  const ended = new Promise((resolve) => holder.once("exit", resolve));
  await writeFile(path, JSON.stringify({ pid: holder.pid, host: hostname(), token: "other" }));
  let isOurs = false;
  const waiting = acquireLock(path).then((lock) => {
    isOurs = true;
    return lock;
  });
  for (let i = 0; i < 20; i++) await readFile(path, "utf8");
  const wasOurs = isOurs;
  holder.kill();
  await ended;
  expect(wasOurs).toBe(false);
  const lock = await waiting;
  expect(await lock.isHeld()).toBe(true);
  await lock.release();
});

it("is taken from a holder that gives no sign of life for long", async () => {
  await writeFile(path, JSON.stringify({ pid: 1, host: "elsewhere", token: "other" }));
  let time = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => {
    time += 20_000;
    return time;
  });
  const lock = await acquireLock(path).finally(() => clock.mockRestore());
  expect(await lock.isHeld()).toBe(true);
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

it("is known to be lost by who held it, and left to who has it", async () => {
  const lock = await acquireLock(path);
  await writeFile(path, "another");
  expect(await lock.isHeld()).toBe(false);
  await lock.release();
  expect(await readFile(path, "utf8")).toBe("another");
});

it("is waited for no longer than the signal lets it", async () => {
  const lock = await acquireLock(path);
  const controller = new AbortController();
  const waiting = acquireLock(path, controller.signal);
  controller.abort();
  await expect(waiting).rejects.toThrow(/abort/i);
  await lock.release();
  await expect(acquireLock(join(folder, "none", "lock"))).rejects.toThrow("ENOENT");
});
