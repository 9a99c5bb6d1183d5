/** config.json of a GPT-2, as transformers writes it: every key it holds, and the ones the model reads in camel case. */
export interface GPT2Config {
  readonly vocabularySize: number;
  readonly positions: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Width of the hidden layer of the feed-forward block. */
  readonly inner: number;
  readonly layerNormEpsilon: number;
  readonly residualDropout: number;
  readonly embeddingDropout: number;
  readonly attentionDropout: number;
  readonly initializerRange: number;
  readonly scaleAttention: boolean;
  readonly scaleAttentionByLayer: boolean;
  readonly tieWordEmbeddings: boolean;
  readonly padTokenId: number | null;
  readonly eosTokenId: number | null;
  /** Names of the classes, for classification; empty otherwise. */
  readonly labels: readonly string[];
  /** The file as it was read; saving writes it back with what has changed. */
  readonly source: Readonly<Record<string, unknown>>;
}

/** Activations that are the tanh form of gelu under another name. */
const TANH_GELU = new Set(["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]);

/**
 * Reads a GPT-2 configuration, with transformers' defaults for what is absent.
 *
 * @throws naming the key, its value and what was expected.
 */
export function parseGPT2Config(json: unknown, file = "config.json"): GPT2Config {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error(`${file}: expected a JSON object`);
  const source = json as Record<string, unknown>;
  const fail = (key: string, expected: string): never => {
    throw new Error(`${file}: "${key}" is ${JSON.stringify(source[key])}, expected ${expected}`);
  };
  const read = <T>(key: string, fallback: T, check: (value: unknown) => boolean, expected: string): T => {
    const value = source[key] ?? fallback;
    return check(value) ? (value as T) : fail(key, expected);
  };
  const size = (key: string, fallback: number): number =>
    read(key, fallback, (v) => Number.isInteger(v) && (v as number) > 0, "a positive integer");
  const rate = (key: string): number =>
    read(key, 0.1, (v) => typeof v === "number" && v >= 0 && v < 1, "a number from 0 to below 1");
  const flag = (key: string, fallback: boolean): boolean =>
    read(key, fallback, (v) => typeof v === "boolean", "true or false");
  const number = (key: string, fallback: number): number =>
    read(key, fallback, (v) => typeof v === "number" && v > 0, "a positive number");
  const token = (key: string): number | null =>
    read<number | null>(key, null, (v) => v === null || Number.isInteger(v), "a token id or null");

  if (source.model_type !== undefined && source.model_type !== "gpt2") fail("model_type", '"gpt2"');
  const activation = source.activation_function ?? "gelu_new";
  if (!TANH_GELU.has(activation as string)) fail("activation_function", `one of ${[...TANH_GELU].join(", ")}`);
  if (source.add_cross_attention === true) fail("add_cross_attention", "false: cross-attention is not supported");
  const width = size("n_embd", 768);
  const heads = size("n_head", 12);
  if (width % heads !== 0) fail("n_head", `a divisor of n_embd ${width}`);
  return {
    vocabularySize: size("vocab_size", 50257),
    positions: size("n_positions", 1024),
    width,
    layers: size("n_layer", 12),
    heads,
    inner: size("n_inner", 4 * width),
    layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
    residualDropout: rate("resid_pdrop"),
    embeddingDropout: rate("embd_pdrop"),
    attentionDropout: rate("attn_pdrop"),
    initializerRange: number("initializer_range", 0.02),
    scaleAttention: flag("scale_attn_weights", true),
    scaleAttentionByLayer: flag("scale_attn_by_inverse_layer_idx", false),
    tieWordEmbeddings: flag("tie_word_embeddings", true),
    padTokenId: token("pad_token_id"),
    eosTokenId: token("eos_token_id"),
    labels: parseLabels(source, file),
    source,
  };
}

function parseLabels(source: Record<string, unknown>, file: string): string[] {
  const table = source.id2label;
  if (table === undefined || table === null) return [];
  const entries = Object.entries(table as Record<string, unknown>);
  const labels = new Array<string>(entries.length);
  for (const [id, label] of entries) {
    const index = Number(id);
    if (!Number.isInteger(index) || index < 0 || index >= entries.length || typeof label !== "string") {
      throw new Error(`${file}: "id2label" must number its labels from 0 to ${entries.length - 1}, got "${id}"`);
    }
    labels[index] = label;
  }
  return labels;
}

/** The configuration as transformers reads it, for a task. */
export function serializeGPT2Config(config: GPT2Config, architecture: string): string {
  const { labels, source } = config;
  const classification =
    labels.length > 0 && architecture === "GPT2ForSequenceClassification"
      ? {
          id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
          label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
          // transformers finds the last token of a padded text by this id.
          pad_token_id: config.padTokenId ?? config.eosTokenId,
          problem_type: "single_label_classification",
        }
      : {};
  const json = { ...source, architectures: [architecture], model_type: "gpt2", ...classification, dtype: "float32" };
  return `${JSON.stringify(json, null, 2)}\n`;
}
