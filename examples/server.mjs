// A server that colours pictures: POST a page, get it back in colour.
//
//   node examples/server.mjs reference.png [more.png ...]
//   curl --data-binary @page.png 'http://127.0.0.1:8080/?seed=7&format=webp' > coloured.webp
//
// PORT chooses the port (default 8080, 0 for any), COBRA_MODEL the model package.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename } from "node:path";
import { buffer } from "node:stream/consumers";
import { BatchProcessingError, Engine } from "cobra-batch";

const MAX_BODY_BYTES = 64 * 2 ** 20;
const STATUS = {
  ERR_ARGUMENT: 400,
  ERR_IMAGE_DECODE: 422,
  ERR_IMAGE_LIMIT: 413,
  ERR_QUEUE_FULL: 503,
  ERR_OUT_OF_MEMORY: 503,
};

const references = await Promise.all(
  process.argv.slice(2).map(async (path) => ({ name: basename(path), data: await readFile(path) })),
);
const engine = await Engine.open({ maxQueued: 16 });

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    const code = error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL";
    const status = STATUS[code] ?? 500;
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, {
      "content-type": "application/json",
      ...(status === 503 ? { "retry-after": "5" } : {}),
    });
    response.end(JSON.stringify({ code, message: error.message }));
  });
});

async function answer(request, response) {
  if (request.method !== "POST") {
    response.writeHead(405, { allow: "POST" }).end();
    return;
  }
  if (!(Number(request.headers["content-length"]) <= MAX_BODY_BYTES)) {
    response.writeHead(413).end();
    return;
  }
  // A caller who goes away need not be answered.
  const gone = new AbortController();
  response.on("close", () => gone.abort(new Error("the caller has gone")));
  const { searchParams } = new URL(request.url, "http://localhost");
  const number = (name) => (searchParams.has(name) ? { [name]: Number(searchParams.get(name)) } : {});
  const word = (name) => (searchParams.has(name) ? { [name]: searchParams.get(name) } : {});
  const { data, format, width, height } = await engine.colorizeImage(await buffer(request), {
    references,
    ...number("seed"),
    ...number("steps"),
    ...number("topK"),
    ...word("style"),
    ...word("format"),
    signal: gone.signal,
  });
  response.writeHead(200, {
    "content-type": format === "psd" ? "image/vnd.adobe.photoshop" : `image/${format}`,
    "content-length": data.byteLength,
    "x-picture-size": `${width}x${height}`,
  });
  response.end(data);
}

server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});

process.once("SIGTERM", () => {
  server.close(() => void engine.close());
  server.closeIdleConnections();
});
