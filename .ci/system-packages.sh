#!/usr/bin/env bash
# What pip cannot install: Pango, with which WeasyPrint sets type; with "tests" also Chromium and a JDK for veraPDF.
# Where something is missing, install it with apt-get or say how.
set -eu
packages=()
for pair in libpango-1.0.so.0:libpango-1.0-0 libpangoft2-1.0.so.0:libpangoft2-1.0-0 libharfbuzz-subset.so.0:libharfbuzz-subset0; do
  ldconfig -p 2>/dev/null | grep -q "${pair%%:*}" || packages+=("${pair##*:}")
done
if [ "${1:-}" = tests ]; then
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || packages+=(chromium)
  command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless)
fi
[ ${#packages[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "Missing: ${packages[*]} (names of Debian's). HTML reports will be made; PDFs need Pango (brew install pango, dnf install pango)."
  exit 0
fi
run=""
[ "$(id -u)" -eq 0 ] || run="sudo -n"
if $run true 2>/dev/null; then
  $run apt-get update -q >/dev/null
  for package in "${packages[@]}"; do  # one by one: a test tool that cannot be had must not cost the PDFs
    DEBIAN_FRONTEND=noninteractive $run apt-get install -y -q --no-install-recommends "$package" >/dev/null || echo "Could not install $package."
  done
else
  echo "Missing: ${packages[*]}. Run: sudo apt-get install ${packages[*]}"
fi
