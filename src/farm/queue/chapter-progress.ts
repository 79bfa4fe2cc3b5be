/**
 * Counts how far a chapter is. Of one that workers put together, the queue keeps what each page's job has returned. Of
 * one that its submitter puts together, the submitter tells it.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { parseJson } from "../../text/parse-json.js";
import { progressKey } from "./farm-keys.js";
import { pagesPerMinute, RATE_SPAN_MS } from "./page-rate.js";

/** Pages with an outcome. */
export interface PageCounts {
  readonly done: number;
  readonly failed: number;
}

/** How far a chapter is, and how fast. */
export interface ChapterProgress extends PageCounts {
  readonly pagesPerMinute: number;
}

/** What the job of a page returns: its outcome, and when, milliseconds since 1970 by its worker's clock. */
export type PageOutcome = readonly [outcome: "done" | "failed", at: number];

const outcomeSchema = z.tuple([z.enum(["done", "failed"]), z.number()]);
const progressSchema = z.object({ done: z.int().min(0), failed: z.int().min(0), pagesPerMinute: z.number().min(0) });

/** Between two tellings. */
const GAP_MS = 1000;
/** What a submitter that was killed has told goes away by itself. */
const KEPT_SECONDS = 24 * 3600;

/** What the jobs of a chapter's pages have returned, as JSON. Whoever reaches Redis can have written others. */
export function progressOf(returned: readonly string[]): ChapterProgress {
  const outcomes = returned.map((text) => outcomeSchema.safeParse(parsed(text)).data ?? (["done", 0] as const));
  const times = outcomes.map(([, at]) => at).filter((at) => at > 0);
  const failed = outcomes.filter(([outcome]) => outcome === "failed").length;
  const first = times.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY);
  return {
    done: outcomes.length - failed,
    failed,
    pagesPerMinute: times.length === 0 ? 0 : pagesPerMinute(times, first),
  };
}

/** What the submitter of a chapter has told last. */
export async function toldProgress(redis: Redis, name: string, id: string): Promise<ChapterProgress | undefined> {
  const text = await redis.get(progressKey(name, id));
  return text === null ? undefined : progressSchema.safeParse(parsed(text)).data;
}

export interface ChapterTellerOptions {
  readonly redis: Redis;
  /** Name of the farm. */
  readonly name: string;
  /** The chapter's job. */
  readonly id: string;
  /** Asked before each telling. */
  readonly counts: () => PageCounts;
}

/** Tells how far a chapter is that this process puts together. */
export class ChapterTeller {
  readonly #options: ChapterTellerOptions;
  readonly #startedMs = Date.now();
  #times: number[] = [];
  #known: number;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** Tells at once what was done before. */
  constructor(options: ChapterTellerOptions) {
    this.#options = options;
    this.#known = total(options.counts());
    void this.#write();
  }

  /** A page may have been done: told soon. */
  changed(): void {
    if (this.#ended) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#write();
    }, GAP_MS).unref();
  }

  async #write(): Promise<void> {
    const { redis, name, id, counts } = this.#options;
    const { done, failed } = counts();
    const nowMs = Date.now();
    const fresh = Math.max(0, total({ done, failed }) - this.#known);
    this.#known += fresh;
    this.#times = [...this.#times, ...Array<number>(fresh).fill(nowMs)].filter((at) => at > nowMs - RATE_SPAN_MS);
    if (redis.status !== "ready") return;
    const told: ChapterProgress = {
      done,
      failed,
      pagesPerMinute: pagesPerMinute(this.#times, this.#startedMs, nowMs),
    };
    await redis.set(progressKey(name, id), JSON.stringify(told), "EX", KEPT_SECONDS).catch(() => {});
  }

  /** The chapter is put together, or left: nothing is told of it any more. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    const { redis, name, id } = this.#options;
    if (redis.status === "ready") await redis.del(progressKey(name, id)).catch(() => {});
  }
}

function total({ done, failed }: PageCounts): number {
  return done + failed;
}

function parsed(text: string): unknown {
  try {
    return parseJson(text, { maxLength: 1000 });
  } catch {
    return undefined;
  }
}
