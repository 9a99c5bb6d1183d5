import type { Port } from "./connection.ts";
import { SessionHost } from "./host/host.ts";
import { serve } from "./serve.ts";

// The entry of a module worker: the whole of a session but its page.
serve(globalThis as unknown as Port, new SessionHost().handlers);
