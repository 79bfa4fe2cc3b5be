/**
 * Uploads by tus: they go on after a lost connection by themselves, and after a reload once the same file is given
 * again. A browser does not keep a file over a reload, so what was under way is remembered by name, size and time.
 */
import { batch, computed, signal } from "@preact/signals";
import { Upload, type DetailedError, type PreviousUpload } from "tus-js-client";
import { API, OFFLINE, troubleIn, troubleOf, type Trouble } from "../lib/api.js";
import { store, stored } from "../lib/preferences.js";
import { withOwnPaths } from "./own-paths.js";
import { t } from "../texts/texts.js";

/** What an uploaded file is for. */
export type UploadRole = "input" | "reference";

/** A file and its place in the job. */
export interface UploadFile {
  readonly file: File;
  /** Relative path in the job, with slashes. */
  readonly path: string;
}

/** A file on its way. */
export interface Transfer {
  readonly key: string;
  readonly job: string;
  readonly path: string;
  readonly bytes: number;
  readonly sent: number;
  readonly state: "waiting" | "sending" | "stopped" | "failed";
  readonly trouble?: Trouble;
}

/** An upload that a reload has cut off: its file must be given again. */
export interface Interrupted {
  readonly job: string;
  readonly role: UploadRole;
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly modified: number;
}

const AT_ONCE = 3;
const RATE_WINDOW_MS = 4000;
const RETRY_DELAYS_MS = [0, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 15_000, 15_000, 15_000, 30_000, 30_000];

const transfers = signal<readonly Transfer[]>([]);
/** Uploads that wait for their file after a reload. */
export const interrupted = signal<readonly Interrupted[]>(stored<Interrupted[]>("uploads", []));
const samples: { at: number; sent: number }[] = [];
let sentInAll = 0;
/** Bytes a second over the last seconds; 0 while nothing is sent. */
export const rate = signal(0);

const waiting: { key: string; file: File; role: UploadRole }[] = [];
const active = new Map<string, Upload>();
const pending = new Map<string, Interrupted>(); // of this page; `interrupted` are those of an earlier one

/** The transfers of a job. */
export function transfersOf(job: string): Transfer[] {
  return transfers.value.filter((one) => one.job === job);
}

/** Bytes of all transfers. */
export const totals = computed(() => ({
  count: transfers.value.length,
  sent: transfers.value.reduce((sum, one) => sum + one.sent, 0),
  bytes: transfers.value.reduce((sum, one) => sum + one.bytes, 0),
}));

function remember(): void {
  store("uploads", [...interrupted.value, ...pending.values()]);
}

function change(key: string, values: Partial<Transfer>): void {
  transfers.value = transfers.value.map((one) => (one.key === key ? { ...one, ...values } : one));
}

function finish(key: string): void {
  active.delete(key);
  pending.delete(key);
  batch(() => {
    transfers.value = transfers.value.filter((one) => one.key !== key);
    if (active.size === 0 && waiting.length === 0) rate.value = 0;
  });
  remember();
  next();
}

function measure(bytes: number): void {
  const now = performance.now();
  sentInAll += bytes;
  samples.push({ at: now, sent: sentInAll });
  while (samples.length > 2 && now - samples[0]!.at > RATE_WINDOW_MS) samples.shift();
  const [first] = samples;
  if (first && now > first.at) rate.value = ((sentInAll - first.sent) * 1000) / (now - first.at);
}

function troubleOfUpload(error: Error | DetailedError): Trouble {
  const answer = "originalResponse" in error ? error.originalResponse : null;
  if (answer) return troubleIn(answer.getStatus(), answer.getBody());
  const { offline, uploadRemedy } = t.value.problem;
  return "originalRequest" in error
    ? { code: OFFLINE, status: 0, detail: offline, remedy: uploadRemedy }
    : troubleOf(error);
}

const fingerprint = (key: string): string => `cobra-batch:tus:${key}`;

function next(): void {
  while (active.size < AT_ONCE) {
    const one = waiting.shift();
    if (!one) return;
    start(one);
  }
}

