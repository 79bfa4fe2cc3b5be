// Everything that servers and networks are known to do to a download: what is tried again, what is not, and that the
// message says what to do.
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { Connection } from "../../../src/install/fetch/connection.js";
import { downloadFile } from "../../../src/install/fetch/download-file.js";
import { connectionFault, retryAfterMs } from "../../../src/install/fetch/fetch-fault.js";
import { PartFile } from "../../../src/install/fetch/part-file.js";
import { Proxies } from "../../../src/install/fetch/proxies.js";
import { askFor, remoteOf, UNKNOWN } from "../../../src/install/fetch/remote.js";
import { connectionRetry } from "../../../src/install/fetch/retry.js";
import { Meter } from "../../../src/install/fetch/meter.js";
import { ERIKA, CONFIG, FILES, serve, useHub, VAE } from "../../support/hub-place.js";
import type { Fault } from "../../support/hub-server.js";
import { getFrom } from "../../support/originals.js";
import { COBRA, RELEASE } from "../../support/release-catalogue.js";

const fixture = useHub();

describe("what passes is tried again", () => {
  it.each<[string, "head" | "get" | "cdn", Fault[], number[]]>([
    ["a busy server that says when to come back", "head", [{ status: 429, headers: { "retry-after": "7" } }], [7000]],
    ["one that says nothing", "cdn", [{ status: 429 }, { status: 500 }, { status: 502 }], [1000, 2000, 4000]],
    ["a server that stalls", "cdn", [{ stallAfter: 1000 }], [1000]],
    ["a server that stalls before the first byte", "get", [{ status: 503, headers: { "retry-after": "0" } }], [1000]],
    ["a connection that is cut at once", "cdn", [{ cutAfter: 0 }], [1000]],
    ["a damaged body, once", "cdn", [{ flipByte: 77 }], []],
    ["a server that closes the connection behind the body", "cdn", [{ bodyHeaders: { connection: "close" } }], []],
    ["a signed address that has run out", "cdn", [{ cutAfter: 1000 }, { status: 403 }], [1000, 2000]],
  ])("%s", async (_what, place, faults, waits) => {
    fixture.hub.fault(place, ERIKA, ...faults);
    const got = await fixture.get();
    expect(got.failure).toBe("");
    expect(got.found).toHaveLength(3);
    expect(got.waits).toEqual(waits);
  });

  it("also where a resumed part does not fit: it begins again", async () => {
    fixture.hub.fault("cdn", ERIKA, { cutAfter: 1000 }, { wrongRange: true }, { cutAfter: 500 }, { status: 416 });
    const got = await fixture.get();
    expect(got.failure).toBe("");
    expect(fixture.hub.ranges(ERIKA)).toEqual([undefined, "bytes=1000-", undefined, "bytes=500-", undefined]);
    expect(got.found[0]!.bytes).toBe(277451);
  });

  it("a file that changes on the server between two tries is fetched from its beginning", async () => {
    fixture.hub.fault("cdn", ERIKA, { cutAfter: 1000 }, { bodyHeaders: { etag: '"another"' } });
    const got = await fixture.get();
    expect(got.failure).toBe("");
    expect(fixture.hub.ranges(ERIKA)).toEqual([undefined, "bytes=1000-", undefined]);
    expect(got.waits).toEqual([1000, 0]);
  });

  it("a server that does not speak HTTP", async () => {
    const server = createServer((socket) => void socket.on("error", () => {}).end("SSH-2.0-x\r\n\0garbage"));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()));
    const { failure } = await fixture.get({
      HF_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
    server.close();
    expect(failure).toMatch(/^ERR_MODEL_FETCH the connection to .* broke \(HPE_.*HF_ENDPOINT/u);
  });

  it("until six tries in a row brought nothing; then it says so, with exit code 75's error", async () => {
    fixture.hub.fault("head", ERIKA, ...Array.from({ length: 6 }, () => ({ status: 503 })));
    const { failure, waits, notices } = await fixture.get();
    expect(failure).toMatch(
      /^ERR_MODEL_FETCH http:\/\/127\.0\.0\.1:\d+\/JunhaoZhuang\/Cobra\/resolve\/.*\/LE\/erika\.pth: server error \(status 503\); try again later\. Partial downloads are kept: run the same command again to resume$/u,
    );
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000]);
    expect(notices).toEqual(Array(5).fill(`${ERIKA}: server error (status 503)`));
  });

  it("a server that is not there", async () => {
    const gone = await fixture.start();
    const { url } = gone;
    await gone[Symbol.asyncDispose]();
    const { failure, waits } = await fixture.get({ HF_ENDPOINT: url });
    expect(failure).toMatch(
      /^ERR_MODEL_FETCH 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED, .*https_proxy.*HF_ENDPOINT.*--from DIR/u,
    );
    expect(waits).toEqual([1000, 2000]); // three tries, for one of the files: nothing has ever come from it
  });
});

