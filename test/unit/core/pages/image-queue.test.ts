// The rules for the queue.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QueueError } from "../../../../src/errors.js";
import { ImageQueue } from "../../../../src/core/pages/image-queue.js";

const page = (inputPath: string, priority?: number) => ({
  inputPath,
  outputPath: `out/${inputPath}`,
  ...(priority === undefined ? {} : { priority }),
});

describe("ImageQueue", () => {
  it("gives each item a uuid and priority 0", () => {
    const item = new ImageQueue().enqueue(page("a.png"));
    expect(item.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(item).toMatchObject({ priority: 0, inputPath: "a.png", outputPath: "out/a.png" });
  });

  it("gives higher priority first, first-in first-out among equals", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constant("take" as const)), { maxLength: 60 }),
        (actions) => {
          const queue = new ImageQueue();
          const model: { name: string; priority: number }[] = [];
          const first = () => model.toSorted((a, b) => b.priority - a.priority)[0]; // toSorted is stable
          for (const [index, action] of actions.entries()) {
            if (action === "take") {
              const expected = first();
              if (expected) model.splice(model.indexOf(expected), 1);
              expect(queue.dequeue()?.inputPath).toBe(expected?.name);
            } else {
              queue.enqueue(page(`p${index}`, action));
              model.push({ name: `p${index}`, priority: action });
            }
            expect(queue.size).toBe(model.length);
            expect(queue.peek()?.inputPath).toBe(first()?.name);
          }
          expect([...queue].map((item) => item.inputPath)).toEqual(
            model.toSorted((a, b) => b.priority - a.priority).map(({ name }) => name),
          );
        },
      ),
    );
  });

  it("is iterable in the order of dequeue and takes nothing out", () => {
    const queue = new ImageQueue();
    for (const [name, priority] of [
      ["a", 0],
      ["b", 5],
      ["c", 0],
      ["d", 5],
    ] as const)
      queue.enqueue(page(name, priority));
    expect([...queue].map((item) => item.inputPath)).toEqual(["b", "d", "a", "c"]);
    expect(queue.size).toBe(4);
    queue.clear();
    expect([queue.size, queue.peek(), queue.dequeue()]).toEqual([0, undefined, undefined]);
  });

  it("puts back in front of its equals what was taken out, and behind higher priorities", () => {
    const queue = new ImageQueue();
    for (const [name, priority] of [
      ["a", 0],
      ["b", 0],
      ["c", 0],
      ["d", 5],
    ] as const)
      queue.enqueue(page(name, priority));
    const [d, a, b] = [queue.dequeue()!, queue.dequeue()!, queue.dequeue()!];
    for (const item of [d, b, a]) expect(queue.requeue(item)).toEqual(item); // ids stay
    expect([...queue].map((item) => item.inputPath)).toEqual(["d", "a", "b", "c"]);
    expect(() => queue.requeue(a)).toThrow(QueueError);
  });

  it("takes 100,000 items, each in O(log n): at O(n) this would not end before the test's time limit", () => {
    const queue = new ImageQueue();
    for (let i = 0; i < 100_000; i++) queue.enqueue(page(`p${i}`, i)); // rising priorities: each rises to the top, the worst case
    for (let i = 99_999; i >= 0; i--) if (queue.dequeue()?.priority !== i) throw new Error(`out of order at ${i}`);
    expect(queue.size).toBe(0);
  });

  it("answers misuse with a QueueError that names the value", () => {
    const queue = new ImageQueue();
    const { id } = queue.enqueue(page("a"));
    const bad = [
      [{ ...page("a"), id }, id],
      [page("", 0), "inputPath"],
      [{ ...page("a"), outputPath: "" }, "outputPath"],
      [page("a", Number.NaN), "NaN"],
      [{ ...page("a"), classificationConfidence: 1.5 }, "1.5"],
    ] as const;
    for (const [input, text] of bad) {
      expect(() => queue.enqueue(input)).toThrow(QueueError);
      expect(() => queue.enqueue(input)).toThrow(text);
    }
    expect(queue.size).toBe(1);
    queue.dequeue();
    queue.enqueue({ ...page("b"), id: "twice" });
    expect(() => queue.enqueue({ ...page("b"), id: "twice" })).toThrow(
      expect.objectContaining({ remedy: "leave the id out to get a new one" }),
    );
    expect(queue.enqueue({ ...page("a"), id }).id).toBe(id);
  });
});
