import {
  add,
  causalSelfAttention,
  crossEntropy,
  embedding,
  linear,
  linearCrossEntropy,
  permute,
  reshape,
  scaledDotProductAttention,
  slice,
} from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import type { ModelDirectory, OutputDirectory } from "../io/index.ts";
import { addDropout, applyDropout, Embedding, LayerNorm, Linear, Module, type TrainingPass } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type GPT2Config, parseGPT2Config, serializeGPT2Config } from "./gpt2-config.ts";
import { initializeGPT2, initializeMatrix } from "./initialization.ts";
import type { KeyValueCache } from "./language/key-value-cache.ts";
import { type DeviceInputs, disposeInputs, prepareInputs, type TokenInputs } from "./language/token-inputs.ts";
import {
  type ClassificationOptions,
  createOutputDirectory,
  defaultGpu,
  filled,
  type LoadOptions,
  type LoadRules,
  loadWeights,
  openModelDirectory,
  readJson,
  saveWeights,
} from "./loading.ts";
import { type Stage, StagedModel } from "./staged-model.ts";

// GPT-2 (Radford et al. 2019): token and position embeddings, pre-norm blocks, a final norm. Shapes: B batch, T tokens,
// C width, H heads, V vocabulary. Weights keep the checkpoint's names and layout: Conv1D is [in, out].

/** (residual +) dropout(projection of x): one dispatch where nothing is dropped, two elsewhere. */
function addProjection(
  residual: Tensor | undefined,
  projection: Linear,
  x: Tensor,
  dropout: number,
  pass?: TrainingPass,
): Tensor {
  if (!pass || dropout === 0) return projection.forwardWith(x, { residual });
  return addDropout(residual, projection.forward(x), dropout, pass);
}

/** Causal self-attention: one joint projection, heads, an output projection. */
class Attention extends Module {
  readonly c_attn: Linear;
  readonly c_proj: Linear;
  readonly #heads: number;
  readonly #scale: number;
  readonly #config: GPT2Config;

  constructor(gpu: Gpu, config: GPT2Config, layer: number) {
    super();
    const { width, heads } = config;
    this.c_attn = new Linear(gpu, width, 3 * width, { layout: "in-out" });
    this.c_proj = new Linear(gpu, width, width, { layout: "in-out" });
    this.#config = config;
    this.#heads = heads;
    const byWidth = config.scaleAttention ? 1 / Math.sqrt(width / heads) : 1;
    this.#scale = config.scaleAttentionByLayer ? byWidth / (layer + 1) : byWidth;
  }