describe("what stays is not tried again, and the message says what to do", () => {
  it.each<[string, "head" | "cdn", string, Fault, RegExp]>([
    [
      "terms to accept",
      "head",
      ERIKA,
      { status: 403, headers: { "x-error-code": "GatedRepo" } },
      /accepted its terms \(status 403\); open its page there, accept them, then set HF_TOKEN/u,
    ],
    [
      "nobody asked for",
      "head",
      ERIKA,
      { status: 401 },
      /requires a login, or .* set HF_TOKEN to one of your access tokens/u,
    ],
    [
      "a file that is gone",
      "head",
      ERIKA,
      { status: 404, headers: { "x-error-code": "EntryNotFound" } },
      /has no such file at the revision .*--catalogue/u,
    ],
    [
      "a revision that is gone",
      "head",
      ERIKA,
      { status: 404, headers: { "x-error-code": "RevisionNotFound" } },
      /not the revision that the catalogue names.*--catalogue/u,
    ],
    [
      "another size",
      "head",
      VAE,
      { headers: { "x-linked-size": "12" } },
      /has 12 bytes, and the catalogue says 426988: it is another file/u,
    ],
    [
      "another hash",
      "head",
      VAE,
      { headers: { "x-linked-etag": `"${"a".repeat(64)}"` } },
      /has the SHA-256 a{64}, and the catalogue says/u,
    ],
    [
      "a body that a proxy has compressed",
      "cdn",
      VAE,
      { bodyHeaders: { "content-encoding": "gzip" } },
      /the server sends it compressed \(gzip\), which it was not asked for; if a proxy or a mirror stands between/u,
    ],
    [
      "the login page of a network",
      "cdn",
      VAE,
      { bodyHeaders: { "content-type": "text/html; charset=utf-8" } },
      /sends a web page in place of the file.*log in to the network, or if a proxy/u,
    ],
    ["too many bytes", "cdn", VAE, { more: 100 }, /sends 427088 bytes in place of the file.s 426988; if a proxy/u],
    [
      "a redirect to a file",
      "head",
      ERIKA,
      { redirect: "file:///etc/passwd" },
      /leads to file:\/\/\/etc\/passwd, which is not https:, and is not followed; if a proxy/u,
    ],
  ])("%s", async (_what, place, path, fault, says) => {
    fixture.hub.fault(place, path, fault);
    const { failure, waits } = await fixture.get();
    expect(failure).toMatch(/^ERR_MODEL_SOURCE /u);
    expect(failure).toMatch(says);
    expect(waits).toEqual([]);
  });

  it("a redirect that goes round in circles", async () => {
    fixture.hub.fault(
      "head",
      ERIKA,
      ...Array.from({ length: 9 }, () => ({ redirect: `/${COBRA}/resolve/main/${ERIKA}` })),
    );
    expect((await fixture.get()).failure).toMatch(/^ERR_MODEL_SOURCE .*more than 6 times; if a proxy/u);
  });

  it.each([
    [ERIKA, /SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}/u],
    [VAE, /SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}/u],
    [CONFIG, /git's hash of it is [0-9a-f]{40}, expected [0-9a-f]{40}/u],
  ])("%s damaged twice; nothing of it stays", async (path, says) => {
    fixture.hub.fault("cdn", path, { flipByte: 5 }, { flipByte: 6 });
    const { failure } = await fixture.get();
    expect(failure).toMatch(/^ERR_MODEL_SOURCE .* was downloaded completely twice, but failed verification: /u);
    expect(failure).toMatch(says);
    expect((await fixture.get()).failure).toBe("");
    const names = await readdir(join(fixture.home, ".originals"), { recursive: true });
    expect(names.filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});

describe("a server that sends a byte at a time for ever is given up, and tried again", () => {
  const trickle = (response: ServerResponse): void => {
    const timer = setInterval(() => void response.write("x"), 5);
    response.on("close", () => clearInterval(timer));
  };

  it("in a body", async () => {
    const bodies: ServerResponse[] = [];
    const { url, close } = await serve((request, response) => {
      response.writeHead(200, { "content-length": 277_451 });
      if (request.method === "HEAD") return response.end();
      bodies.push(response);
      return trickle(response);
    });
    const { failure, notices } = await getFrom({ url }, fixture.home, {
      files: FILES.slice(0, 1),
      times: { rate: 100 },
    });
    close();
    expect(failure).toMatch(
      /^ERR_MODEL_FETCH 127\.0\.0\.1:\d+ sends next to nothing .*; check the connection.*--from DIR/u,
    );
    expect(notices).toHaveLength(5);
    expect(bodies).toHaveLength(6);
  });

  it("in the headers", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {}).write("HTTP/1.1 200 OK\r\nx-long: ");
      const timer = setInterval(() => void socket.write("x"), 5);
      socket.on("close", () => clearInterval(timer));
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { failure } = await getFrom({ url }, fixture.home, { files: FILES.slice(0, 1) });
    server.close();
    expect(failure).toMatch(/^ERR_MODEL_FETCH 127\.0\.0\.1:\d+ has stopped answering \(ETIME/u);
  });
});

describe("parts of it", () => {
  it("the catalogue's length serves where the server tells none, and the connection must bring it all", async () => {
    const whole = await readFile(join(RELEASE, "pixart", VAE));
    let sent = 0;
    const { url, close } = await serve((request, response) => {
      response.writeHead(200, { connection: "close" }); // no length: the body ends with the connection
      if (request.method === "HEAD") return response.end();
      return response.end(sent++ === 0 ? whole.subarray(0, 1000) : whole);
    });
    const [found, notices] = await getFrom({ url }, fixture.home, {
      files: FILES.filter(({ path }) => path === VAE),
    }).then((got) => [got.found, got.notices]);
    close();
    expect(found).toMatchObject([{ bytes: whole.length }]);
    expect(notices).toEqual([`${VAE}: the connection ended after 1000 of ${whole.length} bytes`]);
  });

  it("replace other parts of the file, and nothing else that is called so", async () => {
    const target = join(fixture.home, "foreign/config.json");
    await (await PartFile.open(target, "old")).close();
    const mine = ["config.json.my own.part", "config.json.0123.part", "config.json.bak"];
    for (const name of mine) await writeFile(join(dirname(target), name), "mine");
    const part = await PartFile.open(target, "new");
    await part.finish();
    expect((await readdir(dirname(target))).sort()).toEqual([...mine, "config.json"].sort());
  });

  it("16 MiB at most of a file whose length nobody tells; nothing of it stays", async () => {
    const { url, close } = await serve((request, response) => {
      response.writeHead(200, { etag: '"x"' });
      if (request.method === "HEAD") return response.end();
      const more = (): void => void response.write(Buffer.alloc(2 ** 20), (error) => (error ? undefined : more()));
      return more();
    });
    await using connection = new Connection({});
    const remote = remoteOf({ url: `${url}/` }, {});
    const wanted = { path: "config.json", bytes: UNKNOWN, sha256: UNKNOWN } as const;
    const file = await askFor(connection, remote, wanted, UNKNOWN);
    const target = join(fixture.home, "endless/config.json");
    const download = downloadFile({ connection, remote, file, sha256: UNKNOWN, target, retry: connectionRetry() });
    await expect(download).rejects.toThrow(/says how long the file is, and more than 16777216 bytes come$/u);
    const [part] = await readdir(dirname(target));
    expect((await stat(join(dirname(target), part!))).size).toBe(0);
    close();
  });

  it.each<[string, string, boolean]>([
    ["*", "https://hub.example/x", true],
    ["example", "https://hub.example/x", true],
    [".example", "https://hub.example/x", true],
    ["*.example", "https://hub.example/x", true],
    ["ample", "https://hub.example/x", false],
    ["HUB.example", "https://hub.example/x", true],
    ["hub.example:443", "https://hub.example/x", true],
    ["hub.example:80", "https://hub.example/x", false],
    ["a,  b c,hub.example", "https://hub.example/x", true],
    ["::1", "http://[::1]:8080/x", true],
    ["[::1]:8080", "http://[::1]:8080/x", true],
    ["[::1]:9", "http://[::1]:8080/x", false],
    ["10.0.0.0/8", "http://10.2.3.4/x", true],
    ["10.0.0.0/8", "http://11.2.3.4/x", false],
    ["10.0.0.0/99", "http://10.2.3.4/x", false],
    ["fd00::/8", "http://[fd12::1]/x", true],
    ["2.3.4", "http://1.2.3.4/x", false],
  ])("no_proxy=%s and %s", (entry, address, isExempt) => {
    const proxies = new Proxies({ all_proxy: "proxy.example:3128", no_proxy: entry });
    expect(proxies.for(new URL(address)) === undefined).toBe(isExempt);
  });

  it("Retry-After in seconds and as a date, ten minutes at most", () => {
    const now = Date.parse("2026-11-26T12:00:00Z");
    expect(retryAfterMs("7", now)).toBe(7000);
    expect(retryAfterMs("Thu, 26 Nov 2026 12:00:30 GMT", now)).toBe(30_000);
    expect(retryAfterMs("Thu, 26 Nov 2026 11:00:00 GMT", now)).toBe(0);
    expect(retryAfterMs("86400", now)).toBe(600_000);
    for (const odd of ["soon", "-5", "1.5", ""]) expect(retryAfterMs(odd, now), odd).toBeUndefined();
  });

  it("a certificate that is not trusted is no passing fault, and errors of the program are none", () => {
    const asked = { address: "https://hub.example/x", host: "hub.example", proxy: undefined };
    const error = (code: string): Error => Object.assign(new Error(code), { code });
    expect(connectionFault(error("SELF_SIGNED_CERT_IN_CHAIN"), asked)).toMatchObject({
      passing: false,
      remedy: expect.stringContaining("NODE_EXTRA_CA_CERTS") as string,
    });
    expect(connectionFault(error("ENOTFOUND"), asked)?.passing).toBe(true);
    expect(connectionFault(error("ENOSPC"), asked)).toBeUndefined();
    expect(connectionFault(new TypeError("x is not a function"), asked)).toBeUndefined();
  });

  it("the rate is that of the last seconds, without what lay on the disk", () => {
    let now = 0;
    const meter = new Meter({ totalBytes: 1000, totalFiles: 1, doneBytes: 0 }, () => now);
    meter.found(200);
    expect(meter.progress()).toMatchObject({ doneBytes: 200, bytesPerSecond: undefined, leftMs: undefined });
    for (now = 1000; now <= 4000; now += 1000) meter.add(100);
    now = 4000;
    expect(meter.progress()).toMatchObject({ doneBytes: 600, bytesPerSecond: 100, leftMs: 4000 });
    now = 60_000;
    meter.add(100);
    expect(meter.progress().bytesPerSecond).toBeLessThan(10);
    meter.add(-100);
    expect(meter.progress().doneBytes).toBe(600);
  });
});
