/**
 * The content security policy of the demo's pages, sent as a header by the server and written into every page, so that a
 * static host that sends none has it too. Nothing inline, no eval, nothing from elsewhere but:
 *
 * - `img-src data: blob:`: pictures that people draw or drop are shown from memory.
 * - `connect-src` with the Hub's addresses: a model is read from there only when a person gives a Hub id.
 */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "worker-src 'self'",
  "connect-src 'self' https://huggingface.co https://*.huggingface.co https://*.hf.co",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
