import type { Port } from "./connection.ts";
import { SessionHost } from "./host/host.ts";
import { holdForLife } from "./life.ts";
import { serve } from "./serve.ts";

// The entry of a module worker: the whole of a session but its page.
const host = new SessionHost();
const { handlers } = host;
const open: typeof handlers.open = async (options) => ({
  ...(await handlers.open(options)),
  life: await holdForLife(),
});
serve(globalThis as unknown as Port, { ...handlers, open }, host.wordsOf);
