#!/bin/sh
# The story of a stolen laptop, with `kez` alone: an identity with a recovery key on paper and a second device, a thief
# who takes it over, and the words that take it back.
#
#   docs/recovery.sh alice@kez.example https://kez.example
#
# Every machine is a folder here. Prints what each step comes to, one JSON document a line.
set -eu
name=$1 server=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
on() { # MACHINE COMMAND…: as if on that machine
  machine=$1
  shift
  mkdir -p "$work/$machine"
  HOME="$work/$machine" KEZ_SERVER="$server" KEZ_KEY='' kez "$@"
}

# A name, a chain, and a recovery key whose 24 words belong on paper.
on laptop key new
on laptop register "${name%@*}" --server-name "${name#*@}"
on laptop sigchain create --recovery-out "$work/words"

# The phone makes its own key and offers it; the laptop signs.
on phone key new
on phone sigchain offer "$name" >"$work/offer"
on laptop sigchain add-device "$work/offer"

# Somebody has the laptop, and makes a key of their own the primary.
cp -R "$work/laptop" "$work/thief"
on thief --key "$work/thief/new.json" key new
on thief sigchain rotate --new-key "$work/thief/new.json"

# The words, on a clean machine: everything behind event 2 is displaced.
on new key new
on new sigchain recover "$name" --words "$work/words" --new-key "$work/new/.config/kez/key.json" --after 2

# Whoever asks, verifies; the laptop's key and the thief's stand for nobody.
on friend lookup "$name" --server "$server"
on friend sigchain show "$name"
on friend sigchain audit "$name" | on friend verify
if on thief --key "$work/thief/new.json" sigchain show 2>/dev/null; then exit 1; fi
if on laptop sigchain show 2>/dev/null; then exit 1; fi

# The phone still is a device, and the new machine may say otherwise.
on phone sigchain show >/dev/null
