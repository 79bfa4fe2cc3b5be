/** Names of archives in the encodings of old packers. The bytes are those that Python's codecs give. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectNameEncoding, NAME_ENCODINGS, type NameEncoding } from "../../../../src/io/names/name-encoding.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import { rawZip } from "../../../support/archives.js";
import { temporaryFolder } from "../image/pictures.js";

const NAMES: Readonly<Record<NameEncoding, readonly (readonly [text: string, hex: string])[]>> = {
  shift_jis: [
    ["表紙", "955c8e86"],
    ["第1巻/001", "91e6318aaa2f303031"],
    ["進撃の巨人 第01話", "90698c8282cc8b90906c2091e630319862"],
    ["ソードアート", "835c815b83688341815b8367"],
    ["予定表", "975c92e8955c"],
    ["漫画タイトル 第３巻", "969f89e6835e83438367838b2091e682528aaa"],
    ["鬼滅の刃", "8b5396c582cc906e"],
    ["よつばと！", "82e682c282ce82c68149"],
    ["裏表紙", "97a0955c8e86"],
    ["扉", "94e0"],
    ["目次", "96da8e9f"],
    ["キャラクター紹介", "834c83838389834e835e815b8fd089ee"],
  ],
  gbk: [
    ["封面", "b7e2c3e6"],
    ["第1卷/001", "b5da31beed2f303031"],
    ["火影忍者 第01话", "bbf0d3b0c8ccd5df20b5da3031bbb0"],
    ["海贼王", "baa3d4f4cdf5"],
    ["进击的巨人 第三话", "bdf8bbf7b5c4bedec8cb20b5dac8fdbbb0"],
    ["目录", "c4bfc2bc"],
    ["彩页", "b2cad2b3"],
    ["汉化组", "bababbafd7e9"],
  ],
  big5: [
    ["封面", "abcaadb1"],
    ["第1卷", "b2c431a8f7"],
    ["火影忍者 第01話", "a4f5bc76a7d4aacc20b2c43031b8dc"],
    ["海賊王", "aefcb8e9a4fd"],
    ["進擊的巨人", "b669c0bbaabaa5a8a448"],
    ["目錄", "a5d8bffd"],
    ["漫畫", "baa9b565"],
  ],
  "euc-kr": [
    ["표지", "c7a5c1f6"],
    ["제1권/001", "c1a631b1c72f303031"],
    ["나 혼자만 레벨업", "b3aa20c8a5c0dab8b820b7b9baa7bef7"],
    ["신의 탑 1화", "bdc5c0c720c5be2031c8ad"],
    ["목차", "b8f1c2f7"],
    ["만화", "b8b8c8ad"],
  ],
  cp437: [
    ["für", "668172"],
    ["Müller", "4d816c6c6572"],
    ["Éléphant", "906c827068616e74"],
    ["señor", "7365a46f72"],
    ["Größe", "477294e165"],
    ["déjà vu", "64826a85207675"],
    ["Astérix", "41737482726978"],
    ["façade été", "66618761646520827482"],
    ["naïve", "6e618b7665"],
    ["élève", "826c8a7665"],
    ["Çà et là", "8085206574206c85"],
    ["Übermut", "9a6265726d7574"],
    ["Ångström", "8f6e67737472946d"],
  ],
  cp866: [
    ["Глава 1/001", "83aba0a2a020312f303031"],
    ["Том 2", "92aeac2032"],
    ["Наруто", "8da0e0e3e2ae"],
    ["обложка", "aea1abaea6aaa0"],
    ["Ван Пис 03", "82a0ad208fa8e1203033"],
    ["Бегущий человек", "81a5a3e3e9a8a920e7a5abaea2a5aa"],
    ["МАНГА", "8c808d8380"],
    ["стр 5", "e1e2e02035"],
    ["Ёжик в тумане", "f0a6a8aa20a220e2e3aca0ada5"],
    ["Берсерк", "81a5e0e1a5e0aa"],
  ],
  "windows-1251": [
    ["Глава 1/001", "c3ebe0e2e020312f303031"],
    ["Том 2", "d2eeec2032"],
    ["Наруто", "cde0f0f3f2ee"],
    ["обложка", "eee1ebeee6eae0"],
    ["Ван Пис 03", "c2e0ed20cfe8f1203033"],
    ["Бегущий человек", "c1e5e3f3f9e8e920f7e5ebeee2e5ea"],
    ["МАНГА", "ccc0cdc3c0"],
    ["стр 5", "f1f2f02035"],
    ["Ёжик в тумане", "a8e6e8ea20e220f2f3ece0ede5"],
    ["Берсерк", "c1e5f0f1e5f0ea"],
  ],
  "windows-1252": [
    ["Größe", "4772f6df65"],
    ["Müller", "4dfc6c6c6572"],
    ["Éléphant", "c96ce97068616e74"],
    ["señor", "7365f16f72"],
    ["déjà vu", "64e96ae0207675"],
    ["Astérix", "417374e9726978"],
    ["façade été", "6661e761646520e974e9"],
    ["naïve", "6e61ef7665"],
    ["élève", "e96ce87665"],
    ["Çà et là", "c7e0206574206ce0"],
    ["Übermut", "dc6265726d7574"],
    ["Ångström", "c56e67737472f66d"],
    ["Tome 3 – l’île", "546f6d6520332096206c92ee6c65"],
  ],
};
const bytesOf = (hex: string): Buffer => Buffer.from(hex, "hex");

describe("detectNameEncoding", () => {
  it.each(NAME_ENCODINGS)(
    "%s: told from all names, and from single ones but where two letters cannot tell",
    async (encoding) => {
      expect(await detectNameEncoding(NAMES[encoding].map(([, hex]) => bytesOf(hex)))).toBe(encoding);
      const wrong: string[] = [];
      for (const [text, hex] of NAMES[encoding])
        if ((await detectNameEncoding([bytesOf(hex)])) !== encoding) wrong.push(text);
      expect(wrong).toEqual(encoding === "cp437" || encoding === "windows-1252" ? ["Größe"] : []);
    },
  );

  it.each(["shift_jis", "gbk", "big5", "euc-kr"] as const)(
    "%s: one name that is cut in the middle of a character, or is of no encoding, does not rule it out",
    async (encoding) => {
      const names = NAMES[encoding].map(([, hex]) => bytesOf(hex));
      for (const spoilt of [...names.map((name) => Buffer.concat([name, Buffer.from([0x83])])), bytesOf("80fffdfe")])
        for (let at = 0; at <= names.length; at++)
          expect(await detectNameEncoding(names.toSpliced(at, 0, spoilt))).toBe(encoding);
    },
  );

  it("gbk: characters of four bytes (GB 18030) are read beside the others", async () => {
    const path = join(await temporaryFolder(), "four.cbz");
    const names = ["b5da3031bbb0", "8139ee39b5da3032bbb0"].map((hex) =>
      Buffer.concat([bytesOf(hex), Buffer.from(".png")]),
    );
    await writeFile(path, rawZip(names.map((name) => ({ name, flags: 0 }))));
    const source = await openPageSource(path);
    expect(source.entries().map(({ name }) => name)).toEqual(["㐀第02话.png", "第01话.png"]);
    await source.close();
  });

  it("encodings of one byte lose nothing: 128 names of one byte each stay 128 names", async () => {
    const names = Array.from({ length: 128 }, (_, index) => Buffer.from([0x80 + index, ...Buffer.from(".png")]));
    for (const before of ["cp437", "windows-1252", "cp866", "windows-1251"] as const) {
      const path = join(await temporaryFolder(), `${before}.cbz`);
      const known = NAMES[before].map(([, hex]) => Buffer.concat([bytesOf(hex), Buffer.from(".png")]));
      const all = [...known, ...known.map((name) => Buffer.concat([Buffer.from("2 "), name])), ...names];
      await writeFile(path, rawZip(all.map((name, index) => ({ name, flags: 0, data: String(index) }))));
      const source = await openPageSource(path);
      expect(source.faults).toEqual([]);
      const read = await Promise.all(source.entries().map(async (entry) => Buffer.from(await entry.read()).toString()));
      expect(new Set(read).size).toBe(all.length);
      expect(source.entries().some(({ name }) => name.includes("\ufffd"))).toBe(false);
      await source.close();
    }
  });

  it("takes any bytes, none included", async () => {
    expect(await detectNameEncoding([])).toBe("cp437");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), async (names) => {
        expect(NAME_ENCODINGS).toContain(await detectNameEncoding(names));
      }),
    );
  });
});

describe("an archive with names in", () => {
  it.each(NAME_ENCODINGS)("%s is read by them, beside names in UTF-8 and ASCII", async (encoding) => {
    const path = join(await temporaryFolder(), "names.cbz");
    const old = NAMES[encoding].map(([text, hex]) => ({
      text: `${text}.png`,
      entry: { name: Buffer.concat([bytesOf(hex), Buffer.from(".png")]), flags: 0, data: text },
    }));
    await writeFile(
      path,
      rawZip([
        ...old.map(({ entry }) => entry),
        { name: "頁.png", data: "flagged" },
        { name: "plain.png", flags: 0, data: "ascii" },
      ]),
    );
    const source = await openPageSource(path);
    expect(source.faults).toEqual([]);
    expect(
      source
        .entries()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([...old.map(({ text }) => text.normalize("NFC")), "頁.png", "plain.png"].toSorted());
    const second = source.entries().find(({ name }) => name === old[1]!.text)!;
    expect(Buffer.from(await second.read()).toString()).toBe(NAMES[encoding][1]![0]);
    await source.close();
  });

  it("one name of no encoding: the others are read, the one is a page and told of, in archives and in folders", async () => {
    const names = [
      ...NAMES.shift_jis.map(([, hex]) => Buffer.concat([bytesOf(hex), Buffer.from(".png")])),
      Buffer.concat([bytesOf("ff61fd"), Buffer.from(".png")]),
    ];
    const folder = await temporaryFolder();
    await writeFile(join(folder, "spoilt.cbz"), rawZip(names.map((name) => ({ name, flags: 0, data: "page" }))));
    const pages = join(folder, "pages");
    await mkdir(pages);
    for (const name of names.filter((bytes) => !bytes.includes("/")))
      await writeFile(Buffer.concat([Buffer.from(`${pages}/`), name]), "page");
    for (const input of [join(folder, "spoilt.cbz"), pages]) {
      const source = await openPageSource(input);
      expect(source.faults).toEqual([]);
      const found = source.entries().map(({ name }) => name);
      expect(found).toEqual(expect.arrayContaining(["表紙.png", "\ufffda\ufffd.png"]));
      for (const entry of source.entries()) expect(Buffer.from(await entry.read()).toString()).toBe("page");
      expect(source.warnings).toEqual([
        {
          message: expect.stringContaining("has a name that is neither UTF-8 nor") as string,
          remedy: "check the name of its result",
        },
      ]);
      expect(source.warnings![0]!.message).toContain("\ufffda\ufffd.png");
      await source.close();
    }
  });

  it("a Shift-JIS character whose second byte is a backslash is no backslash, and a real one parts folders", async () => {
    const path = join(await temporaryFolder(), "backslash.cbz");
    await writeFile(
      path,
      rawZip([
        { name: Buffer.concat([bytesOf("955c8e86"), Buffer.from(".png")]), flags: 0 },
        { name: Buffer.concat([bytesOf("955c8e86"), Buffer.from("\\x.png")]), flags: 0 },
      ]),
    );
    const source = await openPageSource(path);
    expect(source.entries().map(({ name }) => name)).toEqual(["表紙.png", "表紙/x.png"]);
    expect(source.faults).toEqual([]);
    await source.close();
  });
});
