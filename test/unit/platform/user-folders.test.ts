// Folders of the user by the XDG Base Directory Specification, for all that uses them: a relative path is ignored.
import { describe, expect, it } from "vitest";
import { tensorRtFolder } from "../../../src/binding/runtime/tensorrt-cache.js";
import { hubHome } from "../../../src/install/fetch/remote.js";
import { sharedDataFolders, userCacheFolder, userDataFolder } from "../../../src/platform/user-folders.js";

const machine = { gpus: ["A"], onnxRuntime: "1", tensorRt: "2" };

describe.each([
  ["absolute", "/data", "/data", "/data"],
  ["relative", "data", "/people/ann/.local/share", "/people/ann/.cache"],
  ["empty", "", "/people/ann/.local/share", "/people/ann/.cache"],
])("XDG variables that are %s", (_what, value, data, cache) => {
  const env = { HOME: "/people/ann", XDG_DATA_HOME: value, XDG_CACHE_HOME: value };

  it("name the folder of data", () => expect(userDataFolder(env)).toBe(`${data}/cobra-batch`));

  it("name the folders of caches: the program's own, TensorRT's engines, the hub's", () => {
    expect(userCacheFolder(env)).toBe(`${cache}/cobra-batch`);
    expect(tensorRtFolder("0".repeat(64), machine, env)).toMatch(new RegExp(`^${cache}/cobra-batch/tensorrt/`, "u"));
    expect(hubHome(env)).toBe(`${cache}/huggingface`);
  });
});

it("ignores relative folders for all users", () => {
  expect(sharedDataFolders({ XDG_DATA_DIRS: "/a:b" })).toEqual(["/a/cobra-batch"]);
});
