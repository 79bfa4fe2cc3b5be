#!/bin/sh
# Installs cobra-batch from the archive beside this file: checks every part against its SHA-256, joins the parts,
# unpacks them. Needs a POSIX shell, tar, gzip, and sha256sum, shasum or openssl. Uses no network.
set -eu

archive='@ARCHIVE@'
name='@NAME@'
kilobytes=@KILOBYTES@
parts='
@PARTS@
'

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

case "${1-}" in
'') target=$name ;;
--to)
  [ -n "${2-}" ] || fail '--to needs a folder'
  target=$2
  ;;
*)
  printf 'usage: sh install.sh [--to DIR]\n\nInstalls cobra-batch into DIR (default: ./%s).\n' "$name"
  [ "$1" = --help ] && exit 0
  exit 64
  ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
[ ! -e "$target" ] || fail "$target exists; name another folder with --to, or remove it first"

sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 <"$1" | sed 's/^.*= *//'
  else
    fail 'no sha256sum, shasum or openssl is installed; one of them must check the archive'
  fi
}
for tool in tar gzip cat; do
  command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed"
done

# Names and hashes hold no spaces.
wrong=
set -- $parts
while [ $# -gt 0 ]; do
  if [ ! -f "$here/$2" ]; then
    wrong="$wrong
  $2 is missing"
  elif [ "$(sha256 "$here/$2")" != "$1" ]; then
    wrong="$wrong
  $2 is damaged: its SHA-256 is not $1"
  fi
  shift 2
done
[ -z "$wrong" ] || fail "the archive $archive is not whole; copy these again into $here:$wrong"

mkdir -p "$(dirname "$target")"
free=$(df -Pk "$(dirname "$target")" 2>/dev/null | awk 'NR == 2 { print $4 }') || free=
if [ -n "$free" ] && [ "$free" -lt "$kilobytes" ]; then
  fail "$target needs $kilobytes KB of disk, of which $free KB are free; name another folder with --to"
fi

partial=$target.partial-$$
trap 'rm -rf "$partial"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$partial"
set -- $parts
files=
while [ $# -gt 0 ]; do
  files="$files $2"
  shift 2
done
(cd "$here" && cat $files) | gzip -dc | (cd "$partial" && tar -xf -)
[ -f "$partial/$name/complete" ] || fail "unpacking $archive failed; see above"

# libstdc++ and libgcc are carried for systems that have none or older ones; the system's own are used where they will
# do, because GPU libraries may need newer ones than ours.
root=$partial/$name
works() { "$root/bin/node" -e 'process.dlopen({ exports: {} }, process.argv[1])' "$root/@ADDON@" 2>"$partial/said"; }
if ! works; then
  if LD_LIBRARY_PATH=$root/lib works; then
    : >"$root/lib/in-use"
  else
    cat "$partial/said" >&2
    fail 'Node or the addon does not start here: glibc 2.34 or newer on x86-64 Linux is needed'
  fi
fi
mv "$root" "$target"
printf 'installed: %s\nnext: %s/cobra-batch doctor\n' "$target" "$target"
