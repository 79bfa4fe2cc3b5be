// Rounds of kills: a round is one output from its first process to its last, and everything in it is drawn from the
// round's seed, so that the seed alone repeats it.
import { expect } from "vitest";

/** What the environment asks for: `npm run test:crash` sets both, other runs take the same seed each time. */
export const ASKED_KILLS = Number(process.env["COBRA_KILLS"] ?? 0);
export const ASKED_SEED =
  process.env["COBRA_KILL_SEED"] === undefined ? undefined : Number(process.env["COBRA_KILL_SEED"]);

/** What a round has seen. */
export interface Round {
  /** The kind of output and of its commands, for people. */
  readonly what: string;
  /** Where each process was killed. */
  readonly kills: readonly string[];
  /** Pages that were quarantined. */
  readonly aside: readonly string[];
  /** Whatever else was not as in an undisturbed run. */
  readonly faults: readonly string[];
}

export interface KillRounds {
  readonly kills: number;
  /** Rounds there are at least. */
  readonly rounds: number;
  /** How many go on at once. */
  readonly atOnce: number;
  /** Seed of the first round; each has the next. */
  readonly seed: number;
}

/**
 * Plays rounds until so many processes were killed, then holds that no page was quarantined and nothing else was wrong.
 * With a seed from `npm run test:crash` it says a line a round.
 */
export async function killRounds(asked: KillRounds, play: (seed: number) => Promise<Round>): Promise<void> {
  let [seed, rounds, kills] = [asked.seed, 0, 0];
  const [aside, faults]: [string[], string[]] = [[], []];
  const lane = async (): Promise<void> => {
    while (kills < asked.kills || rounds < asked.rounds) {
      const [own, started] = [seed++, performance.now()];
      rounds++;
      const round = await play(own);
      kills += round.kills.length;
      const where = `seed ${own}: ${round.what}, killed ${round.kills.join(", ") || "never"}`;
      aside.push(...round.aside.map((page) => `${page}; ${where}`));
      faults.push(...round.faults.map((fault) => `${fault}; ${where}`));
      if (ASKED_SEED === undefined) continue;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(
        `${where}; ${seconds} s; so far ${kills} kills, ${aside.length} pages quarantined, ${faults.length} faults\n`,
      );
    }
  };
  await Promise.all(Array.from({ length: asked.atOnce }, lane));
  expect({ aside, faults }).toEqual({ aside: [], faults: [] });
}
