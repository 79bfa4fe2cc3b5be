/** One page in, one picture out, in one request: for programs in any language. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { withoutUndefined } from "../../../../config/without-undefined.js";
import type { ColorizedImage, ColorizeImageOptions } from "../../../../colorization/colorize-image.js";
import { colorizedPage, colorizeSettings } from "../../api/requests.js";
import { dispositionOf, safeName } from "../disposition.js";
import { bytes, errors } from "../answers.js";
import type { App } from "../app-type.js";
import { bodyLength } from "../body.js";
import { ClientShare } from "../client-share.js";
import { formFault, formParts } from "../form.js";
import { RequestError, tooLarge } from "../request-error.js";
import type { Services } from "../services.js";
import { checked, readJson } from "../validation.js";

const MEDIA_TYPES: Readonly<Record<ColorizedImage["format"], string>> = {
  png: "image/png",
  jpeg: "image/jpeg",
  webp: "image/webp",
  tiff: "image/tiff",
  avif: "image/avif",
  psd: "image/vnd.adobe.photoshop",
};

/** Adds the route. */
export function colorizeRoute(app: App, services: Services): void {
  const { backend, limits } = services;
  const share = new ClientShare("pages to colour", limits.colorizeCalls, limits.colorizeCalls);
  app.post(
    "/colorize",
    {
      config: {
        longBody: true,
        form: {
          page: { type: "file", description: "the page" },
          references: { type: "files", description: "coloured references" },
          settings: { type: "json", description: "settings that differ from the defaults: ColorizeSettings" },
          hints: { type: "file", description: "strokes of colour on transparency, in the page's shape" },
        },
      },
      schema: {
        operationId: "colorize",
        summary: "Colour one page",
        description: "Answers with the picture, or, where JSON is accepted, with the picture in base64 and its facts.",
        tags: ["colorize"],
        consumes: ["multipart/form-data"],
        response: {
          200: {
            description: "the coloured page",
            content: {
              "application/json": { schema: colorizedPage },
              ...Object.fromEntries(Object.values(MEDIA_TYPES).map((type) => [type, { schema: bytes }])),
            },
          },
          ...errors,
        },
      },
    },
    async (request, reply) => {
      bodyLength(request, limits.requestBytes);
      const end = share.begin(request.ip);
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort(new Error("the client has gone")));
      try {
        const form = await readForm(request, services);
        const coloured = await backend.colorizeImage(form.page, { ...form.options, signal: gone.signal });
        return send(request, reply, coloured, form.name);
      } finally {
        end();
      }
    },
  );
}

interface Form {
  readonly page: Uint8Array;
  readonly name: string;
  readonly options: ColorizeImageOptions;
}

/** @throws RequestError 413 for a picture that is too large; ValidationError `ERR_ARGUMENT` */
async function readForm(request: FastifyRequest, { limits }: Services): Promise<Form> {
  const references: { name: string; data: Uint8Array }[] = [];
  let page: { name: string; data: Uint8Array } | undefined;
  let hints: Uint8Array | undefined;
  let settings: unknown = {};
  const parts = formParts(request, {
    limits: {
      fileSize: limits.pageBytes,
      files: limits.references + 2,
      fields: 4,
      fieldSize: limits.jsonBytes,
      parts: limits.references + 6,
    },
  });
  for await (const part of parts) {
    const { fieldname } = part;
    if (part.type === "field") {
      if (fieldname !== "settings") throw unknownPart(fieldname);
      // A part whose Content-Type is JSON comes parsed.
      settings = typeof part.value === "string" ? readJson(part.value, "settings") : part.value;
      continue;
    }
    const data = await part.toBuffer().catch((error: unknown) => {
      throw (error as { code?: string }).code === "FST_REQ_FILE_TOO_LARGE"
        ? tooLarge(`the picture "${fieldname}" has more than ${limits.pageBytes} bytes`)
        : formFault(error);
    });
    const named = { name: safeName(part.filename ?? "picture"), data };
    if (fieldname === "page") page = named;
    else if (fieldname === "hints") hints = data;
    else if (fieldname === "references") references.push(named);
    else if (fieldname === "settings") settings = readJson(data.toString(), "settings");
    else throw unknownPart(fieldname);
  }
  if (page === undefined || page.data.byteLength === 0)
    throw new RequestError(400, "ERR_ARGUMENT", 'the form has no page; send the picture\'s file as "page"');
  if (references.length > limits.references)
    throw tooLarge(`the form has ${references.length} references; at most ${limits.references} are taken`);
  const { numInferenceSteps: steps, hints: dots, ...rest } = checked(colorizeSettings, settings, "settings");
  const marks = hints ?? dots;
  return {
    page: page.data,
    name: page.name,
    options: {
      ...withoutUndefined({ ...rest, steps, hints: marks }),
      references: references.filter(({ data }) => data.byteLength > 0),
      name: page.name,
    },
  };
}

function unknownPart(name: string): RequestError {
  return new RequestError(
    400,
    "ERR_ARGUMENT",
    `the form has a part ${JSON.stringify(name.slice(0, 60))}; it may have page, references, settings and hints`,
  );
}

function send(request: FastifyRequest, reply: FastifyReply, coloured: ColorizedImage, name: string): FastifyReply {
  const { data, layers: _layers, ...facts } = coloured;
  if (/\bapplication\/json\b/.test(request.headers.accept ?? ""))
    return reply
      .type("application/json; charset=utf-8")
      .serializer(String)
      .send(JSON.stringify({ data: Buffer.from(data).toString("base64"), ...facts }));
  const { format, width, height, seed } = facts;
  const stem = name.replace(/\.[^.]*$/, "");
  return reply
    .type(MEDIA_TYPES[format])
    .headers({
      "x-picture-size": `${width}x${height}`,
      "x-picture-seed": String(seed),
      "content-disposition": dispositionOf(`${stem}_colorized.${format === "jpeg" ? "jpg" : format}`),
    })
    .send(data);
}
