/**
 * Reports of the engine about its work, as channels of `node:diagnostics_channel`: metrics, traces and a tuner
 * subscribe without any change inside. A channel that nobody listens to costs one property check. docs/observing.md
 * lists them.
 */
import { checkFunction } from "../errors/arguments.js";
import { channel, type Channel, type ChannelListener } from "node:diagnostics_channel";

/** The batch and page that something was done for; absent for what pages share and outside a batch. */
export interface WorkContext {
  /** Id of the batch. */
  readonly job?: string;
  /** Name of the page in its input. */
  readonly page?: string | undefined;
  /** Names of several pages that it was done for at once, such as a step of a batch; then there is no `page`. */
  readonly pages?: readonly string[] | undefined;
}

/** One run of a network. */
export interface NetworkRun extends WorkContext {
  /** Name of the model package. */
  readonly model: string;
  /** Which network, such as "denoiser". */
  readonly graph: string;
  readonly style: string;
  /** Where it ran, such as "cpu". */
  readonly provider: string;
  /** Which device, such as "cuda:0"; lanes on the CPU are "cpu", "cpu:1", … */
  readonly device: string;
  /** Milliseconds that it waited for runs before it on its device. */
  readonly waitMs: number;
  /** Milliseconds that it ran. */
  readonly runMs: number;
  /** Code of the error that it failed with, or the error's name. */
  readonly error?: string;
}

/** A network was opened. */
export interface NetworkLoad {
  readonly model: string;
  readonly graph: string;
  readonly provider: string;
  /** Milliseconds. */
  readonly ms: number;
}

/** A task of a worker thread has ended or was aborted. */
export interface TaskRun extends WorkContext {
  /** Name of the task, such as "decode". */
  readonly task: string;
  /** "aborted": by its signal or by `destroy()`. */
  readonly outcome: "completed" | "failed" | "aborted";
  /** Milliseconds that it waited for a thread. */
  readonly waitMs: number;
  /** Milliseconds from its start to its outcome, the way to the thread and back included; 0 if it was never started. */
  readonly runMs: number;
}

/** An item has left a stage of the batch. */
export interface StageItem {
  /** "page": a page from its reading to its encoded picture. */
  readonly stage: string;
  /** Position of the item in this run of the stage, from 0. */
  readonly index: number;
  /** Milliseconds that it was worked on. */
  readonly workMs: number;
  /** Milliseconds that its result waited for the next stage. */
  readonly waitMs: number;
}

/** A page of a batch was started, or has an outcome. */
export interface PageTurn extends WorkContext {
  readonly page: string;
  /** "kept": an earlier run has done it. A page that is kept, or failed before it was read, was never "started". */
  readonly state: "started" | "completed" | "kept" | "failed";
  /** Code of the error that it failed with. */
  readonly code?: string;
  /** Of a completed page: milliseconds from its start to its written picture. */
  readonly elapsedMs?: number;
  /** Of a completed page: milliseconds of each stage. */
  readonly stageMs?: Readonly<Record<string, number>>;
}

/** A page has waited for its turn and continues. */
export interface QueueWait extends WorkContext {
  /** "ahead": to be read and decoded; "booking", "memory": for memory; "colouring": for the networks. */
  readonly queue: "ahead" | "booking" | "memory" | "colouring";
  /** Milliseconds. */
  readonly waitMs: number;
}

/** A cache was asked, or let go of something. */
export interface CacheUse {
  /** "references": keys and values of reference patches. */
  readonly cache: string;
  /** "dropped": freed, to keep the budget or because memory was asked back. */
  readonly outcome: "hit" | "miss" | "dropped";
  /** Size of the entry. */
  readonly bytes: number;
  /** Bytes that the cache holds now. */
  readonly heldBytes: number;
}

/** Pages go through the denoiser together, until one is done or another comes to them. */
export interface PagesTogether {
  /** How many. */
  readonly pages: number;
}

/** A booking of memory has changed. */
export interface MemoryBooking {
  /** Who: "model", "activations", "references", "page <name>", "picture <name>", … */
  readonly owner: string;
  readonly state: "reserved" | "held" | "released";
  /** Bytes of the booking; of a released one what it had. */
  readonly bytes: number;
  /** Of the whole ledger, now. */
  readonly heldBytes: number;
  readonly reservedBytes: number;
  readonly freeBytes: number;
}

/** A channel whose messages have one type. */
export class TypedChannel<Message extends object> {
  readonly name: string;
  readonly #channel: Channel;

  constructor(name: string) {
    this.name = name;
    this.#channel = channel(name);
  }

  /** Whether anybody listens; ask it before a message is made. */
  get isWatched(): boolean {
    return this.#channel.hasSubscribers;
  }

  /** Tells all listeners. */
  publish(message: Message): void {
    this.#channel.publish(message);
  }

  /**
   * Calls `listener` for each message, at once and in the caller's stack, so it must be quick. What it throws becomes
   * an uncaught exception of the process, as with any `diagnostics_channel`.
   * @returns ends the subscription
   * @throws ValidationError `ERR_ARGUMENT` for what is no function
   */
  subscribe(listener: (message: Message) => void): () => void {
    checkFunction("the listener", listener);
    const onMessage: ChannelListener = (message) => listener(message as Message);
    this.#channel.subscribe(onMessage);
    return () => void this.#channel.unsubscribe(onMessage);
  }
}

/**
 * All channels. Each is `diagnostics_channel.channel("cobra-batch:<name>")`, the same for all copies of the package.
 */
export const CHANNELS = {
  networkRun: new TypedChannel<NetworkRun>("cobra-batch:network-run"),
  networkLoad: new TypedChannel<NetworkLoad>("cobra-batch:network-load"),
  task: new TypedChannel<TaskRun>("cobra-batch:task"),
  page: new TypedChannel<PageTurn>("cobra-batch:page"),
  stage: new TypedChannel<StageItem>("cobra-batch:stage"),
  queue: new TypedChannel<QueueWait>("cobra-batch:queue"),
  cache: new TypedChannel<CacheUse>("cobra-batch:cache"),
  together: new TypedChannel<PagesTogether>("cobra-batch:together"),
  memory: new TypedChannel<MemoryBooking>("cobra-batch:memory"),
} as const;
