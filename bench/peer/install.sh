#!/bin/bash
# Rebuilds venv without triton, cuda-bindings, cusolver, nvtx (not needed to import or to run on CPU).
set -e; cd "$(dirname "$0")"; python3 -m venv venv; P="nice venv/bin/pip install -q"
$P --no-deps torch==2.15.0 torchvision==0.29.2 timm==1.0.31
$P filelock 'typing-extensions>=4.13' 'setuptools>=77.0.3' 'sympy>=1.13.3' networkx jinja2 fsspec numpy==2.4.6
$P 'cuda-toolkit[cublas,cudart,cufft,cufile,cupti,cusparse,nvjitlink,nvrtc]==13.2.2' nvidia-cudnn-cu13==9.26.0.51 \
   nvidia-cusparselt-cu13==0.8.1 nvidia-nccl-cu13==2.30.7 nvidia-nvshmem-cu13==3.7.2
$P transformers==5.23.0 onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 scikit-learn==1.9.1 safetensors tokenizers pyyaml huggingface_hub pillow
# The allocator is unpacked, not installed; without it the peer runs on the system's.
mkdir -p alloc; (cd alloc && apt-get download libtcmalloc-minimal4 && for d in *.deb; do dpkg -x "$d" .; done) ||
  echo "no tcmalloc: put libtcmalloc_minimal.so.4 anywhere below $PWD/alloc" >&2
