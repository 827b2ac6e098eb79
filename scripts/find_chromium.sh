#!/bin/sh
# Prints where a Chromium is: one that is there, else the system's package, else
# Playwright's own. What else is said goes to stderr.
set -eu

# Prints a browser that starts, if there is one.
installed() {
    for browser in "${CHROMIUM:-}" chromium chromium-browser google-chrome \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "$(playwrights_own)"; do
        # Ubuntu's chromium-browser is a note that asks for a snap: it has no version.
        if path=$(command -v "$browser") && "$path" --version >/dev/null 2>&1; then
            echo "$path"
            return
        fi
    done
    return 1
}

playwrights_own() {
    .venv/bin/python -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)'
}

installed && exit
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    {
        apt-get update && apt-get install --yes --no-install-recommends chromium
    } >&2 || echo "No Chromium from apt-get; trying Playwright's" >&2
    installed && exit
fi
.venv/bin/python -m playwright install chromium >&2 || true
installed && exit
echo "Chromium is missing: install it, or name it with CHROMIUM=" >&2
exit 1