function start({ key, file, role }: (typeof waiting)[number]): void {
  const transfer = transfers.value.find((each) => each.key === key);
  if (!transfer) return;
  let known = 0;
  const upload = new Upload(file, {
    endpoint: `${API}/uploads`,
    metadata: { job: transfer.job, role, path: transfer.path },
    fingerprint: () => Promise.resolve(fingerprint(key)),
    retryDelays: RETRY_DELAYS_MS,
    removeFingerprintOnSuccess: true,
    onShouldRetry: (error) => {
      const status = error.originalResponse?.getStatus() ?? 0;
      return status === 0 || status === 423 || status === 429 || status >= 500;
    },
    onProgress: (sent) => {
      if (known > 0 || sent < 1e6) measure(Math.max(0, sent - known)); // what was there before a reload is no speed
      known = sent;
      change(key, { sent });
    },
    onSuccess: () => finish(key),
    onError: (error) => {
      active.delete(key);
      change(key, { state: "failed", trouble: troubleOfUpload(error) });
      next();
    },
  });
  active.set(key, upload);
  change(key, { state: "sending" });
  void upload.findPreviousUploads().then((previous: PreviousUpload[]) => {
    const [latest] = previous;
    if (latest) upload.resumeFromPreviousUpload(latest);
    if (active.get(key) === upload) upload.start();
    return undefined;
  });
}

/**
 * Sends files to a job, a few at a time, in order. Files of one name, from several folders, each get a path of their
 * own.
 */
export function send(job: string, role: UploadRole, chosen: readonly UploadFile[]): void {
  const files = withOwnPaths(chosen);
  const fresh: Transfer[] = [];
  for (const { file, path } of files) {
    const key = [job, role, path, file.size, file.lastModified].join(":");
    if (pending.has(key)) continue;
    pending.set(key, { job, role, path, name: file.name, bytes: file.size, modified: file.lastModified });
    fresh.push({ key, job, path, bytes: file.size, sent: 0, state: "waiting" });
    waiting.push({ key, file, role });
    sources.set(key, { file, role });
  }
  batch(() => {
    const paths = new Set(files.map(({ path }) => path));
    interrupted.value = interrupted.value.filter((one) => one.job !== job || !paths.has(one.path));
    transfers.value = [...transfers.value, ...fresh];
  });
  remember();
  next();
}

const sources = new Map<string, { file: File; role: UploadRole }>();

/** Tries a failed transfer again; it goes on where it was. */
export function resend(key: string): void {
  const one = sources.get(key);
  if (!one) return;
  change(key, { state: "waiting" });
  waiting.push({ key, ...one });
  next();
}

/** Gives a transfer up and forgets what was sent of it. */
export async function giveUp(key: string): Promise<void> {
  const upload = active.get(key);
  const place = waiting.findIndex((one) => one.key === key);
  if (place >= 0) waiting.splice(place, 1);
  finish(key);
  await upload?.abort(true).catch(() => undefined);
}

/** Forgets the interrupted uploads of a job. */
export function forgetInterrupted(job: string): void {
  interrupted.value = interrupted.value.filter((one) => one.job !== job);
  remember();
}

/**
 * Takes those files that an earlier page was sending, and goes on with them.
 * @returns the other files, and the jobs that went on
 */
export function goOnWith(files: readonly UploadFile[]): { rest: UploadFile[]; jobs: string[] } {
  const rest: UploadFile[] = [];
  const jobs = new Set<string>();
  for (const one of files) {
    const { file } = one;
    const alike = interrupted.value.filter(
      ({ name, bytes, modified }) => name === file.name && bytes === file.size && modified === file.lastModified,
    );
    // A file that is chosen by itself has no folders: then its path tells nothing.
    const known = alike.find(({ path }) => path === one.path || one.path.endsWith(`/${path}`)) ?? alike[0];
    if (!known) rest.push(one);
    else {
      jobs.add(known.job);
      send(known.job, known.role, [{ file, path: known.path }]);
    }
  }
  return { rest, jobs: [...jobs] };
}

/** True while a file is on its way. */
const uploading = computed(() => transfers.value.some((one) => one.state !== "failed"));

addEventListener("beforeunload", (event) => {
  if (uploading.value) event.preventDefault();
});
