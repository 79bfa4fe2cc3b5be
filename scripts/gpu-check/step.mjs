// One step in its own process: `step.mjs FILE.FUNCTION JSON`. Prints a line of JSON for each figure as it is measured,
// so that a step that is ended early leaves what it had. Exit code 0 passed, 1 failed, 2 skipped.
const [, , target, text] = process.argv;
const [file, name] = target.split(".");

const emit = (figure, value, unit = "") => process.stdout.write(`${JSON.stringify({ figure, value, unit })}\n`);

try {
  const steps = await import(`./steps/${file}.mjs`);
  await steps[name](JSON.parse(text), emit);
  process.exitCode = 0;
} catch (error) {
  const skipped = error?.name === "Skip";
  process.stdout.write(
    `${JSON.stringify(skipped ? { skip: error.message } : { fault: error?.message ?? String(error) })}\n`,
  );
  if (!skipped) process.stderr.write(`${error?.stack ?? error}\n`);
  process.exitCode = skipped ? 2 : 1;
}
// Sessions that a failed step left open must not keep the process.
process.exit();
