// The address of Redis: what is one, and that a password is never shown.
import { expect, it } from "vitest";
import { checkRedisAddress, shownAddress } from "../../../src/farm/queue/redis-address.js";

it("takes addresses with users, passwords, databases and options", () => {
  for (const url of [
    "redis://host",
    "redis://host:6379/2",
    "rediss://user:sesame@host:6380",
    "redis://:ses%40me@[::1]:6379/0",
    "redis://host?family=6",
  ])
    expect(() => checkRedisAddress(url)).not.toThrow();
});

it("names what is wrong with an address that holds no secret", () => {
  for (const url of ["localhost:6379", "http://host", "redis://host:99999", "redis://host:x", "redis:///1"])
    expect(() => checkRedisAddress(url)).toThrow(/^--queue: must be redis:\/\/HOST:PORT/);
  expect(() => checkRedisAddress("localhost:6379")).toThrow(/not "localhost:6379"/);
});

it("shows no part of a password, however the address is wrong", () => {
  for (const url of [
    "redis://:sesame@host:99999",
    "redis://user:sesame@",
    "redis://:ses/ame@host",
    "redis://:se?sesame@host",
    "redis://x:1#sesame@host",
    "redis://:sesame/@host",
    "rediss://:sesame",
    "redis:/:sesame@host:6379",
    "http://:sesame@host",
    ":sesame@host",
    "sesame@host",
    "redis://host?password=sesame@",
  ])
    expect(() => checkRedisAddress(url)).toThrow(/^--queue: must be (?!.*ses)(?!.*ame)/);
});

it("shows an address without user, password and options", () => {
  expect(shownAddress("rediss://user:sesame@host:6380/1?password=sesame")).toBe("rediss://host:6380/1");
});
