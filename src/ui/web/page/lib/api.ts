/** The calls of the HTTP API that the page makes, and the addresses of pictures. */
import type { Farm } from "../../api/farm.js";
import type {
  Job,
  JobSettings,
  PageOwnSettings,
  Picture,
  PictureRole,
  RedoSettings,
  ServerInfo,
} from "../../api/schemas.js";
import { t } from "../texts/texts.js";

/** Where the API lies. */
export const API = "/api/v1";

/** What went wrong, for people: an error of the API, or that it could not be reached. */
export interface Trouble {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly remedy: string;
}

/** True where its texts are the server's, which are English; else they are the page's own. */
export function isOfServer({ code }: Pick<Trouble, "code">): boolean {
  return code !== OFFLINE && code !== OF_PAGE && !code.startsWith(STATUS);
}

/** Codes of the page's own. */
export const OFFLINE = "ERR_OFFLINE";
const OF_PAGE = "ERR_PAGE";
const STATUS = "HTTP ";

/** A request that failed. */
export class RequestError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble.detail);
  }
}

/** Anything that was thrown, as something to show. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof RequestError) return error.trouble;
  const detail = error instanceof Error ? error.message : String(error);
  return { code: OF_PAGE, status: 0, detail, remedy: t.value.problem.reload };
}

/** The trouble in the body of an answer that is an error. */
export function troubleIn(status: number, body: string): Trouble {
  try {
    const { code, detail, remedy } = JSON.parse(body) as Partial<Trouble>;
    if (detail !== undefined) return { code: code ?? "", status, detail, remedy: remedy ?? "" };
  } catch {
    // Not an error of the API: something between browser and server has answered.
  }
  return {
    code: `${STATUS}${status}`,
    status,
    detail: t.value.problem.answer(status),
    remedy: t.value.problem.tryAgain,
  };
}

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  const json = body !== undefined && !(body instanceof Blob);
  const answer = await fetch(API + path, {
    method,
    credentials: "same-origin",
    ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : (body as Blob) }),
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": json ? "application/json" : (body as Blob).type }),
    },
  }).catch((): never => {
    const { offline, offlineRemedy } = t.value.problem;
    throw new RequestError({ code: OFFLINE, status: 0, detail: offline, remedy: offlineRemedy });
  });
  if (!answer.ok) throw new RequestError(troubleIn(answer.status, await answer.text()));
  return answer;
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await call(method, path, body);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function done(method: string, path: string, body?: unknown): Promise<void> {
  await call(method, path, body);
}

/** What a folder on the server holds. */
export interface RootListing {
  readonly entries: readonly { readonly name: string; readonly path: string; readonly kind: "folder" | "archive" }[];
}

/** What can be done with a job. */
export type JobAction = "start" | "pause" | "resume" | "cancel" | "approve" | "reject" | "retry" | "again";

export const api = {
  server: () => json<ServerInfo>("GET", "/server"),
  jobs: () => json<Job[]>("GET", "/jobs"),
  job: (id: string) => json<Job>("GET", `/jobs/${id}`),
  createJob: (body: {
    name?: string | undefined;
    source?: Job["source"];
    settings?: JobSettings;
    background?: boolean;
  }) => json<Job>("POST", "/jobs", body),
  updateJob: (
    id: string,
    body: { name?: string; settings?: JobSettings; background?: boolean; position?: number; priority?: number },
  ) => json<Job>("PATCH", `/jobs/${id}`, body),
  removeJob: (id: string) => done("DELETE", `/jobs/${id}`),
  act: (id: string, action: JobAction, body: object = {}) => json<Job>("POST", `/jobs/${id}/${action}`, body),
  pictures: (id: string) => json<Picture[]>("GET", `/jobs/${id}/pictures`),
  updatePictures: (id: string, body: { ids: readonly string[]; role?: PictureRole; settings?: PageOwnSettings }) =>
    json<Picture[]>("PATCH", `/jobs/${id}/pictures`, body),
  removeReference: (id: string, picture: string) => done("DELETE", `/jobs/${id}/pictures/${picture}`),
  redo: (id: string, ids: readonly string[], settings: RedoSettings) =>
    done("POST", `/jobs/${id}/redo`, { ids, settings }),
  putHints: (id: string, picture: string, png: Blob) => done("PUT", `/jobs/${id}/pictures/${picture}/hints`, png),
  removeHints: (id: string, picture: string) => done("DELETE", `/jobs/${id}/pictures/${picture}/hints`),
  farm: () => json<Farm>("GET", "/farm"),
  pauseFarm: () => json<Farm>("POST", "/farm/pause", {}),
  resumeFarm: () => json<Farm>("POST", "/farm/resume", {}),
  drainNode: (id: string) => json<Farm>("POST", `/farm/nodes/${id}/drain`, {}),
  resumeNode: (id: string) => json<Farm>("POST", `/farm/nodes/${id}/resume`, {}),
  cancelChapter: (id: string) => json<Farm>("POST", `/farm/chapters/${id}/cancel`, {}),
  pauseChapter: (id: string, paused: boolean) =>
    json<Farm>("POST", `/farm/chapters/${id}/${paused ? "pause" : "resume"}`, {}),
  retryChapter: (id: string) => json<Farm>("POST", `/farm/chapters/${id}/retry`, {}),
  prioritizeChapter: (id: string, priority: number) => json<Farm>("PATCH", `/farm/chapters/${id}`, { priority }),
  roots: () => json<string[]>("GET", "/roots"),
  rootListing: (root: string, path: string) =>
    json<RootListing>("GET", `/roots/${encodeURIComponent(root)}?path=${encodeURIComponent(path)}`),
};

