#!/bin/sh
# Starts @WHAT@ with the Node and the libraries of this folder, wherever it lies.
set -eu
link=$0
while [ -h "$link" ]; do
  to=$(readlink "$link")
  case $to in
  /*) link=$to ;;
  *) link=$(dirname "$link")/$to ;;
  esac
done
here=$(cd "$(dirname "$link")" && pwd)
if [ -f "$here/lib/in-use" ]; then
  LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
fi
COBRA_LAUNCHER=$0
export COBRA_LAUNCHER
exec "$here/bin/node" "$here/@SCRIPT@" "$@"
