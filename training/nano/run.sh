#!/usr/bin/env bash
# Makes src/rlm/nano/nano.gguf from nothing: run.sh BOOKS WORK [MINUTES]
#   BOOKS    a folder of long English books, *.txt
#   WORK     a folder for the tokenizer, the data and the checkpoint; a run that was stopped goes on from there
#   MINUTES  of training, on two cores (default 120)
# Needs what requirements.txt lists, and rlm itself (pip install -e .).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
books=$1 work=$2 minutes=${3:-120}
mkdir -p "$work"
cd "$here"
[ -e "$work/tokenizer.json" ] || python tokenizer.py --books "$books" --out "$work/tokenizer.json"
[ -e "$work/recorded.jsonl" ] || python record.py --books "$books" --count 5000 --out "$work/recorded.jsonl"
python shards.py --books "$books" --tokenizer "$work/tokenizer.json" --recorded "$work/recorded.jsonl" \
    --count 12 --size 9000 --out "$work/shards"
python train.py --books "$books" --tokenizer "$work/tokenizer.json" --shards "$work/shards" --out "$work/run" \
    --minutes "$minutes"
python export.py --checkpoint "$work/run/checkpoint.pt" --tokenizer "$work/tokenizer.json" \
    --out "$here/../../src/rlm/nano/nano.gguf"
