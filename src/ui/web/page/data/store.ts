/** Jobs and pictures as the server last told them. One signal each, so that one changed page redraws one tile. */
import { batch, computed, signal, type Signal } from "@preact/signals";
import type { Job, JobSettings, Picture, ServerInfo } from "../../api/schemas.js";
import { api, troubleOf, type Trouble } from "../lib/api.js";
import { present, Reports } from "./order.js";

/** What the server and its model are. */
export const server = signal<ServerInfo | undefined>(undefined);
/** Why the list of jobs could not be read. */
export const jobsTrouble = signal<Trouble | undefined>(undefined);
/** Set once the list was read. */
export const jobsLoaded = signal(false);

const jobs = signal<ReadonlyMap<string, Signal<Job>>>(new Map());
const reports = new Reports();
/** The report of all jobs, among those of each. */
const ALL = "";
/** Settings that are on their way to the server. */
const unsaved = new Map<string, { readonly settings: JobSettings; readonly saved: Promise<void> }>();

/** All jobs. Active ones first, in the order in which they run; then drafts; then the others, newest first. */
export const jobList = computed(() => [...jobs.value.values()].map((job) => job.value));

/** A job, or undefined where there is none. */
export function jobOf(id: string): Job | undefined {
  return jobs.value.get(id)?.value;
}

/** Takes over what the server said of a job. @param moment when it was asked for; events: now */
export function putJob(job: Job, moment = present()): void {
  if (!reports.take(job.id, moment)) return;
  const settings = unsaved.get(job.id)?.settings;
  const shown = settings ? { ...job, settings } : job;
  const known = jobs.peek().get(job.id);
  if (known) known.value = shown;
  else jobs.value = new Map(jobs.peek()).set(job.id, signal(shown));
}

/** Takes over a job from the answer to a request that has just been made. */
export async function takeJob(answer: Promise<Job>): Promise<Job> {
  const asked = present();
  const job = await answer;
  putJob(job, asked);
  return job;
}

/** Changes a job's settings: shown at once, and until they are saved, whatever else is told of the job. */
export function saveSettings({ id }: Job, settings: JobSettings): Promise<void> {
  const save = async (): Promise<void> => void (await takeJob(api.updateJob(id, { settings })));
  // One after the other: requests overtake each other too.
  const saved = settingsSaved(id)
    .then(save, save)
    .finally(() => {
      if (unsaved.get(id)?.saved === saved) unsaved.delete(id);
    });
  unsaved.set(id, { settings, saved });
  const known = jobs.peek().get(id);
  if (known) known.value = { ...known.peek(), settings };
  return saved;
}

/** Resolves when no settings of a job are on their way any more. */
export function settingsSaved(id: string): Promise<void> {
  return unsaved.get(id)?.saved ?? Promise.resolve();
}

/** Forgets a job. */
export function dropJob(id: string): void {
  reports.take(id, present());
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
  readonly #reports = new Reports();
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

  /** Takes over pictures that the server told of. @param moment when they were asked for; events: now */
  put(pictures: readonly Picture[], moment = present()): void {
    batch(() => {
      const added: string[] = [];
      for (const picture of pictures) {
        if (!this.#reports.take(picture.id, moment)) continue;
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

  /** Takes over pictures from the answer to a request that has just been made. */
  async take(answer: Promise<readonly Picture[]>): Promise<void> {
    const asked = present();
    this.put(await answer, asked);
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
    const asked = present();
    try {
      const pictures = await api.pictures(this.job);
      batch(() => {
        this.put(pictures, asked);
        const listed = new Set(pictures.map((picture) => picture.id));
        const newer = [...this.#pictures.keys()].filter((id) => !listed.has(id) && this.#reports.isNewer(id, asked));
        const ids = [...listed, ...newer];
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
  const asked = present();
  try {
    const [info, list] = await Promise.all([api.server(), api.jobs()]);
    if (!reports.take(ALL, asked)) return;
    batch(() => {
      server.value = info;
      for (const job of list) putJob(job, asked);
      const listed = new Set(list.map((job) => job.id));
      const known = jobs.peek();
      const newer = [...known.keys()].filter((id) => !listed.has(id) && reports.isNewer(id, asked));
      jobs.value = new Map(
        [...listed, ...newer].flatMap((id) => {
          const job = known.get(id);
          return job ? [[id, job]] : []; // one that is gone since is not there
        }),
      );
      jobsLoaded.value = true;
      jobsTrouble.value = undefined;
    });
    for (const set of pictureSets.values()) void set.load();
  } catch (error) {
    if (!reports.isNewer(ALL, asked)) jobsTrouble.value = troubleOf(error);
  }
}
