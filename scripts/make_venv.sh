#!/bin/sh
# Makes .venv with a Python of 3.10 or newer, or says in one line what is missing.
set -eu

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3.10; do
    if is_new_enough "$python"; then
        "$python" -m venv .venv && exit
        rm -rf .venv
        echo "$python -m venv does not work: install its package (python3-venv)" >&2
        exit 1
    fi
done
echo "Python 3.10 or newer is missing: install it, or name it with PYTHON=" >&2
exit 1
