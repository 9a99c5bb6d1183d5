import { afterEach, describe, expect, it } from "vitest";
import { Connection, type Port } from "../../src/session/connection.ts";
import { type Handlers, serve } from "../../src/session/serve.ts";

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A connection to handlers of which a test gives some. */
function connect(handlers: Partial<Record<keyof Handlers, unknown>>): Connection {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  serve(port2 as unknown as Port, handlers as Handlers);
  return new Connection(port1 as unknown as Port);
}
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe("a session's messages", () => {
  it("answer calls side by side, and bring errors with their names", async () => {
    const releases: (() => void)[] = [];
    const connection = connect({
      plan: () => new Promise<string>((resolve) => releases.push(() => resolve(`answer ${releases.length}`))),
      stored: () => Promise.reject(Object.assign(new TypeError("no"), { name: "StorageError" })),
      forget: () => Promise.reject("a text"),
      inspect: async () => () => {},
    });
    const [first, second] = [connection.call("plan", {} as never), connection.call("plan", {} as never)];
    await expect(connection.call("stored")).rejects.toMatchObject({ name: "StorageError", message: "no" });
    await expect(connection.call("forget")).rejects.toMatchObject({ name: "Error", message: "a text" });
    await expect(connection.call("inspect", {} as never)).rejects.toMatchObject({ name: "DataCloneError" });
    for (const release of releases) release();
    expect(await Promise.all([first, second])).toEqual(["answer 2", "answer 2"]);
  });

  it("keep a sender from running ahead of a reader, and lose nothing", async () => {
    let sent = 0;
    const connection = connect({
      start: async (send: (piece: number) => Promise<void> | undefined) => {
        while (sent < 500) await send(sent++);
      },
    });
    const seen: number[] = [];
    let ahead = 0;
    for await (const piece of connection.stream("start", {} as never)) {
      seen.push(piece as unknown as number);
      await turns(3);
      ahead = Math.max(ahead, sent - seen.length);
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(ahead).toBeGreaterThan(10);
    expect(ahead).toBeLessThanOrEqual(64);
  });

  it("let a sender go on when its reader waits for the end alone", async () => {
    let sent = 0;
    const connection = connect({
      start: async (send: (piece: number) => Promise<void> | undefined) => {
        while (sent < 500) await send(sent++);
      },
    });
    const stream = connection.stream("start", {} as never);
    await turns(20);
    expect(sent).toBe(64);
    await stream.done;
    expect(sent).toBe(500);
  });

  it.each([
    ["a call", (connection: Connection) => connection.call("cancel")],
    ["another stream", async (connection: Connection) => connection.stream("generate", {} as never).done],
  ] as const)("let a sender go on while its reader waits for %s that the sender must end for", async (_, ask) => {
    let end: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let sent = 0;
    const connection = connect({
      start: async (send: (piece: number) => Promise<void> | undefined) => {
        while (sent < 300) await send(sent++);
        end!();
      },
      cancel: () => ended,
      generate: () => ended,
    });
    const seen: number[] = [];
    for await (const piece of connection.stream("start", {} as never)) {
      // The sender is as far ahead as it may be when it is asked.
      if (seen.length === 0) await turns(20);
      if (seen.length === 0) await ask(connection);
      seen.push(piece as unknown as number);
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it("hold a sender back again when what was asked meanwhile is answered", async () => {
    let sent = 0;
    const connection = connect({
      start: async (send: (piece: number) => Promise<void> | undefined) => {
        while (sent < 500) await send(sent++);
      },
      stored: async () => null,
    });
    const seen: number[] = [];
    let ahead = 0;
    for await (const piece of connection.stream("start", {} as never)) {
      if (seen.length === 100) await connection.call("stored");
      seen.push(piece as unknown as number);
      await turns(3);
      if (seen.length > 250) ahead = Math.max(ahead, sent - seen.length);
    }
    expect(seen).toHaveLength(500);
    expect(ahead).toBeLessThanOrEqual(64);
  });

  it("tell a sender that its reader has left", async () => {
    let left: Promise<unknown> | undefined;
    const connection = connect({
      start: async (send: (piece: number) => unknown, signal: AbortSignal) => {
        left = new Promise((resolve) => signal.addEventListener("abort", resolve));
        send(1);
        await left;
      },
    });
    const stream = connection.stream("start", {} as never);
    for await (const _ of stream) break;
    await left;
    await stream.done;
  });

  it("end what is asked when the other end breaks", async () => {
    const connection = connect({ plan: () => new Promise(() => {}), start: () => new Promise(() => {}) });
    const call = connection.call("plan", {} as never);
    const stream = connection.stream("start", {} as never);
    connection.fail(new Error("the worker failed"));
    await expect(call).rejects.toThrow("the worker failed");
    await expect(stream.done).rejects.toThrow("the worker failed");
    await expect(connection.call("stored")).rejects.toThrow("the worker failed");
    expect(() => connection.stream("pickUp")).toThrow("the worker failed");
  });
});
