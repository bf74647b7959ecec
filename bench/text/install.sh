#!/bin/bash
# Adds what texts need to the peer's packages, which bench/peer/install.sh has put into its venv.
set -e; cd "$(dirname "$0")"
${1:-../peer/venv}/bin/pip install -q --no-deps -r requirements.lock
