// Loaded into the command by `runCliSignalled` (`cli.ts`): sends the process signals when it has written certain text
// to standard output. From outside a signal may come when all is done, where the one that watches is slow.
import { isMainThread } from "node:worker_threads";

const { signal, at } = JSON.parse(process.env.COBRA_TEST_SIGNALS);
const write = process.stdout.write;

if (isMainThread)
  process.stdout.write = function (chunk, ...rest) {
    const done = write.call(this, chunk, ...rest);
    if (at.length > 0 && String(chunk).includes(at[0])) {
      at.shift();
      process.kill(process.pid, signal);
    }
    return done;
  };