  forward(x: Tensor, mask: Tensor | undefined, pass?: TrainingPass, residual?: Tensor): Tensor {
    const { attentionDropout, residualDropout } = this.#config;
    const joint = this.c_attn.forward(x); // [B, T, 3C]
    const dropout = pass && attentionDropout > 0 ? { p: attentionDropout, seed: pass.nextSeed() } : undefined;
    const attended = causalSelfAttention(joint, { heads: this.#heads, scale: this.#scale, mask, dropout });
    return addProjection(residual, this.c_proj, attended, residualDropout, pass); // [B, T, C]
  }

  /** One more stretch of tokens, given the keys and values of those before. */
  extend(x: Tensor, mask: Tensor | undefined, cache: KeyValueCache, layer: number, residual: Tensor): Tensor {
    const [query, key, value] = this.#heads3(this.c_attn.forward(x)); // each [B, H, T, C/H]
    const { keys, values } = cache.append(layer, key, value);
    const attended = scaledDotProductAttention(query, keys, values, {
      causal: "lower-right",
      keyMask: mask,
      scale: this.#scale,
    });
    return this.c_proj.forwardWith(this.#merge(attended), { residual });
  }

  #heads3(joint: Tensor): [Tensor, Tensor, Tensor] {
    const [batch, length] = joint.shape;
    const { width } = this.#config;
    const part = (index: number): Tensor => {
      const x = slice(joint, 2, index * width, (index + 1) * width);
      return permute(reshape(x, [batch, length, this.#heads, width / this.#heads]), [0, 2, 1, 3]);
    };
    return [part(0), part(1), part(2)];
  }

  /** [B, H, T, C/H] to [B, T, C]. */
  #merge(x: Tensor): Tensor {
    return reshape(permute(x, [0, 2, 1, 3]), [x.shape[0], x.shape[2], this.#config.width]);
  }
}

/** The feed-forward part of a block. */
class FeedForward extends Module {
  readonly c_fc: Linear;
  readonly c_proj: Linear;
  readonly #dropout: number;

  constructor(gpu: Gpu, { width, inner, residualDropout }: GPT2Config) {
    super();
    this.c_fc = new Linear(gpu, width, inner, { layout: "in-out" });
    this.c_proj = new Linear(gpu, inner, width, { layout: "in-out" });
    this.#dropout = residualDropout;
  }

  forward(x: Tensor, pass: TrainingPass | undefined, residual: Tensor): Tensor {
    const inner = this.c_fc.forwardWith(x, { activation: "gelu-tanh" });
    return addProjection(residual, this.c_proj, inner, this.#dropout, pass);
  }
}

class Block extends Module {
  readonly ln_1: LayerNorm;
  readonly attn: Attention;
  readonly ln_2: LayerNorm;
  readonly mlp: FeedForward;

  constructor(gpu: Gpu, config: GPT2Config, layer: number) {
    super();
    this.ln_1 = new LayerNorm(gpu, config.width, config.layerNormEpsilon);
    this.attn = new Attention(gpu, config, layer);
    this.ln_2 = new LayerNorm(gpu, config.width, config.layerNormEpsilon);
    this.mlp = new FeedForward(gpu, config);
  }

  forward(x: Tensor, mask: Tensor | undefined, pass?: TrainingPass): Tensor {
    const attended = this.attn.forward(this.ln_1.forward(x), mask, pass, x);
    return this.mlp.forward(this.ln_2.forward(attended), pass, attended);
  }

  extend(x: Tensor, mask: Tensor | undefined, cache: KeyValueCache, layer: number): Tensor {
    const attended = this.attn.extend(this.ln_1.forward(x), mask, cache, layer, x);
    return this.mlp.forward(this.ln_2.forward(attended), undefined, attended);
  }
}

/** The trunk: embeddings, blocks, final norm. */
class Transformer extends Module {
  readonly wte: Embedding;
  readonly wpe: Embedding;
  readonly h: Block[];
  readonly ln_f: LayerNorm;
  readonly #config: GPT2Config;

  constructor(gpu: Gpu, config: GPT2Config) {
    super();
    this.wte = new Embedding(gpu, config.vocabularySize, config.width);
    this.wpe = new Embedding(gpu, config.positions, config.width);
    this.h = Array.from({ length: config.layers }, (_, layer) => new Block(gpu, config, layer));
    this.ln_f = new LayerNorm(gpu, config.width, config.layerNormEpsilon);
    this.#config = config;
  }

  embed({ ids, positions, types }: Pick<DeviceInputs, "ids" | "positions" | "types">, pass?: TrainingPass): Tensor {
    const x = add(this.wte.forward(ids), this.wpe.forward(positions)); // [B, T, C]
    // As transformers does it: token types are rows of the token table too.
    return applyDropout(types ? add(x, this.wte.forward(types)) : x, this.#config.embeddingDropout, pass);
  }
}

/** What both GPT-2 task models share. */
export abstract class GPT2Base extends StagedModel<TokenInputs, DeviceInputs> {
  protected override readonly basePrefix = "transformer.";
  readonly transformer: Transformer;
  override readonly stages: readonly Stage<DeviceInputs>[];

  constructor(
    readonly gpu: Gpu,
    readonly config: GPT2Config,
  ) {
    super();
    this.transformer = new Transformer(gpu, config);
    this.stages = this.makeStages();
  }

  override prepare(batch: TokenInputs): DeviceInputs {
    return prepareInputs(this.gpu, batch, this.config);
  }

  override release(inputs: DeviceInputs): void {
    disposeInputs(inputs);
  }

  /** Embedding output, the output of each block but the last, and that of the final norm, as transformers numbers them. */
  hiddenStates(inputs: DeviceInputs): Tensor[] {
    const { h, ln_f } = this.transformer;
    const states = [this.transformer.embed(inputs)];
    for (const block of h) states.push(block.forward(states[states.length - 1], inputs.mask));
    states.push(ln_f.forward(states.pop()!));
    return states;
  }

  /** Normalised hidden states [B, T, C] of new tokens, with the keys and values of those before them. */
  extend(inputs: DeviceInputs, cache: KeyValueCache, mask?: Tensor): Tensor {
    let x = this.transformer.embed(inputs);
    this.transformer.h.forEach((block, layer) => {
      x = block.extend(x, mask, cache, layer);
    });
    cache.advance(inputs.length);
    return this.transformer.ln_f.forward(x);
  }

  /** Saves `model.safetensors` and `config.json` as transformers reads them. */
  override async save(directory: string | OutputDirectory): Promise<void> {
    const output = await createOutputDirectory(directory);
    await output.writeText("config.json", serializeGPT2Config(this.config, this.architecture));
    await saveWeights(this, output);
  }

  protected makeStages(): Stage<DeviceInputs>[] {
    const { residualDropout, attentionDropout, embeddingDropout, layers } = this.config;
    const { transformer } = this;
    const embeddings = new EmbeddingPair(transformer.wte, transformer.wpe);
    return [
      {
        name: "embeddings",
        module: embeddings,
        isRandom: embeddingDropout > 0,
        level: layers,
        run: (_x, inputs, pass) => transformer.embed(inputs, pass),
      },
      ...transformer.h.map((block, layer) => ({
        name: `h.${layer}`,
        module: block,
        isRandom: residualDropout > 0 || attentionDropout > 0,
        level: layers - 1 - layer,
        run: (x: Tensor | undefined, inputs: DeviceInputs, pass?: TrainingPass) => block.forward(x!, inputs.mask, pass),
      })),
      {
        name: "ln_f",
        module: transformer.ln_f,
        isRandom: false,
        level: 0,
        run: (x, inputs) => this.finish(x!, inputs),
      },
    ];
  }

  /** The end of the trunk. */
  protected finish(x: Tensor, _inputs: DeviceInputs): Tensor {
    return this.transformer.ln_f.forward(x);
  }
}

/** The two tables as one stage; shares their parameters. */
class EmbeddingPair extends Module {
  constructor(
    readonly wte: Embedding,
    readonly wpe: Embedding,
  ) {
    super();
  }
}

/** Buffers that old checkpoints store beside the weights: causal masks. */
const MASK_BUFFER = /(^|\.)h\.\d+\.attn\.(bias|masked_bias)$/;

/** Reads config.json of a model directory. */
export async function readGPT2Config(directory: ModelDirectory): Promise<GPT2Config> {
  return parseGPT2Config(await readJson(directory, "config.json"), `${directory.name}/config.json`);
}

/** GPT-2 as a language model. The head shares the token table's weight unless the config unties it. */
export class GPT2 extends GPT2Base {
  override readonly architecture = "GPT2LMHeadModel";
  /** Present when the config does not tie it to `wte`. */
  readonly lm_head?: Linear;

  constructor(gpu: Gpu, config: GPT2Config) {
    super(gpu, config);
    if (!config.tieWordEmbeddings) this.lm_head = new Linear(gpu, config.width, config.vocabularySize, { bias: false });
  }

  /**
   * Loads a model directory in the Hub's layout: config.json and model.safetensors, or an index with shards. Names with
   * and without the `transformer.` prefix, F16 and BF16 weights. In Node a text is a path, an address or a name on the Hub,
   * as `modelDirectory` takes them.
   *
   * @throws when the checkpoint does not fit, unless `strict: false`; `loadReport` then tells.
   */
  static async fromPretrained(directory: string | ModelDirectory, options: LoadOptions = {}): Promise<GPT2> {
    const source = await openModelDirectory(directory);
    const model = new GPT2(defaultGpu(options), await readGPT2Config(source));
    const rules: LoadRules = {
      basePrefix: model.basePrefix,
      ignores: (name) => MASK_BUFFER.test(name) || (name === "lm_head.weight" && !model.lm_head),
      initialize: () => null,
    };
    return filled(model, async () => model.setLoaded(await loadWeights(model, source, rules, options)));
  }

  /** A model with random weights as transformers initialises them, for tests and for training from nothing. */
  static random(gpu: Gpu, config: GPT2Config, seed: number): GPT2 {
    const model = new GPT2(gpu, config);
    initializeGPT2(model, config, seed);
    return model;
  }

  get headWeight(): Tensor {
    return this.lm_head?.weight ?? this.transformer.wte.weight; // [V, C]
  }

  override get headModules(): { name: string; parameters: Tensor[] }[] {
    return [{ name: "lm_head", parameters: [this.headWeight] }];
  }

  /** Logits [..., V] of hidden states [..., C]. */
  override head(features: Tensor): Tensor {
    return linear(features, this.headWeight, undefined, "out-in");
  }

  /** Cross-entropy of each position with its label [B · T]; the logits are never held as a whole. */
  override loss(features: Tensor, labels: Tensor, reduction: "mean" | "sum"): Tensor {
    const rows = reshape(features, [-1, this.config.width]);
    return linearCrossEntropy(rows, this.headWeight, labels, { reduction });
  }
}

/** GPT-2 with a linear head on the last token, for texts of one class each. */
export class GPT2ForSequenceClassification extends GPT2Base {
  override readonly architecture = "GPT2ForSequenceClassification";
  readonly score: Linear;

  constructor(gpu: Gpu, config: GPT2Config) {
    super(gpu, config);
    this.score = new Linear(gpu, config.width, Math.max(config.labels.length, 1), { bias: false });
  }

  /**
   * Loads a classifier, or a language model that gets a new head for `labels`.
   *
   * @throws when neither the config nor the options name the classes, or the checkpoint does not fit.
   */
  static async fromPretrained(
    directory: string | ModelDirectory,
    options: ClassificationOptions = {},
  ): Promise<GPT2ForSequenceClassification> {
    const source = await openModelDirectory(directory);
    const read = await readGPT2Config(source);
    if (options.labels?.length === 0) throw new Error(`${source.name}: a classifier needs at least one class`);
    const config = { ...read, labels: options.labels ?? classLabels(read) };
    const gpu = defaultGpu(options);
    const model = new GPT2ForSequenceClassification(gpu, config);
    const { head = { seed: 0 } } = options;
    const rules: LoadRules = {
      basePrefix: model.basePrefix,
      ignores: (name) => MASK_BUFFER.test(name) || name === "lm_head.weight",
      omits: (name) => options.newHead === true && name === "score.weight",
      initialize: (name) =>
        name === "score.weight" ? (weight) => initializeMatrix(weight, head, config.initializerRange) : null,
    };
    return filled(model, async () => model.setLoaded(await loadWeights(model, source, rules, options)));
  }

  override get headModules(): { name: string; parameters: Tensor[] }[] {
    return [{ name: "score", parameters: [this.score.weight] }];
  }

  /** Scores [B, classes] of pooled hidden states [B, C]. */
  override head(features: Tensor): Tensor {
    return this.score.forward(features);
  }

  override loss(features: Tensor, labels: Tensor, reduction: "mean" | "sum"): Tensor {
    return crossEntropy(this.head(features), labels, { reduction });
  }

  /** Only each text's last token is looked at, so only it is normalised: [B, C]. */
  protected override finish(x: Tensor, { lastTokens }: DeviceInputs): Tensor {
    return this.transformer.ln_f.forward(embedding(reshape(x, [-1, this.config.width]), lastTokens));
  }
}

/** Class names of a classifier's config. transformers' rule: without id2label there are `num_labels`, two by default. */
export function classLabels(config: GPT2Config): readonly string[] {
  if (config.labels.length > 0) return config.labels;
  const count = typeof config.source.num_labels === "number" ? config.source.num_labels : 2;
  return Array.from({ length: count }, (_, index) => `LABEL_${index}`);
}
