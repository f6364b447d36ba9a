# On a terminal the run draws itself, and leaves nothing of it behind but the result.
command -v script >/dev/null || exit 0
experiment bowl 6 2 "$bowl; sleep 0.1"
TERM=xterm script -qec "stty cols 100 rows 30; dozan run bowl.yaml" typescript >/dev/null </dev/null
esc=$(printf '\033')
grep -qF "${esc}[J" typescript || fail "nothing was drawn"
grep -qF "6/6  6 succeeded" typescript || fail "no bar"
grep -qF "best  loss=" typescript || fail "no best"
grep -qF "Experiment bowl: Succeeded" typescript || fail "no result"
awk -v esc="$esc" '{ gsub(esc "\\[[0-9;]*[A-Za-z]", ""); gsub("\r", ""); if (length($0) > 130) exit 1 }' typescript ||
    fail "a line is wider than the terminal"
dozan delete bowl --quiet
TERM=dumb script -qec "dozan run bowl.yaml" plain >/dev/null </dev/null
if grep -qF "${esc}[" plain; then fail "escape sequences on a dumb terminal"; fi
