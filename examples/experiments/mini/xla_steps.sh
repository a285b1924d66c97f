# Steps of xla.sh (XLA, ACL 2021), one function each. To be sourced; it reads
#   here        the checkout             bin, out    data folder, and folder of the runs
#   encoder     folder with model.pt     problem     tagging or sentence_pair
#   sizes       options of batches, lengths and loader, for every training
#   warm, adapt options of the warm-up and of the adaptation: rates, numbers of updates, validation
#   vicinity    options of xl-augment vicinity
# Every step that has finished is kept.
members=(1000 3000 4000) # seeds of the released scripts
quiet=(--log-format simple --log-interval 50)

quietly() { # LOG COMMAND...: all output to LOG; its end is shown when the command fails
  local log=$1
  shift
  "$@" > "$log" 2>&1 || { tail -n 5 "$log" >&2; echo "failed: see $log" >&2; return 1; }
}

warm_up() { # the three members with the confidence penalty, and the first one without
  local seed name options
  for name in plain-1000 "${members[@]/#/member-}"; do
    seed=${name#*-} options=(--conf-penalty 1)
    [ "$name" = plain-1000 ] && options=(--conf-penalty 0)
    [ -f "$out/$name.done" ] && continue
    quietly "$out/$name.log" fairseq-train "$bin" --user-dir "$here/xl_plugins" --task "xl_$problem" "${sizes[@]}" \
      --restore-file "$encoder/model.pt" --save-dir "$out/$name" --seed "$seed" --valid-languages source --select source-dev \
      --weight-decay 0.01 --keep-interval-updates 1 --no-epoch-checkpoints "${warm[@]}" "${options[@]}" "${quiet[@]}"
    touch "$out/$name.done"
  done
}

generate() { # LANGUAGE...: virtual sentences of their training texts
  local language
  for language; do
    [ -f "$bin/$language/vicinity/manifest.json" ] && continue
    quietly "$out/vicinity-$language.log" xl-augment vicinity "$bin" --path "$encoder/model.pt" --languages "$language" \
      "${vicinity[@]}"
  done
}

score() { # NAME LANGUAGES CHECKPOINT...: their mean as NAME.json, and several of them as one system, NAME-ensemble.json
  local name=$1 languages=$2
  shift 2
  [ -f "$out/$name.json" ] || xl-evaluate "$bin" --languages "$languages" --json "$out/$name.json" --path "$@" > "$out/$name.txt"
  [ $# -eq 1 ] || [ -f "$out/$name-ensemble.json" ] || xl-evaluate "$bin" --languages "$languages" --ensemble \
    --json "$out/$name-ensemble.json" --path "$@" > "$out/$name-ensemble.txt"
}

score_warm_up() { # LANGUAGES
  score zero-shot "$1" "$out/plain-1000/checkpoint_best.pt"
  score penalty "$1" "$out"/member-{1000,3000,4000}/checkpoint_best.pt
}

adapt_to() { # TARGET OPTIONS...: XLA, its members after each XLA epoch, and their scores
  local target=$1 save=$out/xla-$1 start=$SECONDS epoch
  shift
  if [ ! -f "$save.done" ]; then
    quietly "$save.log" fairseq-train "$bin" --user-dir "$here/xl_plugins" --task xla_cotrain_task --problem "$problem" \
      --xla-target "$target" \
      --xla-init-members "$out/member-1000/checkpoint_best.pt,$out/member-3000/checkpoint_best.pt,$out/member-4000/checkpoint_best.pt" \
      "${sizes[@]}" --save-dir "$save" --seed 1000 --save-interval 6 --keep-last-epochs -1 "${adapt[@]}" "$@" \
      "${quiet[@]}"
    touch "$save.done"
    echo "$problem, $target: adapted in $((SECONDS - start)) seconds"
  fi
  for epoch in 1 2 3; do # six trainings each
    [ -f "$save/epoch-$epoch/member-3.pt" ] || xl-convert members "$save/checkpoint$((6 * epoch)).pt" --out "$save/epoch-$epoch"
    score "xla-$target-$epoch" "en,$target" "$save/epoch-$epoch"/member-{1,2,3}.pt
  done
}

show() { # TARGET: the columns of the article's tables, p-values against zero-shot, and of the ensembles among themselves
  xl-evaluate --compare "$out"/{zero-shot,penalty,xla-"$1"-1,xla-"$1"-2,xla-"$1"-3}.json \
    --names zero-shot,+penalty,"XLA epoch 1,XLA epoch 2,XLA epoch 3" --significance
  xl-evaluate --compare "$out"/{penalty-ensemble,xla-"$1"-1-ensemble,xla-"$1"-2-ensemble,xla-"$1"-3-ensemble}.json \
    --names "ensemble of three,XLA epoch 1 (ensemble),XLA epoch 2 (ensemble),XLA epoch 3 (ensemble)" --significance
  xl-evaluate --compare "$out"/{penalty,xla-"$1"-3}.json --names "+penalty,XLA epoch 3" --significance
}
