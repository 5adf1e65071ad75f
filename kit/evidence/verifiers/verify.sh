#!/bin/sh
# Verifies this folder with sha256sum and openssl. Exit code 0: every file is as it was signed.
# Usage: sh verify.sh [SHA-256 of the public key, as the organisation gave it to you]
set -eu
cd "$(dirname "$0")"
fingerprint=$(openssl pkey -pubin -in public.pem -outform DER | sha256sum | cut -d ' ' -f 1)
if [ $# -gt 0 ] && [ "$1" != "$fingerprint" ]; then
  echo "the key is another one: $fingerprint" >&2
  exit 1
fi
openssl dgst -sha256 -verify public.pem -signature manifest.sig manifest.json >/dev/null || {
  echo "manifest.json is not what was signed" >&2
  exit 1
}
sha256sum --quiet --check SHA256SUMS
while read -r digest name; do
  grep -q "\"sha256\": \"$digest\"" manifest.json || { echo "$name is not in the manifest" >&2; exit 1; }
done <SHA256SUMS
listed=$(grep -c '"sha256":' manifest.json)
summed=$(wc -l <SHA256SUMS)
[ "$listed" -eq "$summed" ] || { echo "the manifest lists $listed files, SHA256SUMS $summed" >&2; exit 1; }
field() { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" statement.dsse.json; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
field payload | openssl base64 -d -A >"$work/payload"
field sig | openssl base64 -d -A >"$work/sig"
kind=$(field payloadType)
{ printf 'DSSEv1 %d %s %d ' "${#kind}" "$kind" "$(wc -c <"$work/payload")"; cat "$work/payload"; } >"$work/signed"
openssl dgst -sha256 -verify public.pem -signature "$work/sig" "$work/signed" >/dev/null || {
  echo "statement.dsse.json is not what was signed" >&2
  exit 1
}
grep -q "$(sha256sum manifest.json | cut -d ' ' -f 1)" "$work/payload" || {
  echo "statement.dsse.json speaks of another manifest" >&2
  exit 1
}
find . -type f ! -name manifest.json ! -name manifest.sig ! -name public.pem ! -name SHA256SUMS \
  ! -name statement.dsse.json | sed 's|^\./||' | while read -r name; do
  grep -q "  $name\$" SHA256SUMS || { echo "$name was added" >&2; exit 1; }
done
echo "holds: $listed files, signed by the key $fingerprint"
