#!/usr/bin/env bash
# Pins what pyproject.toml allows: writes requirements/*.txt, each with hashes. Run it after a change to the dependencies.
#   requirements/compile.sh             keep the pins that still fit
#   requirements/compile.sh --upgrade   take the newest versions allowed
# dev.txt is solved first and constrains the others, so that one environment can hold any of them. It names s3 only to
# share one python-dateutil with production.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(command -v uv || echo .venv/bin/uv)
compile() { # compile NAME [uv pip compile arguments]
  local name=$1
  shift
  "$uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
    --python-version 3.11 --output-file "requirements/$name.txt" "$@" pyproject.toml
}

demo=(--extra bank --extra embedded --extra fast --extra http --extra otp --extra rest --extra standalone --extra stripe)
test=("${demo[@]}" --extra postgres --extra s3 --extra test --extra vault)
pinned=("$@" --constraint requirements/dev.txt)

compile dev "$@" "${test[@]}" --extra dev
compile demo "${pinned[@]}" "${demo[@]}"
compile test "${pinned[@]}" "${test[@]}"
# rq-scheduler names freezegun and imports it in its tests only: a library that changes time is no part of production.
compile production --no-emit-package freezegun "${pinned[@]}" --extra bank --extra fast --extra http --extra mysql --extra otp --extra postgres --extra rest --extra s3 --extra standalone --extra stripe --extra vault
compile bench "${pinned[@]}" "${test[@]}" --extra bench
# The MySQL driver has no wheel: it stands alone, so that a machine without a compiler still gets all the rest.
grep -o 'mysqlclient[^"]*' pyproject.toml | "$uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
  --no-header --python-version 3.11 --output-file requirements/mysql.txt "${pinned[@]}" -

if grep -nE 'https?://|^--?(index|extra-index|find-links|trusted-host)|^-[if] ' requirements/*.txt; then
  echo 'A requirements file names where packages come from; that is the reader'"'"'s choice. Remove the lines above.' >&2
  exit 1
fi
