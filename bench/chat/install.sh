#!/bin/bash
# Makes the peer's venv and builds llama.cpp for this machine; needs Python, CMake and a C++ compiler.
set -e; cd "$(dirname "$0")"
python3 -m venv venv
CMAKE_ARGS="-DGGML_NATIVE=ON" venv/bin/pip install -q -r requirements.lock
