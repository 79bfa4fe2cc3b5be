/**
 * Several devices with one queue of pages: each page goes to a device that has room, and best to one that has its
 * references.
 */
import { WaitingLine } from "../../concurrency/waiting-line.js";
import type { Style } from "../../config/batch-config.js";
import { BatchProcessingError, systemCode } from "../../errors.js";
import { getLogger } from "../../logging.js";
import type { PageSize } from "../../memory/memory-manager.js";
import type { SharedPlanes } from "../networks/staging.js";
import type { DeviceLane } from "./device-lane.js";

const log = getLogger("devices");

/** A page, or a tile of one, that wants a device. */
export interface LaneRequest {
  readonly name: string;
  readonly style: Style;
  readonly size: PageSize;
  /** Reference patches a quadrant. */
  readonly topK: number;
  /** Bytes of the page's references that a device has already. */
  readonly heldBytes: (lane: DeviceLane) => number;
  readonly signal?: AbortSignal | undefined;
}

/** What is known of a device when a page is given to one. */
export interface LaneChoice {
  readonly inFlight: number;
  readonly heldBytes: number;
}

/**
 * The device for a page: the one with the fewest pages, where having the page's references counts as one page less.
 * Among equals the first one.
 * @param choices devices with room, at least one
 * @returns its position
 */
export function chooseLane(choices: readonly LaneChoice[]): number {
  const score = ({ inFlight, heldBytes }: LaneChoice): number => inFlight - (heldBytes > 0 ? 1 : 0);
  return choices.reduce((best, choice, index) => (score(choice) < score(choices[best]!) ? index : best), 0);
}

/** A page's place on a device. */
interface Place {
  readonly lane: DeviceLane;
  readonly leave: (isDone: boolean) => void;
}

/** The devices of an engine. Pages are served first come, first served. */
export class DeviceLanes implements Disposable {
  readonly all: readonly DeviceLane[];
  /** Memory for planes that workers and networks share. */
  readonly planes: SharedPlanes;
  readonly #waiting = new WaitingLine<LaneRequest, Place>(() => this.#advance());
  #loss: unknown;

  /**
   * @param lanes at least one
   * @param planes those of all lanes
   */
  constructor(lanes: readonly DeviceLane[], planes: SharedPlanes) {
    this.all = lanes;
    this.planes = planes;
  }

  /** Whether work may have to be done again on another device. */
  get areSeveral(): boolean {
    return this.all.length > 1;
  }

  /** Devices that are not lost. */
  get ready(): readonly DeviceLane[] {
    return this.all.filter(({ isLost }) => !isLost);
  }

  /** The first device that is not lost. @throws the error of the last device that was lost, when all are */
  first(): DeviceLane {
    const [lane] = this.ready;
    if (lane === undefined) throw this.#loss;
    return lane;
  }

  /**
   * Does `work` on a device. When the device is lost in it, it is done again on another one.
   * @param work gets the device, and whether it was begun before on one that was lost
   * @throws what `work` throws; `ERR_DEVICE_LOST` when no device is left; the signal's reason
   */
  async run<T>(request: LaneRequest, work: (lane: DeviceLane, isAgain: boolean) => Promise<T>): Promise<T> {
    for (let isAgain = false; ; isAgain = true) {
      const { lane, leave } = await this.#enter(request);
      let isDone = false;
      try {
        const result = await work(lane, isAgain);
        isDone = true;
        return result;
      } catch (error) {
        if (request.signal?.aborted === true || systemCode(error) !== "ERR_DEVICE_LOST") throw error;
        this.#lose(lane, error);
        if (this.ready.length === 0) throw error;
        log.warn({ device: lane.name, page: request.name }, "the page goes to another device");
      } finally {
        leave(isDone);
      }
    }
  }

  #lose(lane: DeviceLane, error: unknown): void {
    this.#loss = error;
    if (lane.isLost) return;
    lane.lose();
    log.error({ device: lane.name, left: this.ready.map(({ name }) => name), err: error }, "device lost");
    this.#advance();
  }

  #enter(request: LaneRequest): Promise<Place> {
    return this.#waiting.wait(request, request.signal);
  }

  #advance(): void {
    for (let { first } = this.#waiting; first !== undefined; { first } = this.#waiting) {
      const { ready } = this;
      if (ready.length === 0) {
        first.refuse(this.#loss ?? noDevice());
        continue;
      }
      const { size, topK, heldBytes } = first.wish;
      const open = ready.filter((lane) => lane.memory.hasRoom(lane.inFlight, size, topK));
      if (open.length === 0) return;
      const choices = open.map((lane) => ({ inFlight: lane.inFlight, heldBytes: heldBytes(lane) }));
      first.give(this.#place(open[chooseLane(choices)]!, first.wish));
    }
  }

  #place(lane: DeviceLane, { name, style, size, topK }: LaneRequest): Place {
    const booking = lane.memory.bookPage(name, size, topK);
    const end = lane.enter(style);
    return {
      lane,
      leave: (isDone) => {
        booking.release();
        end(isDone);
        this.#advance();
      },
    };
  }

  [Symbol.dispose](): void {
    for (const lane of this.all) lane[Symbol.dispose]();
  }
}

function noDevice(): BatchProcessingError {
  return new BatchProcessingError("ERR_STATE", "the engine has no device", { remedy: "open another one" });
}
