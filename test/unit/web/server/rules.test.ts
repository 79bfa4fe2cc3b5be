// The small rules of the web server, each with what it must take and refuse.
import { hostname } from "node:os";
import { describe, expect, it, vi } from "vitest";
import { parseRoots, reachableHost, urlOf } from "../../../../src/ui/web/server/addresses.js";
import { ClientShare } from "../../../../src/ui/web/server/client-share.js";
import { DiskSpace } from "../../../../src/ui/web/server/disk-space.js";
import { EventRing } from "../../../../src/ui/web/server/event-ring.js";
import { hostCheck, hostName, isLoopback } from "../../../../src/ui/web/server/hosts.js";
import { Redactor } from "../../../../src/ui/web/server/redactor.js";
import { dispositionOf, safeName } from "../../../../src/ui/web/server/disposition.js";
import { rangeOf } from "../../../../src/ui/web/server/send-file.js";
import { Semaphore } from "../../../../src/ui/web/server/semaphore.js";
import { newToken, TokenCheck } from "../../../../src/ui/web/server/token.js";

describe("hosts", () => {
  it("are read without port and brackets; what is no host is none", () => {
    expect(["a.b:80", "A.B", "[::1]:7860", "a.b."].map(hostName)).toEqual(["a.b", "a.b", "::1", "a.b"]);
    for (const bad of [undefined, "", "a b", "a/b", "[::1", "[abc]", "a:b", "u@a", "a:123456"])
      expect(hostName(bad), bad).toBeUndefined();
  });

  it("are answered by name only where the name is known", () => {
    const isOwn = hostCheck(["comics.example", "::1"]);
    for (const good of [
      "localhost",
      "1.2.3.4:5",
      "[fe80::1]",
      "comics.example:80",
      "COMICS.example",
      "a.localhost",
      hostname(),
    ])
      expect(isOwn(good), good).toBe(true);
    for (const bad of ["example", "x.comics.example", "comics.example.evil", "localhost.evil", undefined])
      expect(isOwn(bad), bad).toBe(false);
  });

  it("are this machine alone, or not", () => {
    expect(["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"].map(isLoopback)).not.toContain(false);
    expect(["0.0.0.0", "::", "192.168.1.2", "127.evil", "localhost.evil", "128.0.0.1"].map(isLoopback)).not.toContain(
      true,
    );
  });

  it("become addresses for a browser", () => {
    expect(urlOf("::1", 1, undefined)).toBe("http://[::1]:1/");
    expect(urlOf("a", 1, "x&y")).toBe("http://a:1/?token=x%26y");
    expect(reachableHost("10.0.0.1")).toBe("10.0.0.1");
    expect(reachableHost("0.0.0.0")).not.toBe("0.0.0.0");
  });

  it("have roots by name", () => {
    expect([...parseRoots(["/", "t=/tmp"]).keys()]).toEqual(["root", "t"]);
    expect(() => parseRoots(["/tmp", "tmp=/"])).toThrow(/two folders are named "tmp"/);
  });
});

describe("ranges", () => {
  it.each([
    ["bytes=0-", { start: 0, end: 10 }],
    ["bytes=9-9", { start: 9, end: 10 }],
    ["bytes=-3", { start: 7, end: 10 }],
    ["bytes=-30", { start: 0, end: 10 }],
    ["bytes=3-99", { start: 3, end: 10 }],
    ["bytes=10-", "none"],
    ["bytes=-0", "none"],
    ["bytes=5-4", undefined],
    ["bytes=0-1,3-4", undefined],
    ["bytes=-", undefined],
    ["items=0-1", undefined],
    [undefined, undefined],
  ])("%s of ten bytes", (header, range) => expect(rangeOf(header, 10)).toEqual(range));

  it("of an empty file are none", () => {
    expect(rangeOf("bytes=0-", 0)).toBe("none");
    expect(rangeOf("bytes=-1", 0)).toBe("none");
  });
});

it("tells names of files in ASCII, and in UTF-8 where they are more, Latin-1 too", () => {
  expect(dispositionOf("a.png", "inline")).toBe('inline; filename="a.png"');
  expect(dispositionOf("Éte.cbz")).toBe("attachment; filename=\"?te.cbz\"; filename*=UTF-8''%C3%89te.cbz");
});

it("makes names of files safe", () => {
  expect(
    [
      "a.png",
      "../../a.png",
      "C:\\x\\a.png",
      "a\r\nb.png",
      '"a".png',
      "...",
      "",
      "a/",
      ".hidden",
      "\u202egnp.exe",
      "第一話.png",
    ].map(safeName),
  ).toEqual([
    "a.png",
    "a.png",
    "a.png",
    "a__b.png",
    "_a_.png",
    "file",
    "file",
    "file",
    "hidden",
    "_gnp.exe",
    "第一話.png",
  ]);
});

