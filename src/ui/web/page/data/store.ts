/** Jobs and pictures as the server last told them. One signal each, so that one changed page redraws one tile. */
import { batch, computed, signal, type Signal } from "@preact/signals";
import type { Job, Picture, ServerInfo } from "../../api/schemas.js";
import { api, troubleOf, type Trouble } from "../lib/api.js";

/** What the server and its model are. */
export const server = signal<ServerInfo | undefined>(undefined);
/** Why the list of jobs could not be read. */
export const jobsTrouble = signal<Trouble | undefined>(undefined);
/** Set once the list was read. */
export const jobsLoaded = signal(false);

const jobs = signal<ReadonlyMap<string, Signal<Job>>>(new Map());

/** All jobs. Active ones first, in the order in which they run; then drafts; then the others, newest first. */
export const jobList = computed(() => [...jobs.value.values()].map((job) => job.value));

/** A job, or undefined where there is none. */
export function jobOf(id: string): Job | undefined {
  return jobs.value.get(id)?.value;
}

/** Takes over what the server said of a job. */
export function putJob(job: Job): void {
  const known = jobs.peek().get(job.id);
  if (known) known.value = job;
  else jobs.value = new Map(jobs.peek()).set(job.id, signal(job));
}

/** Forgets a job. */
export function dropJob(id: string): void {
  const rest = new Map(jobs.peek());
  rest.delete(id);
  jobs.value = rest;
  pictureSets.delete(id);
}

/** The pictures of one job. */
export class PictureSet {
  /** Ids in the order of the chapter. */
  readonly ids = signal<readonly string[]>([]);
  readonly loaded = signal(false);
  readonly trouble = signal<Trouble | undefined>(undefined);
  readonly #pictures = new Map<string, Signal<Picture>>();
  #reading: Promise<void> | undefined;
  #again = false;

  constructor(readonly job: string) {}

  /** The signal of a picture, or undefined where there is none; whoever draws is told when it comes. */
  get(id: string): Signal<Picture> | undefined {
    const known = this.#pictures.get(id);
    if (!known) void this.ids.value;
    return known;
  }

  /** All pictures; redraws on every change of one. */
  all(): Picture[] {
    return this.ids.value.flatMap((id) => this.#pictures.get(id)?.value ?? []);
  }

  /** Takes over pictures that the server told of. */
  put(pictures: readonly Picture[]): void {
    batch(() => {
      const added: string[] = [];
      for (const picture of pictures) {
        const known = this.#pictures.get(picture.id);
        if (known) {
          known.value = picture;
          continue;
        }
        this.#pictures.set(picture.id, signal(picture));
        added.push(picture.id);
      }
      if (added.length > 0) this.ids.value = [...this.ids.peek(), ...added];
    });
  }

  /** Reads all pictures. While a reading is under way another call leads to one more, not to several. */
  load(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      if (this.#again) {
        this.#again = false;
        void this.load();
      }
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    try {
      const pictures = await api.pictures(this.job);
      batch(() => {
        this.put(pictures);
        const ids = pictures.map((picture) => picture.id);
        const kept = new Set(ids);
        for (const id of this.#pictures.keys()) if (!kept.has(id)) this.#pictures.delete(id);
        this.ids.value = ids;
        this.loaded.value = true;
        this.trouble.value = undefined;
      });
    } catch (error) {
      this.trouble.value = troubleOf(error);
    }
  }
}

const pictureSets = new Map<string, PictureSet>();

/** The pictures of a job, read when they are first asked for. */
export function picturesOf(job: string): PictureSet {
  let set = pictureSets.get(job);
  if (!set) {
    set = new PictureSet(job);
    pictureSets.set(job, set);
    void set.load();
  }
  return set;
}

/** The pictures of a job where they have been asked for. */
export function knownPicturesOf(job: string): PictureSet | undefined {
  return pictureSets.get(job);
}

/** Reads everything again that the page holds. */
export async function readAll(): Promise<void> {
  try {
    const [info, list] = await Promise.all([api.server(), api.jobs()]);
    batch(() => {
      server.value = info;
      const known = jobs.peek();
      jobs.value = new Map(
        list.map((job) => {
          const old = known.get(job.id);
          if (old) old.value = job;
          return [job.id, old ?? signal(job)];
        }),
      );
      jobsLoaded.value = true;
      jobsTrouble.value = undefined;
    });
    for (const set of pictureSets.values()) void set.load();
  } catch (error) {
    jobsTrouble.value = troubleOf(error);
  }
}
