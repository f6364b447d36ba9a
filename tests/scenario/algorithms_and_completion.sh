# What the plugins tell of themselves, and what the tables give besides help.
status 0 dozan algorithms
for name in random grid tpe bayesianoptimization medianstop; do
    grep -Eq "^$name +(search|early stopping) +built-in +[A-Z]" out || fail "no row of $name"
done
status 0 dozan algorithms -o name
out tpe
status 0 dozan algorithms tpe
out "Name:            tpe"
grep -Eq '^  n_EI_candidates +int +24 ' out || fail "no such setting with its default"
status 0 dozan algorithms tpe -o json
json .name tpe
json '.settings[] | select(.name == "n_EI_candidates") | .default' 24
status 0 dozan algorithms -o yaml
out "- name: random"
status 2 dozan algorithms tpee
err "tpee"

status 0 dozan completion bash
bash -n out || fail "the completion is no bash"
cat >complete.bash <<'BASH'
. ./out
offers() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); COMPREPLY=(); _dozan; echo "${COMPREPLY[*]}"; }
set -e
[ "$(offers dozan val)" = validate ]
[ "$(offers dozan get '')" = "experiments trials" ]
[ "$(offers dozan run --durability '')" = "full normal off" ]
[ "$(offers dozan run --par)" = --parallel ]
[ "$(offers dozan help alg)" = algorithms ]
[ "$(offers dozan completion f)" = fish ]
[ "$(offers dozan algorithms gri)" = grid ]
case $(offers dozan describe experiment bo) in "bowl bowl-"*) ;; *) exit 1 ;; esac
case $(offers dozan logs bowl-) in bowl-*) ;; *) exit 1 ;; esac
BASH
experiment bowl 3 1 "$bowl"
dozan run bowl.yaml --quiet >/dev/null
bash -x complete.bash 2>trace.txt || { tail -n 5 trace.txt >&2; : >out; fail "bash completes something else"; }
for shell in zsh fish; do
    status 0 dozan completion $shell
    out "durability"
    out "experiments"
    if command -v $shell >/dev/null; then $shell -n out || fail "the completion is no $shell"; fi
done

cmp -s "$DOZAN_BUILD/completions/dozan" - <<BASH || fail "the built completion is another one"
$(dozan completion bash)
BASH
status 0 dozan man
cmp -s out "$DOZAN_BUILD/dozan.1" || fail "the built manual page is another one"
out ".SH EXIT STATUS"
if command -v man >/dev/null; then
    man --warnings -l out >page.txt 2>warnings.txt || fail "man cannot read it"
    [ ! -s warnings.txt ] || fail "man complains: $(head -n 1 warnings.txt)"
fi
