import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryLedger, type Booking } from "../../../src/memory/ledger.js";

const stateError = expect.objectContaining({ code: "ERR_STATE" }) as Error;

/** free + reserved + held == total, and the running totals are the sums of the bookings. */
function check(ledger: MemoryLedger, open: readonly Booking[]): void {
  const { totalBytes, freeBytes, reservedBytes, heldBytes, bookings, owners } = ledger.snapshot();
  expect(freeBytes + reservedBytes + heldBytes).toBe(totalBytes);
  const sum = (state: string): number =>
    open.filter((one) => one.state === state).reduce((bytes, one) => bytes + one.bytes, 0);
  expect([reservedBytes, heldBytes]).toEqual([sum("reserved"), sum("held")]);
  expect(bookings).toBe(open.filter((one) => one.state !== "released").length);
  expect(Object.values(owners).reduce((bytes, one) => bytes + one.bytes, 0)).toBe(reservedBytes + heldBytes);
}

describe("MemoryLedger", () => {
  it("goes from reservation to commit to release, and says by whom", () => {
    const ledger = new MemoryLedger(100);
    const page = ledger.reserve("page 1", 30);
    expect(ledger.snapshot()).toMatchObject({ freeBytes: 70, reservedBytes: 30, heldBytes: 0 });
    page.commit(40);
    expect(ledger.snapshot()).toMatchObject({
      freeBytes: 60,
      reservedBytes: 0,
      heldBytes: 40,
      owners: { "page 1": { bytes: 40, bookings: 1 } },
    });
    page.release();
    page.release();
    expect(ledger.snapshot()).toEqual({
      totalBytes: 100,
      freeBytes: 100,
      reservedBytes: 0,
      heldBytes: 0,
      bookings: 0,
      owners: {},
    });
  });

  it("releases by `using`, also when something is thrown between reservation and commit", () => {
    const ledger = new MemoryLedger(100);
    expect(() => {
      using booking = ledger.reserve("page", 10);
      throw new Error(booking.owner);
    }).toThrow("page");
    expect(ledger.snapshot()).toMatchObject({ bookings: 0, freeBytes: 100 });
  });

  it("lets hold overdraw", () => {
    const ledger = new MemoryLedger(50);
    ledger.hold("cache", 50);
    ledger.hold("cache", 10);
    expect(ledger.freeBytes).toBe(-10);
  });

  it("refuses steps out of order", () => {
    const booking = new MemoryLedger(1).reserve("page", 1);
    expect(() => booking.resize(2)).toThrow(stateError);
    booking.commit();
    expect(() => booking.commit()).toThrow(stateError);
    booking.release();
    expect(() => booking.resize(2)).toThrow(stateError);
  });

  it("keeps its books over any sequence of steps", () => {
    const step = fc.record({
      action: fc.constantFrom("reserve", "hold", "commit", "resize", "release", "total"),
      at: fc.nat(20),
      bytes: fc.nat(1000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ledger = new MemoryLedger(2000);
        const all: Booking[] = [];
        for (const { action, at, bytes } of steps) {
          const booking = all[at % Math.max(1, all.length)];
          if (action === "reserve" || action === "hold") all.push(ledger[action](`owner ${at % 3}`, bytes));
          else if (action === "total") ledger.totalBytes = bytes;
          else if (action === "release") booking?.release();
          else if (booking?.state === (action === "commit" ? "reserved" : "held")) booking[action](bytes);
          check(ledger, all);
        }
        for (const booking of all) booking.release();
        expect(ledger.snapshot()).toMatchObject({ bookings: 0, reservedBytes: 0, heldBytes: 0 });
      }),
    );
  });
});
