#!/bin/sh
# The whole recipe on a machine with a large GPU, in calls of at most ten minutes. Run it again (on the same machine) until it
# exits with 0: exit status 3 means that there is more to do. Package, pictures, log and checkpoints then lie under $OUT.
set -u
cd "$(dirname "$0")" || exit 1
: "${OUT:=/tmp/recipe-out}" "${WORK:=/tmp/recipe-gpu}" "${WALL:=570}" "${MINUTES:=19}" "${PAGES:=none}"
mkdir -p "$OUT" "$WORK"
PYTHONUNBUFFERED=1 python3 -m cobra_recipe all --config gpu --threads 8 --drawers 12 --minutes "$MINUTES" --wall "$WALL" \
  --work "$WORK" --package "$OUT/default" --montages "$OUT/evaluation" --pages "$PAGES" 2>&1 | tee -a "$WORK/log.txt" | grep -v "_jit_pass"
cp "$WORK/log.txt" RUNS.md "$OUT/"
[ -f "$OUT/evaluation/figures.json" ] || exit 3
cp -r "$WORK/slim" "$OUT/"