/** Sizes that thumbnails are asked for in, so that few are made and cached. */
const THUMBNAIL_SIZES_PX = [160, 320, 640, 1280];
const LARGEST_PX = 1280;
const COVER_PX = 320;
/** Names of pictures that browsers show: not TIFF, not Photoshop documents. */
const SHOWN = /\.(png|jpe?g|webp|gif|avif)$/i;

function pictureUrl(
  job: string,
  picture: string,
  what: string,
  query: Record<string, string | number | undefined> = {},
) {
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  ).toString();
  return `${API}/jobs/${job}/pictures/${picture}/${what}${search && `?${search}`}`;
}

/** Addresses of a job's files. `v` changes with the picture, so that browsers may keep what they have. */
export const urls = {
  /** A small picture at least `sidePx` CSS pixels wide; of the result where there is one and `of` says so. */
  thumbnail(job: string, picture: Picture, sidePx: number, of: "original" | "result" = "original"): string {
    const wanted = sidePx * devicePixelRatio;
    const size = THUMBNAIL_SIZES_PX.find((one) => one >= wanted) ?? THUMBNAIL_SIZES_PX.at(-1)!;
    const result = of === "result" ? picture.result : undefined;
    return pictureUrl(job, picture.id, "thumbnail", result ? { size, of: "result", v: result.version } : { size });
  },
  /** A job's first page, coloured where it is. @param v another one where the picture may have changed */
  cover: (job: string, picture: string, v: string) =>
    pictureUrl(job, picture, "thumbnail", { size: COVER_PX, of: "latest", v }),
  /** The picture as it was given; one that browsers do not show as the page is, made smaller. */
  original: (job: string, { id, name, shown = SHOWN.test(name) }: Picture) =>
    shown ? pictureUrl(job, id, "original") : pictureUrl(job, id, "thumbnail", { size: LARGEST_PX }),
  lines: (job: string, picture: string) => pictureUrl(job, picture, "lines"),
  hints: (job: string, picture: string) => pictureUrl(job, picture, "hints"),
  /** The coloured page; of a format that browsers do not show, made smaller. */
  result: (job: string, { id, result }: Picture) =>
    SHOWN.test(result?.name ?? "")
      ? pictureUrl(job, id, "result", { v: result?.version })
      : pictureUrl(job, id, "thumbnail", { size: LARGEST_PX, of: "result", v: result?.version }),
  /** The file of the coloured page, or of one of its layers, to save. */
  download: (job: string, { id, result }: Picture, layer?: string) =>
    pictureUrl(job, id, "result", { layer, download: 1, v: result?.version }),
  /** One picture of a preview's grid of seeds. */
  preview: (job: string, picture: string, seed: number) => pictureUrl(job, picture, "thumbnail", { size: 640, seed }),
  /** The coloured page as a document with layers, made when it is asked for. */
  psd: (job: string, picture: string) => pictureUrl(job, picture, "psd"),
  archive: (job: string) => `${API}/jobs/${job}/result`,
};
