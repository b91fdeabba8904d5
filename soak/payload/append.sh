#!/bin/sh
# Input, a newline if it lacks one, and the text; how a text begins says what else happens (soak/plan.py).
set -eu
case "$(head -c 5 "$2")" in
fail:) echo "as the text asks" >&2; exit 3 ;;
slow:) sleep 3 ;;
esac
{
  cat "$1"
  if [ -s "$1" ] && [ "$(tail -c 1 "$1" | od -An -tx1 | tr -d ' ')" != 0a ]; then echo; fi
  cat "$2"
} >"$3"