describe("the redactor", () => {
  const redactor = new Redactor(
    new Map([
      ["/data/jobs-here", ""],
      ["/data/jobs-here/x", "inner"],
      ["/media/books", "books"],
    ]),
  );

  it("says paths from their known folder on", () => {
    expect(redactor.redact("cannot read /data/jobs-here/jobs/1/a.png: gone")).toBe("cannot read jobs/1/a.png: gone");
    expect(redactor.redact("cannot read /media/books/ch 1/a.png")).toBe("cannot read books/ch 1/a.png");
    expect(redactor.redact("/data/jobs-here/x/y")).toBe("inner/y");
    expect(redactor.redact("in /media/books")).toBe("in books");
  });

  it("leaves the last part of any other path of the machine", () => {
    expect(redactor.redact('the file "/usr/lib/x/libvips.so" is missing')).toBe('the file "libvips.so" is missing');
    expect(redactor.redact("/etc/passwd, (/tmp/a/b)")).toBe("passwd, (b)");
  });

  it("leaves addresses and relative paths alone", () => {
    for (const text of ["GET /api/v1/jobs", "http://host/usr/x", "a/usr/b", "docs/http-api.md", "1/2"])
      expect(redactor.redact(text)).toBe(text);
  });
});

describe("the token", () => {
  it("lets in by Bearer or cookie, in any case of the word", () => {
    const check = new TokenCheck("right-token", 5);
    expect(() => check.admit("a", { authorization: "bearer right-token" }, undefined)).not.toThrow();
    expect(() => check.admit("a", {}, check.cookie)).not.toThrow();
    for (const authorization of ["Bearer", "Bearer right-toke", "Bearer right-token x", "right-token", undefined])
      expect(() => check.admit("b", authorization === undefined ? {} : { authorization }, undefined)).toThrow(/token/);
    expect(() => check.admit("c", {}, "right-token")).toThrow(/no token/);
  });

  it("counts wrong ones by address and minute", () => {
    vi.useFakeTimers({ now: 0 });
    try {
      const check = new TokenCheck("right-token", 2);
      const status = (client: string, token: string): number => {
        try {
          check.admitToken(client, token);
          return 200;
        } catch (error) {
          return (error as { status: number }).status;
        }
      };
      expect(["x", "y", "z", "right-token"].map((token) => status("a", token))).toEqual([401, 401, 429, 429]);
      expect(status("b", "right-token")).toBe(200);
      vi.setSystemTime(60_000);
      expect(status("a", "right-token")).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  it("that is made cannot be guessed and fits an address", () => {
    const made = Array.from({ length: 100 }, newToken);
    expect(new Set(made).size).toBe(100);
    for (const token of made) expect(token).toMatch(/^[\w-]{32}$/);
  });
});

describe("the ring of events", () => {
  it("keeps up to a number and a size, and knows what it does not have", () => {
    const ring = new EventRing({ keptEvents: 3, keptEventBytes: 1000 });
    const start = ring.lastId;
    expect(ring.since(start)).toEqual([]);
    for (const data of ["1", "2", "3"]) ring.add(undefined, data);
    expect(ring.since(start)!.map(({ id }) => id)).toEqual([1, 2, 3]);
    ring.add(undefined, "4");
    expect(ring.since(start)).toBeUndefined();
    ring.add(undefined, "x".repeat(960));
    expect(ring.since(ring.lastId)).toEqual([]);
    expect(ring.since(ring.lastId.replace(/-5$/, "-4"))).toHaveLength(1);
    expect(ring.since(ring.lastId.replace(/-5$/, "-3"))).toBeUndefined();
    // One that is too large for the ring is told and not kept.
    const before = ring.lastId;
    ring.add(undefined, "x".repeat(2000));
    expect(ring.since(before)).toBeUndefined();
    expect(ring.since(ring.lastId)).toEqual([]);
    expect(ring.since(`${ring.lastId}0`)).toBeUndefined();
  });
});

describe("shares", () => {
  it("are given back once, and count clients apart", () => {
    const share = new ClientShare("uploads", 2, 3);
    const end = share.begin("a");
    share.begin("a");
    expect(() => share.begin("a")).toThrow(expect.objectContaining({ status: 429 }));
    share.begin("b");
    expect(() => share.begin("c")).toThrow(expect.objectContaining({ status: 503 }));
    end();
    end();
    expect(share.count).toBe(2);
    share.begin("c");
    expect(() => share.begin("d")).toThrow(expect.objectContaining({ status: 503 }));
  });

  it("of the disk count what is on its way", async () => {
    const space = new DiskSpace("/", 10, async () => 100);
    const giveBack = await space.book(60);
    await expect(space.book(31)).rejects.toMatchObject({ status: 507, code: "ERR_OUTPUT_WRITE" });
    await space.book(30);
    giveBack();
    giveBack();
    await space.book(60);
    await expect(space.book(1)).rejects.toMatchObject({ status: 507 });
  });

  it("of turns go round in order, and those who leave are passed over", async () => {
    const turns = new Semaphore(1, 3);
    const done: string[] = [];
    let finish!: () => void;
    const first = turns.run(() => new Promise<void>((resolve) => (finish = resolve)));
    const gone = new AbortController();
    const later = [
      turns.run(async () => void done.push("second")),
      turns.run(async () => void done.push("never"), gone.signal).catch((error: Error) => done.push(error.message)),
      turns.run(async () => Promise.reject(new Error("fails"))).catch((error: Error) => done.push(error.message)),
    ];
    await expect(turns.run(async () => undefined)).rejects.toMatchObject({ status: 503 });
    gone.abort(new Error("gone"));
    finish();
    await Promise.all([first, ...later]);
    expect(done).toEqual(["gone", "second", "fails"]);
    expect(await turns.run(async () => "free")).toBe("free");
  });
});
