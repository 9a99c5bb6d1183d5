import type { Port } from "./connection.ts";
import { type HostOptions, SessionHost } from "./host/host.ts";
import { serve } from "./serve.ts";

/** A session's working end in this thread, behind the same messages as in a worker. */
export function serveHere(options: HostOptions): { port: Port; close(): void } {
  const { port1, port2 } = new MessageChannel();
  const host = new SessionHost(options);
  serve(port2 as unknown as Port, host.handlers, host.wordsOf);
  return {
    port: port1 as unknown as Port,
    close: () => {
      port1.close();
      port2.close();
    },
  };
}
