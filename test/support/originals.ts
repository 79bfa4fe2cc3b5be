// Gets original files of the small release from a server of the test, with what was heard on the way.
import { catalogueSchema } from "../../src/install/catalogue/catalogue-schema.js";
import { messageOf } from "../../src/errors.js";
import { Connection } from "../../src/install/fetch/connection.js";
import type { FetchTimes } from "../../src/install/fetch/connection.js";
import type { FetchProgress } from "../../src/install/fetch/meter.js";
import { getOriginals, type GetOriginalsOptions } from "../../src/install/originals/get-originals.js";
import type { OriginalFile } from "../../src/install/originals/original-file.js";
import { OriginalStore } from "../../src/install/originals/store.js";
import type { HubServer } from "./hub-server.js";
import { releaseCatalogue } from "./release-catalogue.js";

const model = catalogueSchema.parse(releaseCatalogue({ github: "zhuang2002/Cobra", revision: "unknown" })).models[0]!;

/** Files of the release by their paths, `SOURCE/PATH`. */
export function filesAt(...paths: readonly string[]): GetOriginalsOptions["files"] {
  const all = model.files.filter((file) => paths.includes(`${file.source}/${file.path}`));
  if (all.length !== paths.length) throw new Error(`not all of ${paths.join(", ")} are there`);
  return all;
}

/** What came of getting files. */
export interface Got {
  readonly found: readonly OriginalFile[];
  /** `CODE message`; "" where all went well. */
  readonly failure: string;
  readonly progress: readonly FetchProgress[];
  /** Milliseconds that it would have waited. */
  readonly waits: readonly number[];
  /** What it said before it tried again. */
  readonly notices: readonly string[];
}

/** Gets files into `home`, without any waiting. A server that is silent for 300 ms is given up. */
export async function getFrom(
  hub: Pick<HubServer, "url">,
  home: string,
  { times, ...options }: Partial<GetOriginalsOptions> & { times?: Partial<FetchTimes> } = {},
): Promise<Got> {
  const env = { HOME: home, HF_ENDPOINT: hub.url, ...options.env };
  const [progress, waits, notices] = [[] as FetchProgress[], [] as number[], [] as string[]];
  let connection: Connection | undefined;
  try {
    const found = await getOriginals({
      sources: model.sources,
      files: model.files,
      store: new OriginalStore(home),
      offline: false,
      from: undefined,
      packageBytes: 0,
      connect: () => (connection ??= new Connection(env, { connect: 5000, silence: 300, rate: 60_000, ...times })),
      retry: {
        wait: (ms) => {
          waits.push(ms);
          return Promise.resolve();
        },
      },
      onRetry: (message) => notices.push(message),
      signal: undefined,
      onProgress: (one) => progress.push(one),
      onFound: () => {},
      onCheck: () => {},
      github: `${hub.url}/github`,
      ...options,
      env,
    });
    return { found, failure: "", progress, waits, notices };
  } catch (error) {
    const { code } = error as { code?: string };
    return { found: [], failure: `${code} ${messageOf(error)}`, progress, waits, notices };
  } finally {
    await connection?.[Symbol.asyncDispose]();
  }
}
