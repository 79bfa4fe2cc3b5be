/**
 * The pages that wait: higher priority first, first in first out among equals. A binary heap, so that each step costs
 * O(log n).
 */
import { randomUUID } from "node:crypto";
import type { ImageType } from "../../classification/index.js";
import type { PageConfig } from "../../config/batch-config.js";
import { QueueError } from "../../errors.js";
import { shown } from "../../errors/arguments.js";
import type { Fault } from "../../errors/fault.js";

/** One waiting page. */
export interface ImageQueueItem {
  /** A UUID. */
  readonly id: string;
  /** The page: a path, or its name in the input. */
  readonly inputPath: string;
  /** Where its picture goes. */
  readonly outputPath: string;
  /** Settings of this page alone. */
  readonly config?: PageConfig;
  /** Higher goes first. Default 0. */
  readonly priority: number;
  readonly imageType?: ImageType;
  /** 0..1 */
  readonly classificationConfidence?: number;
}

/** What `enqueue` takes: an item whose `id` and `priority` may be left out. */
export type ImageQueueInput = Omit<ImageQueueItem, "id" | "priority"> &
  Partial<Pick<ImageQueueItem, "id" | "priority">>;

const ITEM_MEMBERS: Readonly<Record<keyof ImageQueueItem, true>> = {
  id: true,
  inputPath: true,
  outputPath: true,
  config: true,
  priority: true,
  imageType: true,
  classificationConfidence: true,
};

interface Entry {
  readonly item: ImageQueueItem;
  /** Number of the enqueue, which decides among equal priorities. */
  readonly order: number;
}

const before = (a: Entry, b: Entry): boolean =>
  a.item.priority > b.item.priority || (a.item.priority === b.item.priority && a.order < b.order);

/** A priority queue of pages. Iterating gives them in the order of `dequeue` and takes nothing out. */
export class ImageQueue implements Iterable<ImageQueueItem> {
  readonly #heap: Entry[] = [];
  readonly #ids = new Set<string>();
  #enqueued = 0;
  #requeued = 0;

  /** How many wait. */
  get size(): number {
    return this.#heap.length;
  }

  /**
   * Adds a page, O(log n).
   * @returns the item as it waits, with its id
   * @throws QueueError `ERR_ARGUMENT` for an empty path, a priority that is no finite number, a confidence outside
   * 0..1, or an id that waits already
   */
  enqueue(input: ImageQueueInput): ImageQueueItem {
    return this.#add(input, () => this.#enqueued++);
  }

  /** Puts a page that was taken out back in front of its equals, O(log n). Throws as `enqueue` does. */
  requeue(input: ImageQueueInput): ImageQueueItem {
    return this.#add(input, () => --this.#requeued);
  }

  #add(input: ImageQueueInput, order: () => number): ImageQueueItem {
    const wrong = typeFault(input);
    if (wrong !== undefined) throw new QueueError("ERR_ARGUMENT", wrong);
    const item: ImageQueueItem = Object.freeze({
      ...input,
      id: input.id ?? randomUUID(),
      priority: input.priority ?? 0,
    });
    const fault: Fault | undefined =
      faultOf(item) ??
      (this.#ids.has(item.id)
        ? { message: `the id ${item.id} is in the queue already`, remedy: "leave the id out to get a new one" }
        : undefined);
    if (fault !== undefined) {
      const message = `"${input.inputPath}" cannot be queued: ${fault.message}`;
      throw new QueueError("ERR_ARGUMENT", message, { remedy: fault.remedy });
    }
    this.#ids.add(item.id);
    this.#heap.push({ item, order: order() });
    this.#rise(this.#heap.length - 1);
    return item;
  }

  /** Takes the next page out, O(log n); undefined when none waits. */
  dequeue(): ImageQueueItem | undefined {
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    this.#ids.delete(first.item.id);
    return first.item;
  }

  /** The next page, left where it is; undefined when none waits. */
  peek(): ImageQueueItem | undefined {
    return this.#heap[0]?.item;
  }

  /** Takes all pages out. */
  clear(): void {
    this.#heap.length = 0;
    this.#ids.clear();
  }

  *[Symbol.iterator](): Generator<ImageQueueItem> {
    for (const { item } of this.#heap.toSorted((a, b) => (before(a, b) ? -1 : 1))) yield item;
  }

  #rise(index: number): void {
    const heap = this.#heap;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(heap[index]!, heap[parent]!)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #sink(index: number): void {
    const heap = this.#heap;
    for (;;) {
      let first = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && before(heap[child]!, heap[first]!)) first = child;
      }
      if (first === index) return;
      this.#swap(index, first);
      index = first;
    }
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!];
  }
}

/** What is wrong with an item's types; its values are another matter. */
function typeFault(input: ImageQueueInput): string | undefined {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    return `an item of the queue is ${shown(input)}; it must be an object with inputPath and outputPath`;
  for (const key of ["inputPath", "outputPath", "id"] as const) {
    const value: unknown = input[key];
    if (typeof value !== "string" && !(key === "id" && value === undefined))
      return `${key} of an item of the queue is ${shown(value)}; it must be text`;
  }
  const unknown = Object.keys(input).find((name) => !Object.hasOwn(ITEM_MEMBERS, name));
  if (unknown !== undefined)
    return `${shown(unknown)} is no member of an item of the queue; it has ${Object.keys(ITEM_MEMBERS).join(", ")}`;
  const { priority, config, imageType } = input as { readonly [Name in keyof ImageQueueItem]?: unknown };
  if (config !== undefined && (typeof config !== "object" || config === null || Array.isArray(config)))
    return `config of an item of the queue is ${shown(config)}; it must be an object`;
  if (imageType !== undefined && imageType !== "line_art" && imageType !== "colored")
    return `imageType of an item of the queue is ${shown(imageType)}; it must be "line_art" or "colored"`;
  if (priority !== undefined && typeof priority !== "number")
    return `priority of an item of the queue is ${shown(priority)}; it must be a finite number`;
  return undefined;
}

function faultOf({
  inputPath,
  outputPath,
  priority,
  classificationConfidence: confidence,
}: ImageQueueItem): Fault | undefined {
  if (inputPath === "") return { message: "inputPath is empty; it must be the page's path or name" };
  if (outputPath === "") return { message: "outputPath is empty; it must be the path of the result" };
  if (!Number.isFinite(priority)) return { message: `priority is ${shown(priority)}; it must be a finite number` };
  if (confidence !== undefined && !(Number.isFinite(confidence) && confidence >= 0 && confidence <= 1))
    return { message: `classificationConfidence is ${shown(confidence)}; it must be from 0 to 1` };
  return undefined;
}
