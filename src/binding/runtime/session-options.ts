/** Session options: checked, and turned into what the addon reads. */
import { checkSignal, shown } from "../../errors/arguments.js";
import { ValidationError } from "../../errors.js";
import type { NativeSessionConfig } from "../types.js";
import { PROVIDER_NAMES, PROVIDERS, type Provider } from "./providers.js";

/** How a session is made. Every field has a default. */
export interface SessionOptions {
  /** Where the model runs. Default "cpu". */
  readonly provider?: Provider;
  /**
   * Run on the CPU if the provider cannot start, instead of failing; `session.provider` says which one it is.
   * Default false.
   */
  readonly fallback?: boolean;
  /** Which of several devices of the provider's kind. On the CPU, each number is a lane of its own. Default 0. */
  readonly deviceId?: number;
  /**
   * Most bytes that the session's arena takes on an NVIDIA GPU; 0 = no limit. Default 0.
   */
  readonly memoryLimitBytes?: number;
  /**
   * Threads inside one operator on the CPU; 0 = one per core on the CPU, one in all for a GPU, whose sessions compute
   * nothing on the host. Default 0.
   */
  readonly intraOpThreads?: number;
  /** Threads across operators, used by models that run in parallel mode; 0 = ONNX Runtime decides. Default 0. */
  readonly interOpThreads?: number;
  /** How far ONNX Runtime rewrites the graph while loading. Default "all". */
  readonly graphOptimization?: "disabled" | "basic" | "extended" | "all";
  /**
   * Options of the provider by ONNX Runtime's names, such as `cudnn_conv_algo_search`; an unknown name is an error.
   * CUDA takes by default: arenas that grow as requested, cuDNN's choice by heuristic, no TF32.
   */
  readonly providerOptions?: Readonly<Record<string, string>>;
  /** Session config entries by ONNX Runtime's names, such as `session.intra_op.allow_spinning`. */
  readonly config?: Readonly<Record<string, string>>;
  /**
   * What ONNX Runtime itself writes to stderr. Default "fatal": errors reach the caller as exceptions, which say the
   * same.
   */
  readonly logLevel?: "verbose" | "info" | "warning" | "error" | "fatal";
  /** Sizes for the model's named free dims, which lets ONNX Runtime optimise more. */
  readonly freeDimensions?: Readonly<Record<string, number>>;
  /** Aborting ends the loading and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const GRAPH_OPTIMIZATION: Readonly<Record<string, number>> = { disabled: 0, basic: 1, extended: 2, all: 99 };
const LOG_LEVEL: Readonly<Record<string, number>> = { verbose: 0, info: 1, warning: 2, error: 3, fatal: 4 };
// ONNX Runtime silently accepts any config key; its own keys begin with one of these.
const CONFIG_PREFIXES: readonly string[] = ["session.", "optimization.", "ep.", "ep_factory.", "mlas."];
const KNOWN: readonly string[] = [
  "provider",
  "fallback",
  "deviceId",
  "memoryLimitBytes",
  "intraOpThreads",
  "interOpThreads",
  "graphOptimization",
  "providerOptions",
  "config",
  "logLevel",
  "freeDimensions",
  "signal",
];

function refuse(message: string): never {
  throw new ValidationError("ERR_SESSION_OPTION", message);
}

function choice<T>(name: string, value: string, table: Readonly<Record<string, T>>): T {
  if (typeof value !== "string" || !Object.hasOwn(table, value))
    refuse(`session option ${name} is ${shown(value)}; it must be one of ${Object.keys(table).join(", ")}`);
  return table[value] as T;
}

function whole(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff)
    refuse(`session option ${name} is ${shown(value)}; it must be a whole number of 0 or more`);
  return value;
}

/** More than any machine has cores for: the system would refuse them, as if memory had run out. */
const MOST_THREADS = 4_096;

function threads(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > MOST_THREADS)
    refuse(`session option ${name} is ${shown(value)}; it must be a whole number from 0 to ${MOST_THREADS}`);
  return value;
}

/** Checks that an option is an object with named entries. */
function table(name: string, value: object): void {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    refuse(`session option ${name} is ${shown(value)}; it must be an object`);
}

function bytes(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    refuse(`session option ${name} is ${shown(value)}; it must be a whole number of 0 or more`);
  return value;
}

function texts(name: string, value: Readonly<Record<string, string>>): Record<string, string> {
  table(name, value);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string")
      refuse(`session option ${name}["${key}"] is ${shown(text)}; ONNX Runtime takes text, such as "1"`);
  }
  return { ...value };
}

/** Checks options. @throws ValidationError `ERR_SESSION_OPTION` naming the option, its value and what is allowed. */
export function normaliseOptions(options: SessionOptions): NativeSessionConfig {
  const unknown = Object.keys(options).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) refuse(`there is no session option "${unknown}"; known are ${KNOWN.join(", ")}`);
  const {
    provider = "cpu",
    fallback = false,
    deviceId = 0,
    memoryLimitBytes = 0,
    intraOpThreads = 0,
    interOpThreads = 0,
    graphOptimization = "all",
    logLevel = "fatal",
    providerOptions = {},
    config: given = {},
    freeDimensions = {},
    signal,
  } = options;
  if (typeof provider !== "string" || !Object.hasOwn(PROVIDERS, provider))
    refuse(`session option provider is ${shown(provider)}; it must be one of ${PROVIDER_NAMES.join(", ")}`);
  if (typeof fallback !== "boolean") refuse(`session option fallback is ${shown(fallback)}; it must be true or false`);
  checkSignal("session option signal", signal);
  const config = texts("config", given);
  const foreign = Object.keys(config).find((key) => !CONFIG_PREFIXES.some((prefix) => key.startsWith(prefix)));
  if (foreign !== undefined)
    refuse(
      `ONNX Runtime has no session config entry "${foreign}"; its entries begin with ${CONFIG_PREFIXES.join(", ")}`,
    );
  table("freeDimensions", freeDimensions);
  for (const [name, size] of Object.entries(freeDimensions)) whole(`freeDimensions["${name}"]`, size);
  return {
    provider,
    fallback,
    deviceId: whole("deviceId", deviceId),
    memoryLimitBytes: bytes("memoryLimitBytes", memoryLimitBytes),
    intraOpThreads: threads("intraOpThreads", intraOpThreads),
    interOpThreads: threads("interOpThreads", interOpThreads),
    graphOptimization: choice("graphOptimization", graphOptimization, GRAPH_OPTIMIZATION),
    logLevel: choice("logLevel", logLevel, LOG_LEVEL),
    providerOptions: texts("providerOptions", providerOptions),
    config,
    freeDimensions: { ...freeDimensions },
  };
}
