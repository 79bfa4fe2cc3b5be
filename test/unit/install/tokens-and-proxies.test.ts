// Tokens go to the hub alone and stand in no message; proxies by the usual variables.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ForwardProxy } from "../../support/forward-proxy.js";
import { ERIKA, serve, useHub } from "../../support/hub-place.js";

const fixture = useHub();

describe("the token", () => {
  const token = "hf_secretsecretsecret";

  it("goes to the hub and to nobody else, and stands in no message", async () => {
    await fixture.hub[Symbol.asyncDispose]();
    fixture.hub = await fixture.start({ token });
    const missing = await fixture.get();
    expect(missing.failure).toMatch(/set HF_TOKEN/u);
    const wrong = await fixture.get({ HF_TOKEN: "hf_wrongwrong" });
    expect(wrong.failure).toMatch(/the hub refuses the token, or .* does not exist/u);
    expect(wrong.failure).not.toContain("hf_wrongwrong");
    fixture.hub.requests.splice(0);
    fixture.hub.fault("cdn", ERIKA, { cutAfter: 10 });
    const got = await fixture.get({ HF_TOKEN: ` ${token}\n` });
    expect(got.failure).toBe("");
    const of = (place: string): unknown[] => [
      ...new Set(fixture.hub.requests.filter((one) => one.place === place).map(({ authorization }) => authorization)),
    ];
    expect(of("head")).toEqual([`Bearer ${token}`]);
    expect(of("get")).toEqual([`Bearer ${token}`]);
    expect(of("cdn")).toEqual([undefined]);
    const said = JSON.stringify([got, missing, wrong]);
    expect(said).not.toContain(token);
    expect(said).not.toContain("secret-signature"); // the CDN's addresses are signed
  });

  it("is refused where it cannot be one, without being shown", async () => {
    const { failure } = await fixture.get({ HF_TOKEN: "hf_a\r\nX-Evil: 1" });
    expect(failure).toMatch(/^ERR_CONFIG the hub's token .*copy it again/u);
    expect(failure).not.toContain("Evil");
  });

  it("is not sent in the clear, other than to this machine", async () => {
    await using proxy = await ForwardProxy.start();
    const env = { HF_TOKEN: token, http_proxy: `http://${proxy.host}` };
    const { failure } = await fixture.get({ ...env, HF_ENDPOINT: "http://mirror.example" });
    expect(failure).toMatch(/^ERR_MODEL_SOURCE http:\/\/mirror\.example\//u);
    const inTheClear = proxy.authorizations.splice(0);
    expect(inTheClear.length).toBeGreaterThan(0);
    expect(new Set(inTheClear)).toEqual(new Set([undefined]));
    expect((await fixture.get(env)).failure).toBe("");
    expect(new Set(proxy.authorizations)).toEqual(new Set([undefined, `Bearer ${token}`]));
  });

  it("and a mirror's address are checked", async () => {
    expect((await fixture.get({ HF_ENDPOINT: "ftp://mirror.example" })).failure).toMatch(
      /^ERR_CONFIG HF_ENDPOINT is "ftp:/u,
    );
    const { failure } = await fixture.get({ HF_ENDPOINT: "https://me:hunter2@mirror.example" });
    expect(failure).toMatch(/^ERR_CONFIG HF_ENDPOINT/u);
    expect(failure).not.toContain("hunter2");
    const none = await fixture.get({ HF_ENDPOINT: "me:hunter2@mirror?key=1" });
    expect(none.failure).toMatch(
      /^ERR_CONFIG HF_ENDPOINT is "mirror", which is not the address of a hub or mirror; name one/u,
    );
  });
});

describe("proxies", () => {
  it("are used by the usual variables, also with user and password, and not for no_proxy", async () => {
    await using proxy = await ForwardProxy.start("me:pass word");
    const wrong = await fixture.get({ http_proxy: `http://${proxy.host}` });
    expect(wrong.failure).toMatch(
      /^ERR_MODEL_SOURCE .*: the proxy .* wants a user and a password \(status 407\); put its user and password into its address/u,
    );
    expect(wrong.failure).toContain(proxy.host);
    const through = await fixture.get({ HTTP_PROXY: `http://me:pass%20word@${proxy.host}` });
    expect(through.failure).toBe("");
    expect(proxy.asked.some((line) => line.startsWith(`GET ${fixture.hub.cdn}/blobs/`))).toBe(true);
    expect(proxy.asked.some((line) => line.startsWith("CONNECT"))).toBe(false);
    const asked = proxy.asked.length;
    await rm(join(fixture.home, ".originals"), { recursive: true });
    expect((await fixture.get({ all_proxy: `http://${proxy.host}`, no_proxy: "example.org,127.0.0.1" })).failure).toBe(
      "",
    );
    expect(proxy.asked.length).toBe(asked);
  });

  it("carry https: in a tunnel; one that refuses it is named", async () => {
    await using proxy = await ForwardProxy.start("me:secret");
    const { failure } = await fixture.get({
      HF_ENDPOINT: "https://hub.example",
      https_proxy: `http://me:wrong-secret@${proxy.host}`,
    });
    expect(proxy.asked[0]).toBe("CONNECT hub.example:443");
    expect(failure).toMatch(
      /^ERR_MODEL_SOURCE the proxy 127\.0\.0\.1:\d+ refuses a connection to hub\.example \(407\); put its user and password/u,
    );
    expect(failure).not.toContain("wrong-secret");
  });

  it("that refuse a plain request are named, and the hub is not blamed alone", async () => {
    const { url, close } = await serve((_request, response) => response.writeHead(403).end("<html>Blocked</html>"));
    const { failure } = await fixture.get({ http_proxy: url });
    close();
    expect(failure).toMatch(
      /^ERR_MODEL_SOURCE .*: the proxy 127\.0\.0\.1:\d+ or the hub refuses it \(status 403\); try without the proxy \(no_proxy\)/u,
    );
  });

  it("of other kinds are refused by the variable's name", async () => {
    const { failure } = await fixture.get({ all_proxy: "socks5://me:secret@127.0.0.1:9" });
    expect(failure).toMatch(/^ERR_CONFIG the proxy of the variable all_proxy cannot be used \(its kind is socks5\)/u);
    expect(failure).not.toContain("secret");
  });
});
