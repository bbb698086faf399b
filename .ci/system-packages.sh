#!/usr/bin/env bash
# WeasyPrint draws text with Pango, which pip cannot install. Where it is missing, install it or say how.
set -eu
packages=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)
missing=()
for library in libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz-subset.so.0; do
  ldconfig -p 2>/dev/null | grep -q "$library" || missing+=("$library")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "Missing: ${missing[*]}. HTML reports will be made; for PDFs install Pango (brew install pango, dnf install pango)."
  exit 0
fi
run=""
[ "$(id -u)" -eq 0 ] || run="sudo -n"
if $run true 2>/dev/null; then
  $run apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive $run apt-get install -y -q --no-install-recommends "${packages[@]}" >/dev/null
else
  echo "Missing: ${missing[*]}. HTML reports will be made; for PDFs run: sudo apt-get install ${packages[*]}"
fi
